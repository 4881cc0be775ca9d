//! The fees of a vault as its queue's page shows them: the estimate with its age, the fee policy and the form that sets
//! it, what is stuck.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::Ui;
use super::agreeing::told;
use super::fault::Fault;
use super::frame::see_other_saying;
use super::posted::{Named, Posted, Wrong, read_amount};
use super::queue::shown_again;
use super::routes::{Needs, Table};
use super::show::duration;
use super::visitor::Visitor;
use crate::fees::{Bump, MOST_BLOCKS};
use crate::service::Right;
use crate::service::fee_policies::{
    FeePolicyView, FeesView, SetFees, clear_fees, set_fees, show_fees,
};
use crate::service::stuck_view::StuckView;

/// Blocks that are offered where nothing was said yet.
const BLOCKS: u32 = 6;

pub(super) fn routes(table: Table) -> Table {
    let batch = Needs::Right(Right::Batch);
    table
        .post("/vaults/{vault}/fees", batch, set)
        .post("/vaults/{vault}/fees/clear", batch, clear)
}

/// What a page shows of fees.
pub(super) struct FeesPart {
    pub(super) estimate: String,
    pub(super) policy: String,
    pub(super) stuck: Vec<Stuck>,
    pub(super) form: Typed,
    /// The ways to deal with what is stuck: name, words, whether it is chosen.
    pub(super) ways: Vec<(&'static str, &'static str, bool)>,
    /// Whether there is a fee policy to take away.
    pub(super) is_set: bool,
    /// Whether the form was sent and is shown again.
    pub(super) is_typed: bool,
}

/// The form of the fee policy, as it is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) target: String,
    pub(super) deadline: String,
    pub(super) budget: String,
    pub(super) bump: String,
    pub(super) cpfp: String,
    pub(super) below: String,
    pub(super) rungs: String,
}

impl Typed {
    /// What stands in the form before anybody typed.
    fn of(policy: Option<&FeePolicyView>) -> Self {
        let Some(policy) = policy else {
            return Self {
                target: BLOCKS.to_string(),
                deadline: BLOCKS.to_string(),
                bump: Bump::Propose.name().to_owned(),
                ..Self::default()
            };
        };
        Self {
            target: policy.target_blocks.to_string(),
            deadline: policy.deadline_blocks.to_string(),
            budget: format!("{} sat", policy.budget_sat),
            bump: policy.bump.name().to_owned(),
            cpfp: if policy.cpfp { "yes" } else { "" }.to_owned(),
            below: policy.consolidate_below_sat_vb.clone().unwrap_or_default(),
            rungs: policy.rungs_sat_vb.join(", "),
        }
    }

    /// What is asked for; what is wrong of it is said beside its field.
    fn read(&self, wrong: &mut Wrong) -> Option<SetFees> {
        let mut blocks = |field, text: &str| {
            let read = text.trim().parse::<u32>().ok();
            let read = read.filter(|blocks| (1..=MOST_BLOCKS).contains(blocks));
            if read.is_none() {
                wrong.add(field, "A number of blocks from 1 to 1008.");
            }
            read
        };
        let target = blocks("target", &self.target);
        let deadline = blocks("deadline", &self.deadline);
        let budget = read_amount(&self.budget);
        if budget.is_none() {
            wrong.add(
                "budget",
                "An amount in satoshi such as 50000 sat, or in BTC.",
            );
        }
        let bump = self.bump.parse::<Bump>().ok();
        if bump.is_none() {
            wrong.add("bump", "Choose one.");
        }
        let rungs = self.rungs.split(',').map(str::trim);
        let below = self.below.trim();
        Some(SetFees {
            target_blocks: target?,
            deadline_blocks: deadline?,
            budget_sat: budget?.to_sat(),
            bump: bump?,
            cpfp: !self.cpfp.is_empty(),
            consolidate_below_sat_vb: (!below.is_empty()).then(|| below.to_owned()),
            rungs_sat_vb: rungs
                .filter(|rung| !rung.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }
}

pub(super) async fn set(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let Some(request) = typed.read(&mut wrong) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return shown_again(&ui, &visitor, vault, (typed, wrong), (status, None)).await;
    };
    match set_fees(&ui.service, &visitor.actor, vault, &request).await {
        Ok(_) => {
            let here = format!("/vaults/{vault}/queue");
            Ok(see_other_saying(&here, "The fee policy is set."))
        }
        Err(error) => {
            let fault = told(error)?;
            let problem = (fault.status(), Some(fault));
            shown_again(&ui, &visitor, vault, (typed, wrong), problem).await
        }
    }
}

pub(super) async fn clear(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    clear_fees(&ui.service, &visitor.actor, vault).await?;
    let words = "The fee policy is taken away: nothing happens by itself to what is stuck.";
    Ok(see_other_saying(&format!("/vaults/{vault}/queue"), words))
}

/// The ways to deal with what is stuck.
fn ways(chosen: &str) -> Vec<(&'static str, &'static str, bool)> {
    let ways = Bump::ALL.map(|way| (way.name(), words(way), way.name() == chosen));
    ways.to_vec()
}

const fn words(bump: Bump) -> &'static str {
    match bump {
        Bump::Off => "nothing happens by itself",
        Bump::Propose => "it is said what a replacement would cost",
        Bump::Automatic => "it is replaced by itself",
    }
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
    /// What is known; with what was typed, where the form is shown again.
    pub(super) async fn of(
        ui: &Ui,
        visitor: &Visitor,
        vault: VaultId,
        typed: Option<Typed>,
    ) -> Result<Self, Fault> {
        let fees = show_fees(&ui.service, &visitor.actor, vault).await?;
        let is_typed = typed.is_some();
        let form = typed.unwrap_or_else(|| Typed::of(fees.policy.as_ref()));
        Ok(Self {
            ways: ways(&form.bump),
            form,
            is_set: fees.policy.is_some(),
            is_typed,
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
    format!(
        "A transaction that waits {} blocks is stuck: {}, for at most {} sat more a batch.",
        policy.deadline_blocks,
        words(policy.bump),
        policy.budget_sat
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
