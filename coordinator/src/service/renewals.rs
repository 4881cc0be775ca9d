//! Attempts beside earlier ones: replacing one, planning a batch anew, cancelling on the chain, paying again.
//!
//! Each is one database transaction under the vault's lock, or nothing; a preview is the same without it.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, Txid};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::agreed::Agreed;
use super::attempts::existing as existing_attempt;
use super::batches::{WithdrawalName, view};
use super::cancellations::{Cancelling, cancellation, to_cancel};
use super::excluding::Context;
use super::lines::is_live;
use super::own_spends::{BudgetView, MaintenanceNeedsView};
use super::rehearsal::Rehearsal;

pub use super::renewal_view::{ExcludedView, FateView, PlanView, RenewalView};
use super::renewing::{Ground, Renewal, Renewed, pays, plan};
use super::withdrawals::existing as existing_withdrawal;
use super::{Actor, AttemptError, BatchError, Right, Service, ServiceError, WithdrawalError};
use crate::session::BatchId;
use crate::session::withdrawal::WithdrawalState;
use crate::store::batches::{self, BatchRow};
use crate::store::payments;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};

/// Asks for an attempt that takes the place of others: a replacement, a cancellation, another payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The feerate in sat/vB, an exact decimal such as `"2.5"`; the node's estimate if none is given. What it
    /// takes to be relayed in the place of others is paid in any case.
    #[serde(default)]
    pub feerate_sat_vb: Option<String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub preview: bool,
    /// The preview that was agreed to: anything else is not done.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
}

/// Asks for a batch to be planned anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanBatch {
    /// Withdrawals to pay with it: approved, failed, or in other batches.
    #[serde(default)]
    pub add: Vec<WithdrawalName>,
    /// Withdrawals of it to leave out.
    #[serde(default)]
    pub remove: Vec<WithdrawalName>,
    /// Batches whose withdrawals are all paid with it.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub merge: Vec<BatchId>,
    /// Withdrawals of it that get a batch of their own.
    #[serde(default)]
    pub split: Vec<WithdrawalName>,
    /// The feerate in sat/vB, an exact decimal such as `"2.5"`; the node's estimate if none is given. What it
    /// takes to be relayed in the place of others is paid in any case.
    #[serde(default)]
    pub feerate_sat_vb: Option<String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub preview: bool,
    /// The preview that was agreed to: anything else is not done.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
}

/// Issues an attempt that pays the same withdrawals at another feerate and takes the place of this one; a
/// cancellation is replaced by a dearer one.
///
/// # Errors
/// [`AttemptError::NotReplaceable`]; [`BatchError::CannotBeExclusive`], and whatever stands against building
/// it. Nothing is done then.
pub async fn replace_attempt(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    request: &Renew,
) -> Result<RenewalView, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let mut rehearsal = Rehearsal::begin(service);
    if !request.preview {
        let mut tx = service.database().begin_read().await?;
        drop(replacement(service, &mut tx, actor, txid, request, &mut rehearsal).await?);
        rehearsal.only = false;
    }
    let mut tx = begin(service, request.preview).await?;
    let ready = replacement(service, &mut tx, actor, txid, request, &mut rehearsal).await?;
    conclude(service, tx, actor, ready, request.into()).await
}

async fn replacement(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    txid: Txid,
    request: &Renew,
    rehearsal: &mut Rehearsal,
) -> Result<Ready, ServiceError> {
    let vault = existing_attempt(tx, actor, txid).await?.vault;
    actor.require(Right::Batch, vault)?;
    let feerate = request.feerate_sat_vb.as_deref();
    let ground = Ground::read(service, tx, vault, feerate, rehearsal).await?;
    let row = existing_attempt(tx, actor, txid).await?;
    let (state, purpose) = (row.state.name(), row.purpose);
    let batch = existing_batch(tx, actor, row.batch).await?;
    if is_live(&row.state) && purpose == policies::psbt::AttemptPurpose::Cancel {
        let cancelled = cancellation(tx, &ground, &batch, rehearsal).await?;
        return Ok(Ready::cancelling(ground, cancelled));
    }
    if !is_live(&row.state) || !pays(purpose) {
        let purpose = purpose.name();
        return Err(AttemptError::NotReplaceable {
            txid,
            state,
            purpose,
        }
        .into());
    }
    let mut paid = Vec::new();
    for key in payments::of_attempt(tx, txid).await? {
        paid.push(existing_withdrawal(tx, &key).await?);
    }
    let renewal = Renewal {
        pays: in_order(paid),
        batch: Some(batch),
    };
    let planned = plan(tx, &ground, renewal).await?;
    let renewed = planned.build(rehearsal).await?;
    Ok(Ready::paying(ground, vec![renewed]))
}

