//! What a batch is made of: withdrawals whose approvals hold, coins that are free, and a feerate.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{FeeRate, TxOut};
use policies::document::{Policy, parse_sat_per_vb};
use policies::hash::Purpose;
use policies::rules::{Decision, decide, satisfied};
use policies::{Intent, IntentKind, Subject, UnixTime};
use watchtower::store::database::Transaction;
use watchtower::store::{coins, fees, node};

use super::batches::WithdrawalName;
use super::building::Approved;
use super::standing::{Entry, Known};
use super::waiting::Waiting;
use super::withdrawals::{approving_keys, existing};
use super::{BatchError, MAX_LIMIT, Service, ServiceError, WithdrawalError};
use crate::coin_selection::Candidate;
use crate::session::withdrawal::WithdrawalState;
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{approvals, batches, statements};

/// How old the watchtower's last word on a node may be, in seconds; it is renewed every ten.
const LAST_WORD: u64 = 120;

/// Refuses while a node is in trouble, or nobody has looked at it for a while: its coins and fees
/// cannot be relied on.
pub(super) async fn refuse_in_trouble(
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<(), ServiceError> {
    for node in node::node_status(tx).await? {
        let unwatched = now.secs_since(node.checked_at) > LAST_WORD;
        let trouble = node.trouble.map(node::Trouble::code);
        if let Some(trouble) = trouble.or(unwatched.then_some("NODE_UNWATCHED")) {
            let node = node.node;
            return Err(BatchError::NodeTrouble { node, trouble }.into());
        }
    }
    Ok(())
}

/// The feerate given, or the estimate of the nearest target at or after ours; never a default.
pub(super) async fn feerate(
    service: &Service,
    tx: &mut Transaction,
    policy: &Policy,
    given: Option<&str>,
) -> Result<FeeRate, ServiceError> {
    let cap = policy.limits.feerate_max;
    if let Some(text) = given {
        let feerate = parse_sat_per_vb(text).map_err(|_| ServiceError::Malformed {
            field: "feerate_sat_vb",
            expected: "a feerate in sat/vB such as \"2.5\", exact in sat per 1000 weight units",
        })?;
        if feerate == FeeRate::ZERO {
            return Err(ServiceError::Malformed {
                field: "feerate_sat_vb",
                expected: "a feerate above 0: nothing replaces an attempt that nobody relays",
            });
        }
        if feerate > cap {
            return Err(BatchError::FeerateAboveCap { feerate, cap }.into());
        }
        return Ok(feerate);
    }
    let target = service.batch_settings().fee_target;
    let estimates = fees::fee_estimates(tx).await?;
    let fitting = estimates
        .iter()
        .find(|estimate| estimate.target >= target)
        .or(estimates.last());
    fitting
        .map(|estimate| estimate.feerate.min(cap))
        .ok_or(ServiceError::Batch(BatchError::NoFeerate))
}

/// The time over which intents and approvals must hold to be put into an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) now: UnixTime,
    /// When the last signer is expected to have signed.
    pub(super) until: UnixTime,
}

/// What a batch is made of, and what is left to wait.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Oldest first.
    pub(super) withdrawals: Vec<Approved>,
    pub(super) waiting: Vec<Waiting>,
    /// What was counted before.
    pub(super) known: Known,
}

