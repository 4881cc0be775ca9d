//! Batches: approved withdrawals, reserved coins and the first attempt, in one transaction.

use std::sync::Arc;

use bitcoin::Amount;
use policies::document::Policy;
use policies::psbt::AttemptPurpose;
use policies::rules::{Decision, decide};
use policies::{Intent, Keychain, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};
use watchtower::store::{chain, scripts};
use watchtower::tracker::WatchedScript;

use super::attempt_view::{AttemptView, view as attempt_view};
use super::building::{Built, Plan, build};
use super::choosing::{Chosen, Hold, candidates, choose_withdrawals, feerate, refuse_in_trouble};
use super::journals;
use super::record::{Cause, append_attempt_event, move_attempt, move_withdrawal};
use super::standing::Known;
use super::waiting::Waiting;
use super::withdrawals::approve_if_satisfied;
use super::{Actor, BatchError, MAX_LIMIT, Right, Service, ServiceError, lock_vault};
use crate::session::BatchId;
use crate::session::attempt::{AttemptEvent, AttemptState};
use crate::session::withdrawal::WithdrawalEvent;
use crate::store::addresses;
use crate::store::attempts::{self, AttemptRow};
use crate::store::batches::{self, BatchRow};
use crate::store::vaults::VaultRow;
use crate::store::windows::{self, WindowRow};
use crate::store::withdrawals::{self, WithdrawalKey};

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
    /// What it is for: `pay`, `consolidate`, `refresh` or `recover`.
    pub purpose: String,
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
    /// Approved withdrawals that were left to wait when it was made, and why; told only then.
    pub waiting: Vec<Waiting>,
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
    let (batch, waiting) = create_batch_in(service, &mut tx, &actor.name, vault, request).await?;
    let answer = view(service, &mut tx, &batch).await?;
    tx.commit().await?;
    Ok(BatchView { waiting, ..answer })
}

/// One batch.
///
/// # Errors
/// [`BatchError::UnknownBatch`].
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
        .ok_or(BatchError::UnknownBatch { batch })?;
    view(service, &mut tx, &row).await
}

/// The batches of a vault, newest first.
///
/// # Errors
/// `VaultError::UnknownVault`.
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
) -> Result<(BatchRow, Vec<Waiting>), ServiceError> {
    let now = service.now();
    lock_vault(tx, vault).await?;
    let (row, policy) = service.vault(tx, vault).await?;
    refuse_in_trouble(tx, now).await?;
    let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
    let feerate = feerate(service, tx, &policy, request.feerate_sat_vb.as_deref()).await?;
    let hold = Hold {
        now,
        until: now.saturating_add(service.batch_settings().signing_window),
    };
    reconsider(tx, &row, &policy, now).await?;
    let Chosen {
        withdrawals,
        mut waiting,
        known,
    } = choose_withdrawals(tx, &row, &policy, request.withdrawals.as_deref(), hold).await?;
    let chosen: Vec<WithdrawalKey> = withdrawals
        .iter()
        .map(|approved| approved.withdrawal.key.clone())
        .collect();
    let (candidates, fundings) = candidates(tx, &row, tip.height).await?;
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
        fees: spent_fees(tx, vault, &policy, now).await?,
        windows: known.windows().clone(),
        receipts: journals::last_receipts(tx, vault, &policy).await?,
    };
    let built = tokio::task::spawn_blocking(move || build(plan))
        .await
        .map_err(|error| {
            ServiceError::Batch(BatchError::Build {
                reason: error.to_string(),
            })
        })??;
    let cause = Cause {
        actor,
        reason: "",
        at: now,
    };
    let left_out = chosen.into_iter().filter(|key| {
        let mut paid = built.withdrawals.iter();
        paid.all(|withdrawal| withdrawal.key != *key)
    });
    waiting.extend(left_out.map(|key| {
        Waiting::because(
            key,
            "coins",
            "the free coins do not suffice, or the fee would exceed its cap",
        )
    }));
    let batch = store(
        service,
        tx,
        &row,
        &policy,
        AttemptPurpose::Pay,
        built,
        cause,
    )
    .await?;
    Ok((batch, waiting))
}

/// Stores a batch with what was built for it, and issues the attempt.
pub(super) async fn store(
    service: &Service,
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    purpose: AttemptPurpose,
    built: Built,
    cause: Cause<'_>,
) -> Result<BatchRow, ServiceError> {
    let id: [u8; 16] = std::array::from_fn({
        let random = service.random();
        move |position| random.get(position).copied().unwrap_or_default()
    });
    let batch = BatchRow {
        id: BatchId::from_bytes(id),
        vault: vault.id,
        keyset: vault.keyset,
        purpose,
        created_at: cause.at,
        created_by: cause.actor.to_owned(),
    };
    reserve(tx, &batch, &built, cause)
        .await
        .map_err(taken_meanwhile)?;
    issue(tx, &batch, policy, built, cause).await?;
    Ok(batch)
}

/// The fees that count in the window of the fee budget, if there is one.
pub(super) async fn spent_fees(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    now: UnixTime,
) -> Result<Amount, ServiceError> {
    match policy.limits.fee_budget {
        None => Ok(Amount::ZERO),
        Some(budget) => {
            Ok(attempts::fees_since(tx, vault, now.saturating_sub(budget.window)).await?)
        }
    }
}

/// Approves what waited for approvals and needs none now: a window has room again, an entry of a list is
/// in force. Only rules whose conditions change with time can make a difference.
async fn reconsider(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let changes = policy.rules.iter().any(|rule| rule.window.is_some())
        || policy.lists.iter().any(|list| list.open.is_some());
    if !changes {
        return Ok(());
    }
    let cause = Cause {
        actor: "coordinator",
        reason: "the rule that decides it now is satisfied",
        at: now,
    };
    let mut rows = withdrawals::requested(tx, vault.id, MAX_LIMIT).await?;
    let intents: Vec<Intent> = rows.iter().map(|row| row.intent.clone()).collect();
    let intents: Vec<&Intent> = intents.iter().collect();
    let known = Known::load(tx, vault.id, policy, &intents, now, now).await?;
    for row in rows.iter_mut().filter(|row| row.intent.expires > now) {
        if let Decision::Needs(requirement) = decide(policy, &row.intent, &known.standing()) {
            approve_if_satisfied(tx, policy, row, &requirement, cause).await?;
        }
    }
    Ok(())
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
    for (withdrawal, rule) in built.withdrawals.iter().zip(&built.rules) {
        batches::add_withdrawal(tx, batch.id, &withdrawal.key).await?;
        let counted = WindowRow {
            intent: withdrawal.hash,
            batch: batch.id,
            vault: batch.vault,
            rule: rule.clone(),
            amount: withdrawal.intent.amount,
            counted_at: cause.at,
        };
        windows::count(tx, &counted).await?;
    }
    let mut body = Map::new();
    body.insert("coins".to_owned(), json!(built.coins.len()));
    body.insert("purpose".to_owned(), json!(batch.purpose));
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
            return Err(BatchError::TakenMeanwhile.into());
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

fn taken_meanwhile(error: ServiceError) -> ServiceError {
    let taken =
        matches!(&error, ServiceError::Database(database) if database.is_unique_violation());
    if taken {
        ServiceError::Batch(BatchError::TakenMeanwhile)
    } else {
        error
    }
}

pub(super) async fn view(
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
        purpose: row.purpose.name().to_owned(),
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
        waiting: Vec::new(),
    })
}