/// Plans a batch anew: adds and leaves out withdrawals, merges other batches into it, splits some off.
///
/// # Errors
/// [`BatchError::UnknownBatch`], [`BatchError::NotInBatch`], [`BatchError::CannotBeSplit`],
/// [`BatchError::CannotBeExclusive`], and whatever stands against building it. Nothing is done then.
pub async fn plan_batch(
    service: &Service,
    actor: &Actor,
    batch: BatchId,
    request: &PlanBatch,
) -> Result<RenewalView, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let mut rehearsal = Rehearsal::begin(service);
    if !request.preview {
        let mut tx = service.database().begin_read().await?;
        drop(planned_anew(service, &mut tx, actor, batch, request, &mut rehearsal).await?);
        rehearsal.only = false;
    }
    let mut tx = begin(service, request.preview).await?;
    let ready = planned_anew(service, &mut tx, actor, batch, request, &mut rehearsal).await?;
    conclude(service, tx, actor, ready, request.into()).await
}

async fn planned_anew(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    batch: BatchId,
    request: &PlanBatch,
    rehearsal: &mut Rehearsal,
) -> Result<Ready, ServiceError> {
    let batch = existing_batch(tx, actor, batch).await?;
    actor.require(Right::Batch, batch.vault)?;
    let feerate = request.feerate_sat_vb.as_deref();
    let ground = Ground::read(service, tx, batch.vault, feerate, rehearsal).await?;
    let (stay, leave) = planned_for(tx, actor, &batch, request).await?;
    if stay.is_empty() {
        return Err(BatchError::NothingLeft { batch: batch.id }.into());
    }
    let first = Renewal {
        pays: stay,
        batch: Some(batch),
    };
    let first = plan(tx, &ground, first).await?;
    if leave.is_empty() {
        let renewed = vec![first.build(rehearsal).await?];
        return Ok(Ready::paying(ground, renewed));
    }
    let second = Renewal {
        pays: leave,
        batch: None,
    };
    let second = plan(tx, &ground, second).await?;
    // Each of the two must exclude what pays both, and neither the other.
    let context = Context::of(&mut second.plan.clone())?;
    let required = context.anchors.required.iter();
    let kept: BTreeSet<OutPoint> = required.map(|coin| coin.outpoint).collect();
    let first = first
        .without(&kept)
        .build(rehearsal)
        .await
        .map_err(cannot_be_split)?;
    let taken: BTreeSet<OutPoint> = first.built.coins.iter().map(|(coin, _)| *coin).collect();
    let mut second = second.without(&taken);
    if first.built.change.is_some() {
        second.plan.change_index = second.plan.change_index.saturating_add(1);
    }
    let second = second.build(rehearsal).await.map_err(cannot_be_split)?;
    Ok(Ready::paying(ground, vec![first, second]))
}

/// Issues a spend to ourselves that takes the place of every attempt of a batch, so that nothing of it is
/// paid: its withdrawals fail once it is settled, and may then be paid again or cancelled.
///
/// # Errors
/// [`BatchError::UnknownBatch`], [`BatchError::NothingToCancel`], and whatever stands against building it.
/// Nothing is done then.
pub async fn cancel_batch(
    service: &Service,
    actor: &Actor,
    batch: BatchId,
    request: &Renew,
) -> Result<RenewalView, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let mut rehearsal = Rehearsal::begin(service);
    if !request.preview {
        let mut tx = service.database().begin_read().await?;
        drop(cancelled(service, &mut tx, actor, batch, request, &mut rehearsal).await?);
        rehearsal.only = false;
    }
    let mut tx = begin(service, request.preview).await?;
    let ready = cancelled(service, &mut tx, actor, batch, request, &mut rehearsal).await?;
    conclude(service, tx, actor, ready, request.into()).await
}

