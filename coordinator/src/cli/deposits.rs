//! `deposits`: from which amount deposits are credited, and what happens to those that are a nuisance.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, moment, number, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Deposits {
    /// Show what the vault says of deposits.
    #[command(after_help = "Example:\n  countersign-coordinator deposits show")]
    Show,
    /// Set what the vault says of deposits. What is not given stays as it is.
    ///
    /// It counts for deposits that are first seen from now on; what was seen before stays as it is.
    #[command(
        after_help = "Example:\n  countersign-coordinator deposits set --deposit-min-sat 10000 --freeze-reuse"
    )]
    Set(SetDeposits),
    /// Take it away: every deposit is credited.
    #[command(after_help = "Example:\n  countersign-coordinator deposits clear")]
    Clear,
}

#[derive(Debug, Args)]
pub(super) struct SetDeposits {
    /// Credit nobody with a deposit below this; it is booked as "below minimum". At first 0.
    #[arg(long, value_name = "SAT")]
    deposit_min_sat: Option<u64>,
    /// Freeze coins that pay an address which was spent from, or one for change; or no more. At first no.
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    freeze_reuse: Option<bool>,
    /// Small deposits in one block from which there is an alarm. At first 20.
    #[arg(long, value_name = "N")]
    flood: Option<u32>,
}

pub(super) fn run(verb: &Deposits, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/deposit-rules", api.vault_path()?);
    let answer = match verb {
        Deposits::Show => api.get(&path)?,
        Deposits::Set(new) => {
            let mut body = json!({});
            let stands = api.get(&path)?;
            for (field, given) in [
                ("deposit_min_sat", new.deposit_min_sat.map(Value::from)),
                ("freeze_reuse", new.freeze_reuse.map(Value::from)),
                ("flood", new.flood.map(Value::from)),
            ] {
                body[field] = given.unwrap_or_else(|| stands[field].clone());
            }
            api.put(&path, Body::Json(body))?
        }
        Deposits::Clear => api.delete(&path)?,
    };
    out.told(&answer, || told(&answer))
}

fn told(rules: &Value) -> String {
    let says = match number(rules, "deposit_min_sat").as_str() {
        "0" => "Every deposit is credited. `deposits set` sets a minimum.".to_owned(),
        _ => format!(
            "A deposit below {} is booked and credited to nobody.",
            amount(rules, "deposit_min_sat")
        ),
    };
    let freezes = rules.get("freeze_reuse") == Some(&Value::Bool(true));
    let lines = Lines::default()
        .with(
            "alarm from",
            format!("{} small deposits in a block", number(rules, "flood")),
        )
        .with(
            "paid again",
            if freezes {
                "frozen"
            } else {
                "told, not frozen"
            },
        )
        .with("set", moment(rules, "set_at"))
        .with("by", text(rules, "set_by"));
    format!("{}\n{}", paragraph(&says, 0), lines.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_eighty_columns_and_names_the_minimum() {
        let mut rules = json!({
            "vault": "ab", "deposit_min_sat": 10_000, "freeze_reuse": true, "flood": 20, "set_at": 1_795_660_800,
            "set_by": "ola",
        });
        let said = told(&rules);
        for part in ["0.00010000 BTC", "20 small deposits", "frozen", "ola"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
        rules["deposit_min_sat"] = json!(0);
        let said = told(&rules);
        assert!(said.contains("Every deposit is credited"), "{said}");
    }
}