/// The withdrawals to pay, oldest first: those named, or all approved ones that may stand together. One
/// that may not be paid now waits and holds up no other.
pub(super) async fn choose_withdrawals(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    named: Option<&[WithdrawalName]>,
    hold: Hold,
) -> Result<Chosen, ServiceError> {
    let change = usize::try_from(policy.limits.change_max_outputs.min(1)).unwrap_or(1);
    let max = usize::try_from(policy.limits.max_outputs)
        .unwrap_or(usize::MAX)
        .saturating_sub(change);
    let rows = asked_for(tx, vault, named, max).await?;
    let intents: Vec<&Intent> = rows.iter().map(|row| &row.intent).collect();
    let known = Known::load(tx, vault.id, policy, &intents, hold.now, hold.until).await?;
    let mut counted = known.clone();
    let mut outputs = BTreeSet::new();
    let mut chosen = Vec::new();
    let mut waiting = Vec::new();
    for row in rows {
        let (key, intent) = (row.key.clone(), row.intent.clone());
        let output = (intent.script_pubkey.clone(), intent.amount);
        let fitting = if outputs.contains(&output) {
            let amount = intent.amount;
            Err(ServiceError::Batch(BatchError::EqualPayments { amount }))
        } else if chosen.len() >= max {
            let found = chosen.len().saturating_add(1);
            Err(ServiceError::Batch(BatchError::TooManyPayments {
                found,
                max,
            }))
        } else {
            still_approved(tx, policy, row, hold, &known, &counted).await
        };
        match fitting {
            Ok(approved) => {
                counted.grant(&approved.rule, &intent);
                outputs.insert(output);
                chosen.push(approved);
            }
            Err(error) if named.is_none() && may_wait(&error) => {
                waiting.push(Waiting::of(key, &error));
            }
            Err(error) => return Err(error),
        }
    }
    if chosen.is_empty() {
        return Err(BatchError::NothingToBatch { waiting }.into());
    }
    if chosen.len() > 1 && named.is_some() && chosen.iter().any(is_sweep) {
        return Err(BatchError::SweepNotAlone.into());
    }
    // A sweep is its transaction's only payment: it waits until nothing else does.
    let later = if chosen.iter().all(is_sweep) {
        chosen.split_off(1)
    } else {
        chosen
            .extract_if(.., |approved| is_sweep(approved))
            .collect()
    };
    waiting.extend(later.into_iter().map(|approved| {
        Waiting::because(
            approved.withdrawal.key,
            "sweep",
            "a sweep is its transaction's only payment, and waits until nothing else does",
        )
    }));
    Ok(Chosen {
        withdrawals: chosen,
        waiting,
        known,
    })
}

/// Those named, or all approved ones, oldest first.
async fn asked_for(
    tx: &mut Transaction,
    vault: &VaultRow,
    named: Option<&[WithdrawalName]>,
    max: usize,
) -> Result<Vec<WithdrawalRow>, ServiceError> {
    let Some(names) = named else {
        return Ok(withdrawals::approved(tx, vault.id, MAX_LIMIT).await?);
    };
    let names: BTreeSet<&WithdrawalName> = names.iter().collect();
    if names.len() > max {
        return Err(BatchError::TooManyPayments {
            found: names.len(),
            max,
        }
        .into());
    }
    let mut rows = Vec::new();
    for name in names {
        let key = WithdrawalKey {
            vault: vault.id,
            requester: name.requester.clone(),
            id: name.id.clone(),
        };
        rows.push(existing(tx, &key).await?);
    }
    rows.sort_by(|a, b| (a.submitted_at, &a.key).cmp(&(b.submitted_at, &b.key)));
    Ok(rows)
}

/// Whether a withdrawal is only left to wait where this stands against it.
fn may_wait(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Batch(
            BatchError::NotApproved { .. }
                | BatchError::ApprovalsRanOut { .. }
                | BatchError::EqualPayments { .. }
                | BatchError::TooManyPayments { .. }
                | BatchError::DecidedByOrder { .. }
                | BatchError::EntryEnds { .. }
        ) | ServiceError::Withdrawal(
            WithdrawalError::Denied(_) | WithdrawalError::OtherKeyset { .. }
        )
    )
}

fn is_sweep(approved: &Approved) -> bool {
    approved.withdrawal.intent.kind == IntentKind::Sweep
}

