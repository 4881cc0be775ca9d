//! `fees`: how fast a vault pays, how long it waits, and what happens to an attempt that is stuck.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, list, moment, number, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;
use crate::fees::Bump;

#[derive(Debug, Subcommand)]
pub(super) enum Fees {
    /// Show the fee policy of the vault, and the fees as they are.
    #[command(after_help = "Example:\n  countersign-coordinator fees show")]
    Show,
    /// Set the fee policy of the vault, in place of the one before.
    #[command(
        override_usage = "countersign-coordinator fees set [OPTIONS] --budget-sat <SAT>\n       --bump <HOW>",
        after_help = "Example:\n  countersign-coordinator fees set --budget-sat 50000 --bump automatic"
    )]
    Set(SetFees),
    /// Take the fee policy of the vault away: nothing happens by itself then.
    #[command(after_help = "Example:\n  countersign-coordinator fees clear")]
    Clear,
}

#[derive(Debug, Args)]
pub(super) struct SetFees {
    /// Confirmation target in blocks, whose estimate a stuck attempt is raised to.
    #[arg(long, value_name = "BLOCKS", default_value_t = 6)]
    target: u32,
    /// Blocks that an attempt may wait unconfirmed before it counts as stuck.
    #[arg(long, value_name = "BLOCKS", default_value_t = 6)]
    deadline: u32,
    /// What all that is done for one batch may cost beyond its first fee.
    #[arg(long, value_name = "SAT")]
    budget_sat: u64,
    /// What happens to an attempt that is stuck: off, propose or automatic.
    #[arg(long, value_name = "HOW")]
    bump: Bump,
    /// Let a child pay for an attempt that cannot be replaced.
    #[arg(long)]
    cpfp: bool,
    /// Propose to join coins while the estimate is below this, in sat/vB.
    #[arg(long, value_name = "N")]
    consolidate_below: Option<String>,
    /// Feerates of a ladder in sat/vB, lowest first, such as 5,10,20.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    rungs: Vec<String>,
}

pub(super) fn run(verb: &Fees, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/fees", api.vault_path()?);
    let answer = match verb {
        Fees::Show => api.get(&path)?,
        Fees::Set(new) => {
            let body = json!({
                "target_blocks": new.target,
                "deadline_blocks": new.deadline,
                "budget_sat": new.budget_sat,
                "bump": new.bump,
                "cpfp": new.cpfp,
                "consolidate_below_sat_vb": new.consolidate_below,
                "rungs_sat_vb": new.rungs,
            });
            api.put(&path, Body::Json(body))?
        }
        Fees::Clear => api.delete(&path)?,
    };
    out.told(&answer, || told(&answer))
}

fn told(fees: &Value) -> String {
    let mut told = policy_told(fees);
    for one in list(fees, "stuck") {
        let says = format!(
            "The attempt {} is stuck: {}. To do: {}.",
            text(one, "txid"),
            text(one, "says"),
            text(one, "to_do")
        );
        told.push('\n');
        told.push_str(&paragraph(&says, 2));
    }
    told
}

fn policy_told(fees: &Value) -> String {
    let estimate = match (text(fees, "estimate_sat_vb"), text(fees, "gap")) {
        ("", "fees_stale") => format!("too old to count, of {} s ago", number(fees, "age_s")),
        ("", "node_trouble") => "none: the node is in trouble".to_owned(),
        ("", _) => "none".to_owned(),
        (estimate, _) => format!("{estimate} sat/vB, of {} s ago", number(fees, "age_s")),
    };
    let lines = Lines::default()
        .with("estimate", estimate)
        .with("mempool takes", with_unit(text(fees, "least_sat_vb")))
        .with("cap", with_unit(text(fees, "cap_sat_vb")))
        .with("policy's cap", with_unit(text(fees, "most_sat_vb")));
    let Some(policy) = fees.get("policy").filter(|policy| !policy.is_null()) else {
        let none = "The vault has no fee policy: nothing happens by itself to an attempt that is stuck. \
            `fees set` sets one.";
        return format!("{}\n{}", paragraph(none, 0), lines.text());
    };
    let rungs: Vec<&str> = (list(policy, "rungs_sat_vb").iter())
        .filter_map(Value::as_str)
        .collect();
    let yes = |field: &str| policy.get(field) == Some(&Value::Bool(true));
    let lines = lines
        .with("target", blocks(policy, "target_blocks"))
        .with("deadline", blocks(policy, "deadline_blocks"))
        .with("budget", amount(policy, "budget_sat"))
        .with("child pays", if yes("cpfp") { "yes" } else { "no" })
        .with(
            "join below",
            with_unit(text(policy, "consolidate_below_sat_vb")),
        )
        .with("ladder", with_unit(&rungs.join(", ")))
        .with("set", moment(policy, "set_at"))
        .with("by", text(policy, "set_by"));
    let says = match text(policy, "bump") {
        "automatic" => "An attempt that is stuck is replaced by itself, within the budget.",
        "propose" => "Of an attempt that is stuck it is said what a replacement would cost.",
        _ => "Nothing happens by itself to an attempt that is stuck.",
    };
    format!("{}\n{}", paragraph(says, 0), lines.text())
}

fn blocks(policy: &Value, field: &str) -> String {
    match number(policy, field).as_str() {
        "1" => "1 block".to_owned(),
        many => format!("{many} blocks"),
    }
}

fn with_unit(feerate: &str) -> String {
    if feerate.is_empty() {
        String::new()
    } else {
        format!("{feerate} sat/vB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_eighty_columns_and_names_the_age_of_the_estimate() {
        let mut fees = json!({
            "vault": "ab", "cap_sat_vb": "20", "most_sat_vb": "50", "estimate_sat_vb": "4.5", "gap": null,
            "age_s": 40, "least_sat_vb": "1",
            "policy": {
                "target_blocks": 6, "deadline_blocks": 1, "budget_sat": 50_000, "bump": "automatic", "cpfp": true,
                "consolidate_below_sat_vb": "2", "rungs_sat_vb": ["5", "10", "20"], "set_at": 1_795_660_800,
                "set_by": "ola",
            },
        });
        let said = told(&fees);
        for part in [
            "4.5 sat/vB, of 40 s ago",
            "1 block\n",
            "5, 10, 20 sat/vB",
            "replaced by itself",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
        fees["policy"] = Value::Null;
        fees["estimate_sat_vb"] = Value::Null;
        fees["gap"] = json!("fees_stale");
        let said = told(&fees);
        assert!(said.contains("too old to count, of 40 s ago"), "{said}");
        assert!(said.contains("has no fee policy"), "{said}");
    }
}
