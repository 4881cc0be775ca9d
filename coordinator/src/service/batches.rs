//! Batches: approved withdrawals, reserved coins and the first attempt, in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{FeeRate, TxOut};
use policies::document::{Policy, parse_sat_per_vb};
use policies::hash::Purpose;
use policies::rules::{Decision, decide, satisfied};
use policies::{Keychain, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};
use watchtower::store::{chain, coins, fees, node, scripts};
use watchtower::tracker::WatchedScript;

use super::attempts::{AttemptView, view as attempt_view};
use super::building::{Approved, Built, Plan, build};
use super::record::{Cause, append_attempt_event, move_attempt, move_withdrawal};
use super::withdrawals::{approving_keys, existing};
use super::{Actor, MAX_LIMIT, Right, Service, ServiceError, lock_vault};
use crate::coin_selection::Candidate;
use crate::session::BatchId;
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::attempts::{self, AttemptRow};
use crate::store::batches::{self, BatchRow};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{addresses, approvals};

/// Asks for a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBatch {
    /// The withdrawals to pay; all approved ones that fit if none are named.
    #[serde(default)]
    pub withdrawals: Option<Vec<WithdrawalName>>,
    /// The feerate in sat/vB, an exact decimal such as `"2.5"`; the node's estimate if none is given.
    #[serde(default)]
    pub feerate_sat_vb: Option<String>,
}

/// A withdrawal of the vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawalName {
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
}

/// A batch and its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchView {
    /// Its identity.
    #[schema(value_type = String)]
    pub batch: BatchId,
    /// The vault that pays.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// When it was made (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// The withdrawals in it.
    pub withdrawals: Vec<WithdrawalName>,
    /// The coins reserved for it, as txid, colon, output.
    pub coins: Vec<String>,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
}

/// Makes a batch: reserves coins, builds, reviews and issues its attempt, all or nothing.
///
/// # Errors
/// Whatever stands against it; nothing is reserved then.
pub async fn create_batch(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &CreateBatch,
) -> Result<BatchView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut tx = service.database().begin_write().await?;
    let batch = create_batch_in(service, &mut tx, &actor.name, vault, request).await?;
    let answer = view(service, &mut tx, &batch).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One batch.
///
/// # Errors
/// [`ServiceError::UnknownBatch`].
pub async fn show_batch(
    service: &Service,
    actor: &Actor,
    batch: BatchId,
) -> Result<BatchView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = batches::lookup(&mut tx, batch)
        .await?
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(ServiceError::UnknownBatch { batch })?;
    view(service, &mut tx, &row).await
}

/// The batches of a vault, newest first.
///
/// # Errors
/// [`ServiceError::UnknownVault`].
pub async fn list_batches(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    limit: Option<u32>,
) -> Result<Vec<BatchView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(100).min(MAX_LIMIT);
    let mut views = Vec::new();
    for row in batches::list(&mut tx, vault, limit).await? {
        views.push(view(service, &mut tx, &row).await?);
    }
    Ok(views)
}

/// Makes a batch within a transaction that the caller commits.
pub(crate) async fn create_batch_in(
    service: &Service,
    tx: &mut Transaction,
    actor: &str,
    vault: VaultId,
    request: &CreateBatch,
) -> Result<BatchRow, ServiceError> {
    let now = service.now();
    lock_vault(tx, vault).await?;
    let (row, policy) = service.vault(tx, vault).await?;
    refuse_in_trouble(tx).await?;
    let tip = chain::tip(tx).await?.ok_or(ServiceError::NoChain)?;
    let feerate = feerate(service, tx, &policy, request.feerate_sat_vb.as_deref()).await?;
    let withdrawals =
        choose_withdrawals(tx, &row, &policy, request.withdrawals.as_deref(), now).await?;
    let (candidates, fundings) = candidates(tx, &row).await?;
    let plan = Plan {
        policy: Arc::clone(&policy),
        withdrawals,
        may_leave_out: request.withdrawals.is_none(),
        candidates,
        fundings,
        feerate,
        change_index: addresses::next_index(tx, row.keyset, Keychain::Internal).await?,
        tip: tip.height,
        seed: service.random(),
        number: 1,
        now,
    };
    let built = tokio::task::spawn_blocking(move || build(plan))
        .await
        .map_err(|error| ServiceError::Build {
            reason: error.to_string(),
        })??;
    let id: [u8; 16] = std::array::from_fn({
        let random = service.random();
        move |position| random.get(position).copied().unwrap_or_default()
    });
    let batch = BatchRow {
        id: BatchId::from_bytes(id),
        vault,
        keyset: row.keyset,
        created_at: now,
        created_by: actor.to_owned(),
    };
    let cause = Cause {
        actor,
        reason: "",
        at: now,
    };
    reserve(tx, &batch, &built, cause)
        .await
        .map_err(taken_meanwhile)?;
    issue(tx, &batch, &policy, built, cause).await?;
    Ok(batch)
}