/// A withdrawal that holds, with enough approvals, until the signers have signed. Only approvals that
/// hold as long are carried: every signer refuses a file with one that ran out.
///
/// Signers decide in the order of the outputs, which says nothing about ages: a withdrawal goes in only
/// if the same rule decides it whether those chosen before it count or not.
async fn still_approved(
    tx: &mut Transaction,
    policy: &Policy,
    row: WithdrawalRow,
    hold: Hold,
    known: &Known,
    counted: &Known,
) -> Result<Approved, ServiceError> {
    let is_approved = matches!(row.state, WithdrawalState::Approved { .. });
    if !is_approved || row.intent.expires <= hold.until {
        return Err(BatchError::NotApproved {
            requester: row.key.requester,
            id: row.key.id,
            state: match is_approved {
                true if row.intent.expires <= hold.now => "expired",
                true => "about to expire",
                false => row.state.name(),
            },
        }
        .into());
    }
    if row.intent.keyset != policy.keyset {
        return Err(WithdrawalError::OtherKeyset {
            expected: policy.keyset,
            found: row.intent.keyset,
        }
        .into());
    }
    let requirement = match decide(policy, &row.intent, &known.standing()) {
        Decision::Denied(reason) => return Err(WithdrawalError::Denied(reason).into()),
        Decision::Needs(requirement) => requirement,
    };
    let among_others = decide(policy, &row.intent, &counted.standing());
    if among_others != Decision::Needs(requirement.clone()) {
        return Err(BatchError::DecidedByOrder {
            requester: row.key.requester,
            id: row.key.id,
        }
        .into());
    }
    let mut approvals = approvals::of_intent(tx, row.hash).await?;
    let keys = approving_keys(&approvals, hold.until);
    if let Err(shortfall) = satisfied(policy, &requirement, &row.intent, &keys) {
        return Err(BatchError::ApprovalsRanOut {
            requester: row.key.requester,
            id: row.key.id,
            shortfall: Box::new(shortfall),
        }
        .into());
    }
    let entry = match &requirement.entry {
        None => None,
        Some(entry) => read_entry(tx, policy, &row, entry.subject, hold).await?,
    };
    approvals.retain(|row| {
        row.approval.purpose == Purpose::Approve && !row.approval.has_expired(hold.until)
    });
    Ok(Approved {
        withdrawal: row,
        approvals,
        rule: requirement.rule,
        entry,
    })
}

/// The entry of an open list that a withdrawal pays, which must hold until the signers have signed.
async fn read_entry(
    tx: &mut Transaction,
    policy: &Policy,
    row: &WithdrawalRow,
    subject: Subject,
    hold: Hold,
) -> Result<Option<Entry>, ServiceError> {
    let ends = || {
        ServiceError::Batch(BatchError::EntryEnds {
            requester: row.key.requester.clone(),
            id: row.key.id.clone(),
        })
    };
    let stored = statements::lookup(tx, row.key.vault, subject)
        .await?
        .ok_or_else(ends)?;
    let entry = Entry::read(tx, policy, stored, hold.until)
        .await?
        .filter(|entry| entry.add.expires > hold.until)
        .ok_or_else(ends)?;
    Ok(Some(entry))
}

type Spendable = (
    Vec<Candidate>,
    BTreeMap<bitcoin::Txid, bitcoin::Transaction>,
);

/// The settled coins that no open batch holds.
pub(super) async fn candidates(
    tx: &mut Transaction,
    vault: &VaultRow,
    tip: u32,
) -> Result<Spendable, ServiceError> {
    let reserved: BTreeSet<_> = batches::reserved(tx, vault.id).await?.into_iter().collect();
    let mut candidates = Vec::new();
    let mut fundings = BTreeMap::new();
    for spendable in coins::spendable_coins(tx, vault.id, vault.keyset).await? {
        let coin = spendable.coin;
        // A coin that settled stays so while its block stands; after a reorg to a lower tip it may be
        // less deep than the policy demands (M6).
        let height = coin.placement.block().map_or(0, |block| block.height);
        let depth = tip.saturating_sub(height).saturating_add(1);
        if reserved.contains(&coin.outpoint) || depth < coin.script.settle_depth {
            continue;
        }
        fundings.insert(coin.outpoint.txid, spendable.funding);
        candidates.push(Candidate {
            outpoint: coin.outpoint,
            txout: TxOut {
                value: coin.amount,
                script_pubkey: coin.script.script_pubkey,
            },
            keychain: coin.script.keychain,
            index: coin.script.index,
            height,
        });
    }
    Ok((candidates, fundings))
}
