//! Batches: approved withdrawals, reserved coins and the first attempt, in one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::Amount;
use policies::document::Policy;
use policies::rules::{Decision, decide};
use policies::{Intent, Keychain, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use super::agreed::Agreed;
use super::attempt_view::{AttemptView, view as attempt_view};
use super::batch_preview::PlannedBatch;
use super::building::{Approved, Built, Plan, build};
use super::choosing::{Chosen, Hold, choose_withdrawals, feerate, refuse_in_trouble};
use super::excluding::Context;
use super::free_coins::{candidates, candidates_paying, young};
use super::inclusion;
use super::issuing::store;
use super::journals;
use super::lines::{Issued, spent_fees};
use super::moving_in::refuse_moving_in;
use super::record::Cause;
use super::rehearsal::Rehearsal;
use super::rooms::rooms;
use super::standing::Known;
use super::stops::refuse_stopped;
use super::waiting::Waiting;
use super::withdrawals::approve_if_satisfied;
use super::{Actor, BatchError, MAX_LIMIT, Right, Service, ServiceError, lock_vault};
use crate::session::BatchId;
use crate::store::batches::{self, BatchRow};
use crate::store::vaults::VaultRow;
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};
use crate::store::{addresses, attempts, reservations};

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
    /// Of all approved ones only these, in this order, each left to wait where it must.
    #[serde(skip)]
    pub(crate) among: Option<Vec<WithdrawalName>>,
    /// The preview that was agreed to: anything else is not done.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
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
    let mut rehearsal = rehearse(service, vault, request).await?;
    let mut tx = service.database().begin_write().await?;
    let (batch, waiting) = create_batch_in(
        service,
        &mut tx,
        &actor.name,
        vault,
        request,
        &mut rehearsal,
    )
    .await?;
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

/// Builds a batch from a read, before the database's only writer is taken. What stands against it is said under
/// the lock.
pub(crate) async fn rehearse(
    service: &Service,
    vault: VaultId,
    request: &CreateBatch,
) -> Result<Rehearsal, ServiceError> {
    let mut rehearsal = Rehearsal::again(service, request.agreed);
    let mut tx = service.database().begin_read().await?;
    if let Err(refused) = prepare(service, &mut tx, vault, request, &mut rehearsal).await {
        tracing::debug!(%vault, code = refused.code(), "a batch was rehearsed in vain");
    }
    rehearsal.only = false;
    Ok(rehearsal)
}

/// Makes a batch within a transaction that the caller commits.
pub(crate) async fn create_batch_in(
    service: &Service,
    tx: &mut Transaction,
    actor: &str,
    vault: VaultId,
    request: &CreateBatch,
    rehearsal: &mut Rehearsal,
) -> Result<(BatchRow, Vec<Waiting>), ServiceError> {
    lock_vault(tx, vault).await?;
    let (row, policy) = service.vault(tx, vault).await?;
    reconsider(tx, &row, &policy, rehearsal.now).await?;
    let Prepared {
        built,
        waiting,
        from,
    } = prepare(service, tx, vault, request, rehearsal).await?;
    if let Some(agreed) = request.agreed {
        agreed.expect(&PlannedBatch::of(&built, &waiting, &policy))?;
    }
    let cause = Cause {
        actor,
        reason: "",
        at: rehearsal.now,
    };
    let batch = store(service, tx, &row, &policy, built, &from, cause).await?;
    Ok((batch, waiting))
}

/// A batch that can be stored.
pub(super) struct Prepared {
    pub(super) built: Built,
    pub(super) waiting: Vec<Waiting>,
    from: Vec<BatchId>,
}

