//! The fee policy of a vault: shown, set and taken away.
//!
//! Invariant: it never opens what the policy document closes. Caps, shares and budgets of signers are theirs, and hold
//! whatever is said here.

use bitcoin::{Amount, FeeRate};
use policies::document::{format_sat_per_vb, parse_sat_per_vb};
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::said_of_vault::Saying;
use super::stuck_view::{StuckView, stuck};
use super::{Actor, FeeError, Right, Service, ServiceError, node_fees};
use crate::fees::{Bump, FeePolicy};
use crate::store::fee_policies::{self, FeePolicyRow};

/// Sets the fee policy of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFees {
    /// The confirmation target in blocks, whose estimate a stuck attempt is raised to.
    pub target_blocks: u32,
    /// How many blocks an attempt may wait unconfirmed before it counts as stuck.
    pub deadline_blocks: u32,
    /// What all that is done for one batch may cost beyond its first fee, in satoshi.
    pub budget_sat: u64,
    /// `off`, `propose` or `automatic`.
    pub bump: Bump,
    /// Whether a child may pay for an attempt that cannot be replaced.
    #[serde(default)]
    pub cpfp: bool,
    /// Below this estimate, in sat/vB, joining coins is proposed; never if left out.
    #[serde(default)]
    pub consolidate_below_sat_vb: Option<String>,
    /// The feerates of a ladder in sat/vB, lowest first; none if left out.
    #[serde(default)]
    pub rungs_sat_vb: Vec<String>,
}

/// The fee policy of a vault, and what the node says of fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeesView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The fee policy, if it has one.
    pub policy: Option<FeePolicyView>,
    /// The highest feerate in sat/vB that is paid without asking.
    pub cap_sat_vb: String,
    /// The policy document's highest feerate in sat/vB.
    pub most_sat_vb: String,
    /// The estimate for the fee policy's target, or the configuration's, in sat/vB; none where none counts.
    pub estimate_sat_vb: Option<String>,
    /// Why none counts, as a code: `fees_unknown`, `fees_stale` or `node_trouble`.
    pub gap: Option<String>,
    /// How old what the node said is, in seconds.
    pub age_s: Option<u64>,
    /// The least that the node's mempool takes, in sat/vB.
    pub least_sat_vb: Option<String>,
    /// The attempts that are out and stuck.
    pub stuck: Vec<StuckView>,
}

/// What was said of a vault's fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeePolicyView {
    /// The confirmation target in blocks.
    pub target_blocks: u32,
    /// How many blocks an attempt may wait.
    pub deadline_blocks: u32,
    /// What all that is done for one batch may cost beyond its first fee, in satoshi.
    pub budget_sat: u64,
    /// `off`, `propose` or `automatic`.
    pub bump: Bump,
    /// Whether a child may pay for an attempt that cannot be replaced.
    pub cpfp: bool,
    /// Below this estimate, in sat/vB, joining coins is proposed.
    pub consolidate_below_sat_vb: Option<String>,
    /// The feerates of a ladder in sat/vB, lowest first.
    pub rungs_sat_vb: Vec<String>,
    /// When it was set (unix seconds).
    #[schema(value_type = u64)]
    pub set_at: UnixTime,
    /// By whom.
    pub set_by: String,
}

impl FeePolicyView {
    fn of(row: FeePolicyRow) -> Self {
        let policy = row.policy;
        Self {
            target_blocks: policy.target,
            deadline_blocks: policy.deadline,
            budget_sat: policy.budget.to_sat(),
            bump: policy.bump,
            cpfp: policy.cpfp,
            consolidate_below_sat_vb: policy.consolidate_below.map(format_sat_per_vb),
            rungs_sat_vb: policy.rungs.into_iter().map(format_sat_per_vb).collect(),
            set_at: row.said.at,
            set_by: row.said.by,
        }
    }
}