async fn cancelled(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    batch: BatchId,
    request: &Renew,
    rehearsal: &mut Rehearsal,
) -> Result<Ready, ServiceError> {
    let batch = existing_batch(tx, actor, batch).await?;
    actor.require(Right::Batch, batch.vault)?;
    // Said before a feerate is asked for: nobody should look for one in vain.
    to_cancel(tx, &batch).await?;
    let feerate = request.feerate_sat_vb.as_deref();
    let ground = Ground::read(service, tx, batch.vault, feerate, rehearsal).await?;
    let cancelled = cancellation(tx, &ground, &batch, rehearsal).await?;
    Ok(Ready::cancelling(ground, cancelled))
}

/// Pays a withdrawal again that failed, in a batch of its own and exclusive with all that ever paid it.
///
/// # Errors
/// [`WithdrawalError::NotFailed`], [`BatchError::CannotBeExclusive`], and whatever stands against building
/// it. Nothing is done then.
pub async fn pay_again(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
    request: &Renew,
) -> Result<RenewalView, ServiceError> {
    actor.require(Right::Batch, key.vault)?;
    let mut rehearsal = Rehearsal::begin(service);
    if !request.preview {
        let mut tx = service.database().begin_read().await?;
        drop(paid_again(service, &mut tx, key, request, &mut rehearsal).await?);
        rehearsal.only = false;
    }
    let mut tx = begin(service, request.preview).await?;
    let ready = paid_again(service, &mut tx, key, request, &mut rehearsal).await?;
    conclude(service, tx, actor, ready, request.into()).await
}

async fn paid_again(
    service: &Service,
    tx: &mut Transaction,
    key: &WithdrawalKey,
    request: &Renew,
    rehearsal: &mut Rehearsal,
) -> Result<Ready, ServiceError> {
    let feerate = request.feerate_sat_vb.as_deref();
    let ground = Ground::read(service, tx, key.vault, feerate, rehearsal).await?;
    let row = existing_withdrawal(tx, key).await?;
    if !matches!(row.state, WithdrawalState::Failed { .. }) {
        return Err(WithdrawalError::NotFailed {
            requester: row.key.requester,
            id: row.key.id,
            state: row.state.name(),
        }
        .into());
    }
    let renewal = Renewal {
        pays: vec![row],
        batch: None,
    };
    let planned = plan(tx, &ground, renewal).await?;
    let renewed = planned.build(rehearsal).await?;
    Ok(Ready::paying(ground, vec![renewed]))
}

async fn begin(service: &Service, preview: bool) -> Result<Transaction, ServiceError> {
    Ok(if preview {
        service.database().begin_read().await?
    } else {
        service.database().begin_write().await?
    })
}

async fn existing_batch(
    tx: &mut Transaction,
    actor: &Actor,
    batch: BatchId,
) -> Result<BatchRow, ServiceError> {
    let found = batches::lookup(tx, batch).await?;
    found
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(ServiceError::Batch(BatchError::UnknownBatch { batch }))
}

/// The withdrawals that stay in a batch or come to it, and those that leave it for one of their own.
async fn planned_for(
    tx: &mut Transaction,
    actor: &Actor,
    batch: &BatchRow,
    request: &PlanBatch,
) -> Result<(Vec<WithdrawalRow>, Vec<WithdrawalRow>), ServiceError> {
    let mut stay = open_withdrawals(tx, batch).await?;
    for other in &request.merge {
        let other = existing_batch(tx, actor, *other).await?;
        if other.vault != batch.vault {
            return Err(BatchError::UnknownBatch { batch: other.id }.into());
        }
        stay.extend(open_withdrawals(tx, &other).await?);
    }
    for name in &request.add {
        stay.push(existing_withdrawal(tx, &key_of(batch, name)).await?);
    }
    take_out(&mut stay, batch, &request.remove)?;
    let leave = take_out(&mut stay, batch, &request.split)?;
    Ok((in_order(stay), in_order(leave)))
}

fn key_of(batch: &BatchRow, name: &WithdrawalName) -> WithdrawalKey {
    WithdrawalKey {
        vault: batch.vault,
        requester: name.requester.clone(),
        id: name.id.clone(),
    }
}