/// Plans and builds a batch.
pub(super) async fn prepare(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
    request: &CreateBatch,
    rehearsal: &mut Rehearsal,
) -> Result<Prepared, ServiceError> {
    let now = rehearsal.now;
    let (row, policy) = service.vault(tx, vault).await?;
    refuse_in_trouble(tx, now).await?;
    refuse_moving_in(tx, vault).await?;
    refuse_stopped(tx, vault).await?;
    let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
    let feerate = feerate(service, tx, &policy, request.feerate_sat_vb.as_deref()).await?;
    let hold = Hold {
        now,
        until: now.saturating_add(service.batch_settings().signing_window),
    };
    let (named, among) = (request.withdrawals.as_deref(), request.among.as_deref());
    let Chosen {
        withdrawals,
        mut waiting,
        known,
    } = choose_withdrawals(tx, &row, &policy, (named, among), hold).await?;
    let chosen: Vec<WithdrawalKey> = withdrawals
        .iter()
        .map(|approved| approved.withdrawal.key.clone())
        .collect();
    let paid: Vec<WithdrawalRow> = withdrawals
        .iter()
        .map(|approved| approved.withdrawal.clone())
        .collect();
    let issued = Issued::for_lines(tx, &policy, &paid).await?;
    let (candidates, fundings) = if issued.freed.is_empty() {
        let amounts = paid.iter().map(|row| row.intent.amount);
        let sum = amounts.fold(Amount::ZERO, |sum, amount| {
            sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY)
        });
        let at = (tip.height, feerate);
        candidates_paying(tx, &row, &policy, at, sum).await?
    } else {
        candidates(tx, &row, tip.height, &issued.freed).await?
    };
    let plan = Plan {
        policy: Arc::clone(&policy),
        withdrawals,
        may_leave_out: request.withdrawals.is_none(),
        rooms: rooms(tx, policy.newest_keyset(), now).await?,
        candidates,
        again: BTreeSet::new(),
        fundings,
        young: young(tx, tip.height).await?,
        feerate,
        change_index: addresses::next_index(tx, row.keychain, Keychain::Internal).await?,
        tip: tip.height,
        seed: rehearsal.seed,
        number: 1,
        now,
        spent: spent_fees(tx, vault, &policy, now).await?,
        windows: known.windows().clone(),
        proofs: inclusion::proofs(tx, &row, &policy).await?,
        receipts: journals::last_receipts(tx, vault, &policy).await?,
        before: issued.before.clone(),
    };
    let (built, not_exclusive) = rehearsal.batch(plan, build_exclusive).await?;
    waiting.extend(not_exclusive);
    let is_told = |key: &WithdrawalKey| {
        let mut told = waiting.iter();
        told.any(|one| one.requester == key.requester && one.id == key.id)
    };
    let left_out = chosen.into_iter().filter(|key| {
        let mut paid = built.withdrawals.iter();
        paid.all(|withdrawal| withdrawal.key != *key) && !is_told(key)
    });
    let left_out: Vec<Waiting> = left_out
        .map(|key| {
            if built.left_for_devices.contains(&key) {
                Waiting::for_devices(key)
            } else {
                Waiting::for_coins(key)
            }
        })
        .collect();
    waiting.extend(left_out);
    Ok(Prepared {
        built,
        waiting,
        from: issued.batches(),
    })
}

/// Builds; leaves those to wait that nothing makes exclusive with what was issued for them, where that is
/// allowed.
fn build_exclusive(mut plan: Plan) -> Result<(Built, Vec<Waiting>), ServiceError> {
    let mut waiting = Vec::new();
    loop {
        match build(plan.clone()) {
            Err(error @ ServiceError::Batch(BatchError::CannotBeExclusive(_)))
                if plan.may_leave_out =>
            {
                let alone = |approved: &Approved| Plan {
                    withdrawals: vec![approved.clone()],
                    ..plan.clone()
                };
                let stands = |approved: &Approved| Context::of(&mut alone(approved)).is_ok();
                let (kept, left): (Vec<Approved>, Vec<Approved>) =
                    plan.withdrawals.iter().cloned().partition(stands);
                // Each can be paid alone where they cannot stand together: the latest waits.
                let (mut kept, mut left) = (kept, left);
                if left.is_empty() {
                    left.extend(kept.pop());
                }
                let left = left.into_iter().map(|approved| approved.withdrawal.key);
                waiting.extend(left.map(|key| Waiting::of(key, &error)));
                if kept.is_empty() {
                    return Err(error);
                }
                plan.withdrawals = kept;
            }
            built => return Ok((built?, waiting)),
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
        coins: reservations::coins_of(tx, row.id)
            .await?
            .iter()
            .map(ToString::to_string)
            .collect(),
        attempts,
        waiting: Vec::new(),
    })
}