/// Shows the fee policy of a vault, and the fees as they are.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_fees(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<FeesView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    view(service, &mut tx, vault).await
}

/// Sets the fee policy of a vault in place of the one before.
///
/// # Errors
/// [`FeeError`] with the field that is wrong; `VaultError::UnknownVault`.
pub async fn set_fees(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SetFees,
) -> Result<FeesView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let policy = read(request)?;
    policy.check().map_err(FeeError::Policy)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    let most = saying.policy.limits.feerate_max;
    if let Some(feerate) = policy.rungs.last().copied().filter(|rung| *rung > most) {
        return Err(FeeError::RungAboveCap { feerate, most }.into());
    }
    let row = FeePolicyRow {
        vault,
        policy,
        said: saying.said(),
    };
    fee_policies::set(&mut saying.tx, &row).await?;
    let below = row.policy.consolidate_below;
    let rungs = row.policy.rungs.iter();
    let body = json!({
        "budget_sat": request.budget_sat,
        "bump": request.bump,
        "cpfp": request.cpfp,
        "consolidate_below_sat_kwu": below.map(FeeRate::to_sat_per_kwu),
        "deadline_blocks": request.deadline_blocks,
        "rungs_sat_kwu": rungs.map(|rung| rung.to_sat_per_kwu()).collect::<Vec<u64>>(),
        "target_blocks": request.target_blocks,
    });
    saying.tell("vault.fees-set", body).await?;
    let view = view(service, &mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

/// Takes the fee policy of a vault away; taking it away again answers the same.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn clear_fees(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<FeesView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    if fee_policies::clear(&mut saying.tx, vault).await? {
        saying.tell("vault.fees-cleared", json!({})).await?;
    }
    let view = view(service, &mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

async fn view(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<FeesView, ServiceError> {
    let (_, document) = service.vault(tx, vault).await?;
    let row = fee_policies::lookup(tx, vault).await?;
    let estimates = node_fees::estimates(service, tx).await?;
    let settings = service.batch_settings();
    let target = (row.as_ref()).map_or(settings.fee_target, |row| row.policy.target);
    Ok(FeesView {
        vault,
        policy: row.map(FeePolicyView::of),
        cap_sat_vb: format_sat_per_vb(settings.cap_under(&document)),
        most_sat_vb: format_sat_per_vb(document.limits.feerate_max),
        estimate_sat_vb: estimates.for_target(target).ok().map(format_sat_per_vb),
        gap: estimates.gap().map(|gap| gap.code().to_owned()),
        age_s: estimates.age_s(),
        least_sat_vb: estimates.least().map(format_sat_per_vb),
        stuck: stuck(tx, Some(vault)).await?,
    })
}

fn read(request: &SetFees) -> Result<FeePolicy, ServiceError> {
    let below = request.consolidate_below_sat_vb.as_deref();
    Ok(FeePolicy {
        target: request.target_blocks,
        deadline: request.deadline_blocks,
        budget: Amount::from_sat(request.budget_sat),
        bump: request.bump,
        cpfp: request.cpfp,
        consolidate_below: below
            .map(|text| feerate("consolidate_below_sat_vb", text))
            .transpose()?,
        rungs: read_rungs(&request.rungs_sat_vb)?,
    })
}

/// Reads the feerates of a ladder.
pub(super) fn read_rungs(rungs: &[String]) -> Result<Vec<FeeRate>, ServiceError> {
    let rungs = rungs.iter();
    rungs.map(|text| feerate("rungs_sat_vb", text)).collect()
}

fn feerate(field: &'static str, text: &str) -> Result<FeeRate, ServiceError> {
    let read = parse_sat_per_vb(text).ok();
    read.filter(|feerate| *feerate > FeeRate::ZERO)
        .ok_or(ServiceError::Malformed {
            field,
            expected: "a feerate above 0 in sat/vB such as \"2.5\", exact in sat per 1000 weight units",
        })
}