/// Takes those named out of a batch's withdrawals.
fn take_out(
    stay: &mut Vec<WithdrawalRow>,
    batch: &BatchRow,
    names: &[WithdrawalName],
) -> Result<Vec<WithdrawalRow>, ServiceError> {
    let mut taken = Vec::new();
    for name in names {
        let key = key_of(batch, name);
        let place = stay.iter().position(|row| row.key == key);
        let place = place.ok_or_else(|| BatchError::NotInBatch {
            batch: batch.id,
            requester: name.requester.clone(),
            id: name.id.clone(),
        })?;
        taken.push(stay.remove(place));
    }
    Ok(taken)
}

/// Each once, in the order in which they came in.
fn in_order(mut rows: Vec<WithdrawalRow>) -> Vec<WithdrawalRow> {
    rows.sort_by(|a, b| (a.submitted_at, &a.key).cmp(&(b.submitted_at, &b.key)));
    rows.dedup_by(|a, b| a.key == b.key);
    rows
}

/// The withdrawals whose current attempt is one of this batch and may confirm.
pub(super) async fn open_withdrawals(
    tx: &mut Transaction,
    batch: &BatchRow,
) -> Result<Vec<WithdrawalRow>, ServiceError> {
    let mut open = Vec::new();
    for key in batches::withdrawals_of(tx, batch.id).await? {
        let row = existing_withdrawal(tx, &key).await?;
        let is_here = match row.state {
            WithdrawalState::Batched { batch: own, .. }
            | WithdrawalState::Signing { batch: own, .. }
            | WithdrawalState::Broadcast { batch: own, .. } => own == batch.id,
            WithdrawalState::Requested
            | WithdrawalState::Approved { .. }
            | WithdrawalState::Rejected { .. }
            | WithdrawalState::Expired
            | WithdrawalState::Cancelled
            | WithdrawalState::Confirmed { .. }
            | WithdrawalState::Settled { .. }
            | WithdrawalState::Failed { .. } => false,
        };
        if is_here {
            open.push(row);
        }
    }
    Ok(open)
}

/// What one attempt could be has no room for two.
fn cannot_be_split(error: ServiceError) -> ServiceError {
    if let ServiceError::Batch(BatchError::CannotBeExclusive(cannot)) = error {
        BatchError::CannotBeSplit(cannot).into()
    } else {
        error
    }
}

/// What was built for a request, and on which ground.
struct Ready {
    ground: Ground,
    renewed: Vec<Renewed>,
    budget: Option<BudgetView>,
    maintenance: Option<MaintenanceNeedsView>,
}

impl Ready {
    const fn paying(ground: Ground, renewed: Vec<Renewed>) -> Self {
        Self {
            ground,
            renewed,
            budget: None,
            maintenance: None,
        }
    }

    fn cancelling(ground: Ground, cancelling: Cancelling) -> Self {
        Self {
            ground,
            renewed: vec![cancelling.renewed],
            budget: cancelling.budget,
            maintenance: cancelling.maintenance,
        }
    }
}

/// How far what was built is wanted.
struct Answer {
    preview: bool,
    agreed: Option<Agreed>,
}

impl From<&Renew> for Answer {
    fn from(request: &Renew) -> Self {
        Self {
            preview: request.preview,
            agreed: request.agreed,
        }
    }
}

impl From<&PlanBatch> for Answer {
    fn from(request: &PlanBatch) -> Self {
        Self {
            preview: request.preview,
            agreed: request.agreed,
        }
    }
}

/// Issues what was built, unless a preview is all that is wanted.
async fn conclude(
    service: &Service,
    mut tx: Transaction,
    actor: &Actor,
    ready: Ready,
    asked: Answer,
) -> Result<RenewalView, ServiceError> {
    let Ready {
        ground,
        renewed,
        budget,
        maintenance,
    } = ready;
    let mut answer = RenewalView {
        plans: renewed.iter().map(|one| one.view(&ground.policy)).collect(),
        batches: Vec::new(),
    };
    if let Some(plan) = answer.plans.first_mut() {
        (plan.budget, plan.maintenance) = (budget, maintenance);
    }
    let Answer { preview, agreed } = asked;
    if preview {
        return Ok(answer);
    }
    if let Some(agreed) = agreed {
        agreed.expect(&answer.plans)?;
    }
    let mut made = Vec::new();
    for one in renewed {
        made.push(one.issue(service, &mut tx, &ground, &actor.name).await?);
    }
    for batch in &made {
        answer.batches.push(view(service, &mut tx, batch).await?);
    }
    tx.commit().await?;
    Ok(answer)
}
