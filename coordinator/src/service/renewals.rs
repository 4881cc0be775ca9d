//! Attempts beside earlier ones: replacing one, cancelling on the chain, paying again. Planning a batch anew is in
//! `replanning`.
//!
//! Each is one database transaction under the vault's lock, or nothing; a preview is the same without it.

use bitcoin::{Amount, FeeRate, Txid};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::agreed::Agreed;
use super::attempts::existing as existing_attempt;
use super::batches::view;
use super::cancellations::{Cancelling, cancellation, to_cancel};
use super::lines::is_live;
use super::own_spend_view::{BudgetView, MaintenanceNeedsView};
use super::rehearsal::Rehearsal;

pub use super::renewal_view::{ExcludedView, FateView, PlanView, RenewalView};
use super::renewing::{Ground, Renewal, Renewed, pays, plan};
use super::replanning::planned_anew;
pub use super::replanning::{PlanBatch, plan_batch};
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
    renew(service, actor, Asked::Replace(txid, request)).await
}

/// Builds what takes the place of an attempt at a feerate, in a transaction that the caller commits.
pub(super) async fn replacement_in(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    txid: Txid,
    feerate: &str,
    rehearsal: &mut Rehearsal,
) -> Result<Ready, ServiceError> {
    let request = Renew {
        feerate_sat_vb: Some(feerate.to_owned()),
        ..Renew::default()
    };
    Box::pin(replacement(service, tx, actor, txid, &request, rehearsal)).await
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
    renew(service, actor, Asked::Cancel(batch, request)).await
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
    renew(service, actor, Asked::PayAgain(key, request)).await
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

pub(super) async fn existing_batch(
    tx: &mut Transaction,
    actor: &Actor,
    batch: BatchId,
) -> Result<BatchRow, ServiceError> {
    let found = batches::lookup(tx, batch).await?;
    found
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(ServiceError::Batch(BatchError::UnknownBatch { batch }))
}

/// Each once, in the order in which they came in.
pub(super) fn in_order(mut rows: Vec<WithdrawalRow>) -> Vec<WithdrawalRow> {
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

/// What was built for a request, and on which ground.
pub(crate) struct Ready {
    ground: Ground,
    renewed: Vec<Renewed>,
    budget: Option<BudgetView>,
    maintenance: Option<MaintenanceNeedsView>,
}

impl Ready {
    /// The fees of all that was built.
    pub(super) fn fee(&self) -> Amount {
        let mut fees = self.renewed.iter().map(|one| one.built.fee);
        let sum = fees.try_fold(Amount::ZERO, Amount::checked_add);
        sum.unwrap_or(Amount::MAX_MONEY)
    }

    /// The feerate of the dearest that was built, if it is above a cap.
    pub(super) fn above(&self, cap: FeeRate) -> Option<FeeRate> {
        let dear = self.renewed.iter().map(|one| &one.built);
        let dear = dear.filter(|built| {
            cap.fee_wu(built.weight)
                .is_some_and(|most| built.fee > most)
        });
        dear.map(|built| built.fee / built.weight).max()
    }

    /// Stores and issues it in a transaction that the caller commits; gives the attempts that were made.
    pub(super) async fn issue(
        self,
        service: &Service,
        tx: &mut Transaction,
        actor: &str,
    ) -> Result<Vec<Txid>, ServiceError> {
        let mut made = Vec::new();
        for one in self.renewed {
            made.push(one.built.txid);
            one.issue(service, tx, &self.ground, actor).await?;
        }
        Ok(made)
    }

    pub(super) const fn paying(ground: Ground, renewed: Vec<Renewed>) -> Self {
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

/// What is asked for, and of what.
pub(super) enum Asked<'a> {
    Replace(Txid, &'a Renew),
    Plan(BatchId, &'a PlanBatch),
    Cancel(BatchId, &'a Renew),
    PayAgain(&'a WithdrawalKey, &'a Renew),
}

impl Asked<'_> {
    /// Whether only to say what would be done, and which preview was agreed to.
    const fn how_far(&self) -> (bool, Option<Agreed>) {
        match self {
            Self::Replace(_, request) | Self::Cancel(_, request) | Self::PayAgain(_, request) => {
                (request.preview, request.agreed)
            }
            Self::Plan(_, request) => (request.preview, request.agreed),
        }
    }

    async fn ready(
        &self,
        service: &Service,
        tx: &mut Transaction,
        actor: &Actor,
        rehearsal: &mut Rehearsal,
    ) -> Result<Ready, ServiceError> {
        match self {
            Self::Replace(txid, request) => {
                Box::pin(replacement(service, tx, actor, *txid, request, rehearsal)).await
            }
            Self::Plan(batch, request) => {
                Box::pin(planned_anew(service, tx, actor, *batch, request, rehearsal)).await
            }
            Self::Cancel(batch, request) => {
                Box::pin(cancelled(service, tx, actor, *batch, request, rehearsal)).await
            }
            Self::PayAgain(key, request) => {
                Box::pin(paid_again(service, tx, key, request, rehearsal)).await
            }
        }
    }
}

/// Builds what is asked for, first without the writer where it is to be issued.
pub(super) async fn renew(
    service: &Service,
    actor: &Actor,
    asked: Asked<'_>,
) -> Result<RenewalView, ServiceError> {
    let (preview, agreed) = asked.how_far();
    let mut rehearsal = Rehearsal::begin(service);
    if !preview {
        let mut tx = service.database().begin_read().await?;
        drop(asked.ready(service, &mut tx, actor, &mut rehearsal).await?);
        rehearsal.only = false;
    }
    let mut tx = if preview {
        service.database().begin_read().await?
    } else {
        service.database().begin_write().await?
    };
    let ready = asked.ready(service, &mut tx, actor, &mut rehearsal).await?;
    conclude(service, tx, actor, ready, (preview, agreed)).await
}

/// Issues what was built, unless a preview is all that is wanted.
async fn conclude(
    service: &Service,
    mut tx: Transaction,
    actor: &Actor,
    ready: Ready,
    (preview, agreed): (bool, Option<Agreed>),
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
