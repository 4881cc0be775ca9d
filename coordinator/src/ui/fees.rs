//! The fees of a vault as its queue's page shows them: the estimate with its age, the fee policy, what is stuck.

use policies::VaultId;

use super::Ui;
use super::fault::Fault;
use super::show::duration;
use super::visitor::Visitor;
use crate::fees::Bump;
use crate::service::fee_policies::{FeePolicyView, FeesView, show_fees};
use crate::service::stuck_view::StuckView;

/// What a page shows of fees.
pub(super) struct FeesPart {
    pub(super) estimate: String,
    pub(super) policy: String,
    pub(super) stuck: Vec<Stuck>,
}

/// An attempt that is stuck.
pub(super) struct Stuck {
    pub(super) href: String,
    pub(super) txid: String,
    pub(super) says: String,
    pub(super) to_do: String,
    pub(super) held: bool,
}

impl FeesPart {
    pub(super) async fn of(ui: &Ui, visitor: &Visitor, vault: VaultId) -> Result<Self, Fault> {
        let fees = show_fees(&ui.service, &visitor.actor, vault).await?;
        Ok(Self {
            estimate: estimate(&fees),
            policy: fees.policy.as_ref().map_or_else(
                || {
                    "No fee policy: nothing happens by itself to a transaction that is stuck."
                        .to_owned()
                },
                policy,
            ),
            stuck: fees.stuck.into_iter().map(stuck).collect(),
        })
    }
}

fn estimate(fees: &FeesView) -> String {
    let age = fees.age_s.map(duration).unwrap_or_default();
    match (&fees.estimate_sat_vb, fees.gap.as_deref()) {
        (Some(estimate), _) => format!("The node estimates {estimate} sat/vB ({age} ago)."),
        (None, Some("fees_stale")) => {
            format!("The node's estimate is {age} old and does not count: batches are held.")
        }
        (None, Some("node_trouble")) => {
            "The node is in trouble: its estimates do not count, and batches are held.".to_owned()
        }
        (None, _) => "The node has no fee estimate: batches are held.".to_owned(),
    }
}

fn policy(policy: &FeePolicyView) -> String {
    let happens = match policy.bump {
        Bump::Off => "nothing happens by itself",
        Bump::Propose => "it is said what a replacement would cost",
        Bump::Automatic => "it is replaced by itself",
    };
    format!(
        "A transaction that waits {} blocks is stuck: {happens}, for at most {} sat more a batch.",
        policy.deadline_blocks, policy.budget_sat
    )
}

fn stuck(one: StuckView) -> Stuck {
    Stuck {
        href: format!("/attempts/{}", one.txid),
        txid: one.txid.to_string(),
        says: one.says,
        to_do: one.to_do,
        held: one.code.is_some(),
    }
}
