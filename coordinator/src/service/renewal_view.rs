//! What attempts that take the place of others mean and cost, as it is shown before and after.

use bitcoin::OutPoint;
use policies::document::Policy;
use policies::{RequesterName, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;

use super::batches::BatchView;
use super::building::Built;
use super::carrying::CarryingFacts;
use super::devices::DeviceTimeView;
use super::free_coins::keyset_spent;
use super::own_spend_view::{BudgetView, MaintenanceNeedsView, signer_sets};
use crate::exclusion::{Fate, Planned, Preview, WithdrawalFate};

/// Attempts that take the place of others, and the batches they went to unless it was only a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RenewalView {
    /// What is planned: one attempt, or two where a batch is split.
    pub plans: Vec<PlanView>,
    /// The batches of these attempts, in the same order; none for a preview.
    pub batches: Vec<BatchView>,
}

/// What an attempt means and costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlanView {
    /// What it is for: `pay`, `bump` or `cancel`.
    pub purpose: String,
    /// The coins that it spends, each as txid, colon, output.
    pub coins: Vec<String>,
    /// The transactions that it takes the place of in mempools.
    pub replaces: Vec<String>,
    /// The highest fee that may be paid if it is not made.
    pub fee_before_sat: u64,
    /// Its fee.
    pub fee_sat: u64,
    /// How much more that is.
    pub more_sat: u64,
    /// Its feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// What makes it exclusive with each transaction that was issued before for what it pays or cancels.
    pub excludes: Vec<ExcludedView>,
    /// How many ancestors its file carries as proof.
    pub ancestors: u64,
    /// The coins that it spends although they are frozen, each as txid, colon, output: nothing else makes it
    /// exclusive with what was issued before.
    pub frozen: Vec<String>,
    /// What becomes of each withdrawal.
    pub withdrawals: Vec<FateView>,
    /// The sets of signers, any one of which must sign it anew.
    pub signers: Vec<Vec<String>>,
    /// The budget of spends to ourselves, for a cancellation.
    pub budget: Option<BudgetView>,
    /// The approvals of maintenance that signers will demand for a cancellation.
    pub maintenance: Option<MaintenanceNeedsView>,
    /// Its PSBT as QR codes, without our records.
    pub carrying: Option<CarryingFacts>,
    /// How long the signers' devices take, where that was measured.
    pub devices: Vec<DeviceTimeView>,
    /// The same in words, in lines of at most 80 columns.
    pub words: Vec<String>,
}

/// How an earlier transaction is excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExcludedView {
    /// The earlier transaction.
    pub earlier: String,
    /// The coin that excludes it, as txid, colon, output.
    pub by: String,
    /// The carried transactions from the one that made the coin down to the one that spends what the
    /// earlier one spends; none where the coin itself is what both spend.
    pub through: Vec<String>,
}

/// What becomes of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FateView {
    /// Who asked for it.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// Its id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// What becomes of it once the attempt is settled: `paid`, `left_out` or `fails`.
    #[schema(value_type = String)]
    pub fate: Fate,
}

impl PlanView {
    pub(super) fn of(built: &Built, fates: Vec<WithdrawalFate>, policy: &Policy) -> Self {
        let keyset = keyset_spent(policy, built.former);
        let planned = Planned {
            purpose: built.purpose,
            anchors: &built.anchors,
            replacing: built.replacing.as_ref(),
            frozen: &built.frozen,
            fee: built.fee,
            weight: built.weight,
        };
        let preview = Preview::of(planned, fates, signer_sets(keyset, None));
        let words = preview.words();
        let excludes = preview.excludes.iter().map(|one| ExcludedView {
            earlier: one.earlier.to_string(),
            by: one.by.to_string(),
            through: one.through.iter().map(ToString::to_string).collect(),
        });
        let fates = preview.withdrawals.into_iter().map(|one| FateView {
            requester: one.requester,
            id: one.id,
            fate: one.fate,
        });
        let coins = built
            .coins
            .iter()
            .map(|(coin, _)| OutPoint::to_string(coin));
        Self {
            purpose: preview.purpose.name().to_owned(),
            coins: coins.collect(),
            replaces: preview.replaces.iter().map(ToString::to_string).collect(),
            fee_before_sat: preview.fee_before_sat,
            fee_sat: preview.fee_sat,
            more_sat: preview.more_sat,
            feerate_sat_vb: preview.feerate_sat_vb,
            excludes: excludes.collect(),
            ancestors: u64::try_from(preview.ancestors).unwrap_or(u64::MAX),
            frozen: preview.frozen.iter().map(OutPoint::to_string).collect(),
            withdrawals: fates.collect(),
            signers: preview.signers,
            budget: None,
            maintenance: None,
            carrying: CarryingFacts::for_devices(&built.psbt),
            devices: DeviceTimeView::all(keyset, built.coins.len()),
            words,
        }
    }
}
