//! A batch as it would be made now: what it pays, spends and costs, and what is left to wait.

use bitcoin::Address;
use policies::document::Policy;
use policies::{RequesterName, VaultId, WithdrawalId};
use serde::Serialize;

use super::batches::{CreateBatch, Prepared, prepare};
use super::building::Built;
use super::rehearsal::Rehearsal;
use super::renewal_view::PlanView;
use super::waiting::Waiting;
use super::{Actor, Right, Service, ServiceError};
use crate::exclusion::{Fate, WithdrawalFate};

/// A batch that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedBatch {
    /// What its attempt means and costs.
    pub plan: PlanView,
    /// What it pays.
    pub pays: Vec<PlannedPayment>,
    /// What the coins hold that it spends.
    pub spent_sat: u64,
    /// What returns to the vault.
    pub change_sat: u64,
    /// The weight with the heaviest witnesses.
    pub weight_wu: u64,
    /// Approved withdrawals that would be left to wait, and why.
    pub waiting: Vec<Waiting>,
}

/// A payment that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPayment {
    /// Who asked for it.
    pub requester: RequesterName,
    /// Its id.
    pub id: WithdrawalId,
    /// The amount asked for at most.
    pub amount_sat: u64,
    /// Where it goes.
    pub address: Option<String>,
    /// The rule that allows it.
    pub rule: String,
}

impl PlannedBatch {
    pub(super) fn of(built: &Built, waiting: &[Waiting], policy: &Policy) -> Self {
        let paid = |index: usize| built.rules.get(index).cloned().unwrap_or_default();
        let pays: Vec<PlannedPayment> = built
            .withdrawals
            .iter()
            .enumerate()
            .map(|(index, row)| PlannedPayment {
                requester: row.key.requester.clone(),
                id: row.key.id.clone(),
                amount_sat: row.intent.amount.to_sat(),
                address: Address::from_script(&row.intent.script_pubkey, policy.network)
                    .ok()
                    .map(|address| address.to_string()),
                rule: paid(index),
            })
            .collect();
        let fates = built.withdrawals.iter().map(|row| WithdrawalFate {
            requester: row.key.requester.clone(),
            id: row.key.id.clone(),
            fate: Fate::Paid,
        });
        let spent: u64 = built
            .coins
            .iter()
            .fold(0, |sum, (_, amount)| sum.saturating_add(amount.to_sat()));
        let asked: u64 = pays
            .iter()
            .fold(0, |sum, payment| sum.saturating_add(payment.amount_sat));
        let change = spent
            .saturating_sub(asked)
            .saturating_sub(built.fee.to_sat());
        Self {
            plan: PlanView::of(built, fates.collect(), policy),
            spent_sat: spent,
            change_sat: built.change.as_ref().map_or(0, |_| change),
            weight_wu: built.weight.to_wu(),
            waiting: waiting.to_vec(),
            pays,
        }
    }
}

/// What a batch would be, were it made now. Nothing is reserved.
///
/// # Errors
/// As [`super::batches::create_batch`].
pub async fn preview_batch(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &CreateBatch,
) -> Result<PlannedBatch, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut rehearsal = Rehearsal::again(service, request.agreed);
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let Prepared { built, waiting, .. } =
        prepare(service, &mut tx, vault, request, &mut rehearsal).await?;
    Ok(PlannedBatch::of(&built, &waiting, &policy))
}