/// Stores the batch with its coins and withdrawals.
async fn reserve(
    tx: &mut Transaction,
    batch: &BatchRow,
    built: &Built,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    batches::insert(tx, batch).await?;
    for (outpoint, amount) in &built.coins {
        batches::reserve(tx, batch.id, *outpoint, *amount, cause.at).await?;
    }
    for withdrawal in &built.withdrawals {
        batches::add_withdrawal(tx, batch.id, &withdrawal.key).await?;
    }
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(built.coins.len()));
    body.insert("withdrawals".to_owned(), json!(built.withdrawals.len()));
    events::append(
        tx,
        &NewEvent {
            object_kind: "batch",
            object_id: &batch.id.to_string(),
            kind: "batch.created",
            vault: Some(batch.vault),
            body,
            actor: cause.actor,
            reason: cause.reason,
            at: cause.at,
        },
    )
    .await?;
    Ok(())
}

/// Stores the attempt, watches its change and issues it.
async fn issue(
    tx: &mut Transaction,
    batch: &BatchRow,
    policy: &Policy,
    built: Built,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    if let Some(change) = &built.change {
        let taken = addresses::take_index(tx, batch.keyset, Keychain::Internal).await?;
        if taken != change.index {
            return Err(ServiceError::TakenMeanwhile);
        }
        let watched = WatchedScript {
            script_pubkey: change.script_pubkey.clone(),
            vault: batch.vault,
            keyset: batch.keyset,
            keychain: Keychain::Internal,
            index: change.index,
            settle_depth: policy.limits.confirmations_change.max(1),
            reference: None,
        };
        scripts::watch_script(tx, &watched, cause.at).await?;
    }
    let mut attempt = AttemptRow {
        txid: built.txid,
        batch: batch.id,
        number: 1,
        vault: batch.vault,
        policy: policy.id,
        psbt: built.psbt,
        fee: built.fee,
        weight: built.weight,
        state: AttemptState::Draft,
        version: 1,
        confirmations: 0,
        final_transaction: None,
        created_at: cause.at,
    };
    attempts::insert(tx, &attempt).await?;
    let mut body = Map::new();
    body.insert("fee_sat".to_owned(), json!(attempt.fee.to_sat()));
    body.insert("number".to_owned(), json!(attempt.number));
    append_attempt_event(tx, &attempt, "attempt.drafted", body, cause).await?;
    let txid = attempt.txid;
    for mut withdrawal in built.withdrawals {
        let batched = WithdrawalEvent::Batched { batch: batch.id };
        move_withdrawal(tx, &mut withdrawal, &batched, cause).await?;
        move_withdrawal(
            tx,
            &mut withdrawal,
            &WithdrawalEvent::Issued { txid },
            cause,
        )
        .await?;
    }
    move_attempt(tx, &mut attempt, &AttemptEvent::Issued, cause).await
}

async fn refuse_in_trouble(tx: &mut Transaction) -> Result<(), ServiceError> {
    let nodes = node::node_status(tx).await?;
    let troubled = nodes
        .into_iter()
        .find_map(|node| node.trouble.map(|trouble| (node.node, trouble)));
    match troubled {
        None => Ok(()),
        Some((node, trouble)) => Err(ServiceError::NodeTrouble {
            node,
            trouble: trouble.code(),
        }),
    }
}

