//! Attempts that are out and stuck, as people are told of them: what was proposed, or why nothing is done.

use bitcoin::{FeeRate, Txid};
use policies::VaultId;
use policies::document::format_sat_per_vb;
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::ServiceError;
use super::bumping::RUNG;
use crate::session::BatchId;
use crate::store::bumps::{self, BumpRow, Outcome};

/// An attempt that is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StuckView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Its batch.
    #[schema(value_type = String)]
    pub batch: BatchId,
    /// The attempt.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The height of the tip when it was first found to be out.
    pub since_height: u32,
    /// Why nothing is done, as a code; none where a replacement is proposed.
    pub code: Option<String>,
    /// What is proposed, or why nothing is done, in words.
    pub says: String,
    /// The feerate that is proposed, in sat/vB.
    pub feerate_sat_vb: Option<String>,
    /// How much more that costs, in satoshi.
    pub more_sat: u64,
    /// What is left of the batch's budget then, in satoshi.
    pub budget_left_sat: u64,
    /// What to do.
    pub to_do: String,
}

/// The stuck attempts of a vault, or of all.
pub(super) async fn stuck(
    tx: &mut Transaction,
    vault: Option<VaultId>,
) -> Result<Vec<StuckView>, ServiceError> {
    let stuck = bumps::stuck(tx, vault).await?;
    Ok(stuck
        .into_iter()
        .map(|(vault, row)| view(vault, row))
        .collect())
}

fn view(vault: VaultId, row: BumpRow) -> StuckView {
    let is_proposed = row.outcome == Outcome::Proposed;
    let txid = row.attempt;
    let feerate = (row.feerate > FeeRate::ZERO).then(|| format_sat_per_vb(row.feerate));
    let says = match &feerate {
        Some(feerate) if is_proposed => format!(
            "{feerate} sat/vB would cost {} sat more; {} sat of its budget would be left",
            row.more.to_sat(),
            row.left.to_sat()
        ),
        _ => row.says,
    };
    let to_do = match (row.code.as_str(), &feerate) {
        (RUNG, _) => format!("release the next rung with `attempt release {txid}`, or let it wait"),
        ("", Some(feerate)) => {
            format!("replace it with `attempt replace {txid} --feerate {feerate}`, or let it wait")
        }
        ("over_budget", _) => {
            format!("raise the budget with `fees set`, or replace it with `attempt replace {txid}`")
        }
        ("above_cap", _) => {
            format!("wait until fees fall, or pay more with `attempt replace {txid} --feerate N`")
        }
        ("fees_unknown" | "fees_stale" | "node_trouble", _) => {
            "see to the node; it goes on by itself then".to_owned()
        }
        _ => format!("look at the reason; `attempt replace {txid} --preview` says more"),
    };
    StuckView {
        vault,
        batch: row.batch,
        txid,
        since_height: row.since,
        code: (!is_proposed).then_some(row.code),
        says,
        feerate_sat_vb: feerate,
        more_sat: row.more.to_sat(),
        budget_left_sat: row.left.to_sat(),
        to_do,
    }
}
