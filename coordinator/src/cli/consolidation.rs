//! `consolidate`: what joining coins would come to, before it is done.

use clap::Subcommand;
use serde_json::Value;

use super::CliError;
use super::answer::{amount, count, list, number, text};
use super::api::Api;
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Consolidate {
    /// Show which coins are worth joining now, and what that saves.
    #[command(after_help = "Example:\n  countersign-coordinator consolidate plan")]
    Plan,
}

pub(super) fn run(verb: &Consolidate, api: &Api, out: &Output) -> Result<(), CliError> {
    let Consolidate::Plan = verb;
    let plan = api.get(&format!("{}/consolidation", api.vault_path()?))?;
    out.told(&plan, || told(&plan))
}

fn told(plan: &Value) -> String {
    let feerate = text(plan, "feerate_sat_vb");
    if feerate.is_empty() {
        let says = "The node has no estimate that counts: nothing is planned.";
        return paragraph(says, 0);
    }
    if plan.get("saves") != Some(&Value::Bool(true)) {
        let says = format!("Joining coins saves nothing now, at {feerate} sat/vB.");
        return paragraph(&says, 0);
    }
    let coins = list(plan, "coins");
    let lines = Lines::default()
        .with("joins", count(coins.len(), "coin"))
        .with("at", format!("{feerate} sat/vB"))
        .with("costs now", amount(plan, "cost_now_sat"))
        .with("costs later", amount(plan, "cost_later_sat"))
        .with("later at", format!("{} sat/vB", text(plan, "later_sat_vb")))
        .with("saves", amount(plan, "saving_sat"))
        .with("left out", number(plan, "uneconomic"))
        .text();
    let next = format!(
        "Join them with `self-spend create --purpose consolidate --feerate {feerate}`; --dry-run shows it first."
    );
    format!("{lines}\n{}", paragraph(&next, 0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_says_what_it_costs_and_saves_within_eighty_columns() {
        let coin = json!({ "outpoint": "ab:0", "amount_sat": 5_000 });
        let mut plan = json!({
            "feerate_sat_vb": "1.5", "later_sat_vb": "10", "saves": true, "coins": [coin, coin], "uneconomic": 3,
            "cost_now_sat": 400, "cost_later_sat": 2_000, "saving_sat": 600,
        });
        let said = told(&plan);
        for part in ["2 coins", "600 sat", "--feerate 1.5"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
        plan["saves"] = json!(false);
        assert!(told(&plan).contains("saves nothing now"));
        plan["feerate_sat_vb"] = Value::Null;
        assert!(told(&plan).contains("no estimate that counts"));
    }
}
