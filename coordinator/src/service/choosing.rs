//! What a batch is made of: withdrawals whose approvals hold, coins that are free, and a feerate.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{FeeRate, Txid};
use policies::document::{Policy, parse_sat_per_vb};
use policies::hash::Purpose;
use policies::rules::{Decision, decide, satisfied};
use policies::{Intent, IntentKind, RequesterName, Subject, UnixTime, WithdrawalId};
use watchtower::store::database::Transaction;
use watchtower::store::foreign::{ForeignSpend, foreign_spends};
use watchtower::store::{node, scans};

use super::batches::WithdrawalName;
use super::building::Approved;
use super::customers;
use super::explaining::{earliest, is_of_its_time};
use super::node_fees;
use super::standing::{Entry, Known};
use super::waiting::Waiting;
use super::withdrawals::{approving_keys, existing};
use super::{BatchError, MAX_LIMIT, Service, ServiceError, WithdrawalError};
use crate::fees::Gap;
use crate::session::withdrawal::WithdrawalState;
use crate::store::approvals::ApprovalRow;
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{approvals, attempts, statements, windows};

/// How old the watchtower's last word on a node may be, in seconds; it is renewed every ten.
const LAST_WORD: u64 = 120;

/// Refuses while a node is in trouble, or nobody has looked at it for a while: its coins and fees
/// cannot be relied on.
pub(super) async fn refuse_in_trouble(
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let known = node::node_status(tx).await?;
    // Who catches up is busy with that for long, and says nothing of the node meanwhile.
    let silence = match scans::catching_up(tx, now).await? {
        Some(_) => "WATCHTOWER_CATCHING_UP",
        None => "NODE_UNWATCHED",
    };
    // A witness's own trouble stops nothing; that it disagrees is trouble of the node that is followed.
    for node in known.into_iter().filter(|node| !node.is_witness()) {
        let unwatched = now.secs_since(node.checked_at) > LAST_WORD;
        let trouble = node.trouble.map(node::Trouble::code);
        if let Some(trouble) = trouble.or(unwatched.then_some(silence)) {
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
    let estimates = node_fees::estimates(service, tx).await?;
    let estimate = estimates.for_target(target).map_err(no_feerate)?;
    let unasked = service.batch_settings().cap_under(policy);
    if estimate > unasked {
        let cap = unasked;
        return Err(BatchError::FeesAboveCap { estimate, cap }.into());
    }
    Ok(estimate)
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

/// On which terms withdrawals are put into an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    /// No attempt that may confirm pays them. Those that may not be paid now are left to wait.
    OfThoseThatFit,
    /// The same for all of them or none.
    OfAll,
    /// Attempts were issued for them, and all or none are paid anew. Where one of those is `shown` fully signed,
    /// nothing new is granted, and what ran out since does not matter.
    Anew {
        /// Whether one is.
        shown: bool,
    },
}

impl Terms {
    /// Whether a withdrawal in this state may be put into an attempt.
    const fn admit(self, state: &WithdrawalState) -> bool {
        match state {
            WithdrawalState::Approved { .. } => true,
            WithdrawalState::Batched { .. }
            | WithdrawalState::Signing { .. }
            | WithdrawalState::Broadcast { .. }
            | WithdrawalState::Failed { .. } => matches!(self, Self::Anew { .. }),
            WithdrawalState::Requested
            | WithdrawalState::Rejected { .. }
            | WithdrawalState::Expired
            | WithdrawalState::Cancelled
            | WithdrawalState::Confirmed { .. }
            | WithdrawalState::Settled { .. } => false,
        }
    }
}

/// The withdrawals to pay, oldest first: those named, or all approved ones that may stand together. One
/// that may not be paid now waits and holds up no other.
pub(super) async fn choose_withdrawals(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    (named, among): (Option<&[WithdrawalName]>, Option<&[WithdrawalName]>),
    hold: Hold,
) -> Result<Chosen, ServiceError> {
    let terms = if named.is_some() {
        Terms::OfAll
    } else {
        Terms::OfThoseThatFit
    };
    let rows = asked_for(tx, vault, named, most_payments(policy)).await?;
    let rows = match among {
        Some(among) => in_order(rows, among),
        None => rows,
    };
    choose_among(tx, vault, policy, rows, terms, hold).await
}

/// The most payments of one transaction beside change.
fn most_payments(policy: &Policy) -> usize {
    let change = usize::try_from(policy.limits.change_max_outputs.min(1)).unwrap_or(1);
    usize::try_from(policy.limits.max_outputs)
        .unwrap_or(usize::MAX)
        .saturating_sub(change)
}

/// Of these withdrawals, in the order given, those to pay.
pub(super) async fn choose_among(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    rows: Vec<WithdrawalRow>,
    terms: Terms,
    hold: Hold,
) -> Result<Chosen, ServiceError> {
    let max = most_payments(policy);
    let intents: Vec<&Intent> = rows.iter().map(|row| &row.intent).collect();
    let known = Known::load(tx, vault.id, policy, &intents, hold.now, hold.until).await?;
    let since = rows.iter().map(|row| earliest(&row.intent)).min();
    let foreign = foreign_spends(tx, vault.id, since.unwrap_or(hold.now)).await?;
    let held = customers::held(tx, vault.id).await?;
    let mut counted = known.clone();
    let mut outputs = BTreeSet::new();
    let mut chosen = Vec::new();
    let mut waiting = Vec::new();
    for row in rows {
        let (key, intent) = (row.key.clone(), row.intent.clone());
        let output = (intent.script_pubkey.clone(), intent.amount);
        let fitting = if let Some(txid) = paid_by_unknown(tx, &foreign, &intent).await? {
            let (requester, id) = (key.requester.clone(), key.id.clone());
            Err(ServiceError::Batch(BatchError::PaidByUnknown {
                requester,
                id,
                txid,
            }))
        } else if held.contains(&intent.reference) && is_payable_only_anew(&row.state) {
            Err(ServiceError::Batch(BatchError::CustomerNegative {
                requester: key.requester.clone(),
                id: key.id.clone(),
                reference: intent.reference.clone(),
            }))
        } else if outputs.contains(&output) {
            let amount = intent.amount;
            Err(ServiceError::Batch(BatchError::EqualPayments { amount }))
        } else if chosen.len() >= max {
            let found = chosen.len().saturating_add(1);
            Err(ServiceError::Batch(BatchError::TooManyPayments {
                found,
                max,
            }))
        } else {
            still_approved(tx, policy, row, terms, hold, &known, &counted).await
        };
        match fitting {
            Ok(approved) => {
                counted.grant(&approved.rule, &intent);
                outputs.insert(output);
                chosen.push(approved);
            }
            Err(error) if terms == Terms::OfThoseThatFit && may_wait(&error) => {
                waiting.push(Waiting::of(key, &error));
            }
            Err(error) => return Err(error),
        }
    }
    if chosen.is_empty() {
        return Err(BatchError::NothingToBatch { waiting }.into());
    }
    if chosen.len() > 1 && terms != Terms::OfThoseThatFit && chosen.iter().any(is_sweep) {
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

/// Why no estimate gives a feerate.
pub(crate) fn no_feerate(gap: Gap) -> BatchError {
    match gap {
        Gap::Unknown => BatchError::NoFeerate,
        Gap::Stale { age_s, max_age_s } => BatchError::FeesStale { age_s, max_age_s },
        Gap::NodeTrouble { trouble } => BatchError::NodeTrouble {
            node: "main".to_owned(),
            trouble,
        },
    }
}

/// Those among these, in their order.
fn in_order(rows: Vec<WithdrawalRow>, among: &[WithdrawalName]) -> Vec<WithdrawalRow> {
    let places: BTreeMap<(&RequesterName, &WithdrawalId), usize> = (among.iter().enumerate())
        .map(|(place, name)| ((&name.requester, &name.id), place))
        .collect();
    let mut placed: Vec<(usize, WithdrawalRow)> = rows
        .into_iter()
        .filter_map(|row| {
            let place = places.get(&(&row.key.requester, &row.key.id))?;
            Some((*place, row))
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

/// A transaction that pays just what an intent asks for, spends coins of the vault, and is no attempt of ours: the
/// database was restored from a backup, and what signers did since is not in it (M2 is theirs to hold then).
async fn paid_by_unknown(
    tx: &mut Transaction,
    foreign: &[ForeignSpend],
    intent: &Intent,
) -> Result<Option<Txid>, ServiceError> {
    for spend in foreign {
        let mut outputs = spend.transaction.output.iter();
        let pays = outputs.any(|output| {
            let sweeps = intent.kind == IntentKind::Sweep;
            output.script_pubkey == intent.script_pubkey
                && (sweeps || output.value == intent.amount)
        });
        let txid = spend.transaction.compute_txid();
        if is_of_its_time(intent, spend.block_time)
            && pays
            && attempts::lookup(tx, txid).await?.is_none()
        {
            return Ok(Some(txid));
        }
    }
    Ok(None)
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
                | BatchError::PaidByUnknown { .. }
                | BatchError::CustomerNegative { .. }
                | BatchError::EqualPayments { .. }
                | BatchError::TooManyPayments { .. }
                | BatchError::DecidedByOrder { .. }
                | BatchError::EntryEnds { .. }
        ) | ServiceError::Withdrawal(
            WithdrawalError::Denied(_) | WithdrawalError::OtherKeyset { .. }
        )
    )
}

/// Whether no attempt that may confirm pays it: one that may can be signed at any time, and is renewed as ever.
const fn is_payable_only_anew(state: &WithdrawalState) -> bool {
    matches!(
        state,
        WithdrawalState::Approved { .. } | WithdrawalState::Failed { .. }
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
    terms: Terms,
    hold: Hold,
    known: &Known,
    counted: &Known,
) -> Result<Approved, ServiceError> {
    // Not even what was granted once: coins of another keyset would pay it.
    if row.intent.keyset != policy.keyset {
        return Err(WithdrawalError::OtherKeyset {
            expected: policy.keyset,
            found: row.intent.keyset,
        }
        .into());
    }
    let is_admitted = terms.admit(&row.state);
    if is_admitted && terms == (Terms::Anew { shown: true }) {
        return shown_signed(tx, row, hold).await;
    }
    if !is_admitted || row.intent.expires <= hold.until {
        return Err(BatchError::NotApproved {
            requester: row.key.requester,
            id: row.key.id,
            state: match is_admitted {
                true if row.intent.expires <= hold.now => "expired",
                true => "about to expire",
                false => row.state.name(),
            },
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
    approvals.retain(|row| is_carried(row, hold));
    Ok(Approved {
        withdrawal: row,
        approvals,
        rule: requirement.rule,
        entry,
    })
}

/// A withdrawal that an earlier attempt pays which the file shows fully signed: the rule that granted it then
/// stands, and the approvals that hold still are carried.
async fn shown_signed(
    tx: &mut Transaction,
    row: WithdrawalRow,
    hold: Hold,
) -> Result<Approved, ServiceError> {
    let mut approvals = approvals::of_intent(tx, row.hash).await?;
    approvals.retain(|row| is_carried(row, hold));
    Ok(Approved {
        approvals,
        rule: windows::rule_of(tx, row.hash).await?.unwrap_or_default(),
        entry: None,
        withdrawal: row,
    })
}

fn is_carried(row: &ApprovalRow, hold: Hold) -> bool {
    row.approval.purpose == Purpose::Approve && !row.approval.has_expired(hold.until)
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