/// The feerate given, or the estimate of the nearest target at or after ours; never a default.
async fn feerate(
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
        if feerate > cap {
            return Err(ServiceError::FeerateAboveCap { feerate, cap });
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
        .ok_or(ServiceError::NoFeerate)
}

async fn choose_withdrawals(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    named: Option<&[WithdrawalName]>,
    now: UnixTime,
) -> Result<Vec<Approved>, ServiceError> {
    let change = usize::try_from(policy.limits.change_max_outputs.min(1)).unwrap_or(1);
    let max = usize::try_from(policy.limits.max_outputs)
        .unwrap_or(usize::MAX)
        .saturating_sub(change);
    let mut outputs = BTreeSet::new();
    let mut chosen = Vec::new();
    match named {
        Some(names) => {
            let names: BTreeSet<&WithdrawalName> = names.iter().collect();
            if names.len() > max {
                return Err(ServiceError::TooManyPayments {
                    found: names.len(),
                    max,
                });
            }
            for name in names {
                let key = WithdrawalKey {
                    vault: vault.id,
                    requester: name.requester.clone(),
                    id: name.id.clone(),
                };
                let row = existing(tx, &key).await?;
                let approved = still_approved(tx, policy, row, now).await?;
                let intent = &approved.withdrawal.intent;
                if !outputs.insert((intent.script_pubkey.clone(), intent.amount)) {
                    return Err(ServiceError::EqualPayments {
                        amount: intent.amount,
                    });
                }
                chosen.push(approved);
            }
        }
        None => {
            for row in withdrawals::approved(tx, vault.id, MAX_LIMIT).await? {
                let output = (row.intent.script_pubkey.clone(), row.intent.amount);
                if chosen.len() >= max || outputs.contains(&output) {
                    continue;
                }
                match still_approved(tx, policy, row, now).await {
                    Ok(approved) => {
                        outputs.insert(output);
                        chosen.push(approved);
                    }
                    Err(
                        ServiceError::NotApproved { .. }
                        | ServiceError::ApprovalsRanOut { .. }
                        | ServiceError::Denied(_)
                        | ServiceError::OtherKeyset { .. },
                    ) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    if chosen.is_empty() {
        return Err(ServiceError::NothingToBatch);
    }
    chosen.sort_by(|a, b| {
        (a.withdrawal.submitted_at, &a.withdrawal.key)
            .cmp(&(b.withdrawal.submitted_at, &b.withdrawal.key))
    });
    Ok(chosen)
}

/// A withdrawal whose approvals still hold.
async fn still_approved(
    tx: &mut Transaction,
    policy: &Policy,
    row: WithdrawalRow,
    now: UnixTime,
) -> Result<Approved, ServiceError> {
    let is_approved = matches!(row.state, WithdrawalState::Approved { .. });
    if !is_approved || row.intent.expires <= now {
        return Err(ServiceError::NotApproved {
            requester: row.key.requester,
            id: row.key.id,
            state: if is_approved {
                "expired"
            } else {
                row.state.name()
            },
        });
    }
    if row.intent.keyset != policy.keyset {
        return Err(ServiceError::OtherKeyset {
            expected: policy.keyset,
            found: row.intent.keyset,
        });
    }
    let requirement = match decide(policy, &row.intent) {
        Decision::Denied(reason) => return Err(ServiceError::Denied(reason)),
        Decision::Needs(requirement) => requirement,
    };
    let mut approvals = approvals::of_intent(tx, row.hash).await?;
    let keys = approving_keys(&approvals, now);
    if let Err(shortfall) = satisfied(policy, &requirement, &row.intent, &keys) {
        return Err(ServiceError::ApprovalsRanOut {
            requester: row.key.requester,
            id: row.key.id,
            shortfall: Box::new(shortfall),
        });
    }
    approvals
        .retain(|row| row.approval.purpose == Purpose::Approve && !row.approval.has_expired(now));
    Ok(Approved {
        withdrawal: row,
        approvals,
    })
}

type Spendable = (
    Vec<Candidate>,
    BTreeMap<bitcoin::Txid, bitcoin::Transaction>,
);

/// The settled coins that no open batch holds.
async fn candidates(tx: &mut Transaction, vault: &VaultRow) -> Result<Spendable, ServiceError> {
    let reserved: BTreeSet<_> = batches::reserved(tx, vault.id).await?.into_iter().collect();
    let mut candidates = Vec::new();
    let mut fundings = BTreeMap::new();
    for spendable in coins::spendable_coins(tx, vault.id, vault.keyset).await? {
        let coin = spendable.coin;
        if reserved.contains(&coin.outpoint) {
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
            height: coin.placement.block().map_or(0, |block| block.height),
        });
    }
    Ok((candidates, fundings))
}

fn taken_meanwhile(error: ServiceError) -> ServiceError {
    let taken =
        matches!(&error, ServiceError::Database(database) if database.is_unique_violation());
    if taken {
        ServiceError::TakenMeanwhile
    } else {
        error
    }
}

async fn view(
    service: &Service,
    tx: &mut Transaction,
    row: &BatchRow,
) -> Result<BatchView, ServiceError> {
    let mut attempts = Vec::new();
    for attempt in attempts::of_batch(tx, row.id).await? {
        attempts.push(attempt_view(service, tx, &attempt).await?);
    }
    Ok(BatchView {
        batch: row.id,
        vault: row.vault,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        withdrawals: batches::withdrawals_of(tx, row.id)
            .await?
            .into_iter()
            .map(|key| WithdrawalName {
                requester: key.requester,
                id: key.id,
            })
            .collect(),
        coins: batches::coins_of(tx, row.id)
            .await?
            .iter()
            .map(ToString::to_string)
            .collect(),
        attempts,
    })
}
