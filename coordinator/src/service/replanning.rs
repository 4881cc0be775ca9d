//! Planning a batch anew: more, fewer or other withdrawals, other batches merged into it, some split off.
//!
//! One database transaction under the vault's lock, or nothing, as in `renewals`.

use std::collections::BTreeSet;

use bitcoin::OutPoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::agreed::Agreed;
use super::batches::WithdrawalName;
use super::excluding::Context;
use super::rehearsal::Rehearsal;
use super::renewal_view::RenewalView;
use super::renewals::{Asked, Ready, existing_batch, in_order, open_withdrawals, renew};
use super::renewing::{Ground, Renewal, plan};
use super::withdrawals::existing as existing_withdrawal;
use super::{Actor, BatchError, Right, Service, ServiceError};
use crate::session::BatchId;
use crate::store::batches::BatchRow;
use crate::store::withdrawals::{WithdrawalKey, WithdrawalRow};

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
    renew(service, actor, Asked::Plan(batch, request)).await
}

pub(super) async fn planned_anew(
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

/// What one attempt could be has no room for two.
fn cannot_be_split(error: ServiceError) -> ServiceError {
    if let ServiceError::Batch(BatchError::CannotBeExclusive(cannot)) = error {
        BatchError::CannotBeSplit(cannot).into()
    } else {
        error
    }
}
