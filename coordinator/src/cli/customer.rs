//! `customer`: external references as accounts, and those that fell below 0.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, list, moment, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Customer {
    /// Show whether references are accounts of customers, and which of them are below 0.
    #[command(after_help = "Example:\n  countersign-coordinator customer list")]
    List,
    /// Say whether references are accounts: those below 0 are then not paid on.
    #[command(
        after_help = "Example:\n  countersign-coordinator customer set --references accounts"
    )]
    Set {
        /// What external references are.
        #[arg(long, value_enum)]
        references: References,
    },
    /// Let the withdrawals of a reference go although it is below 0.
    #[command(
        override_usage = "countersign-coordinator customer release [OPTIONS] --reference <TEXT>\n       --reason <TEXT>",
        after_help = "Example:\n  countersign-coordinator customer release --reference c-7 --reason settled"
    )]
    Release {
        /// The reference.
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// Why: one line.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum References {
    /// Accounts of customers, who are paid what came in under them.
    Accounts,
    /// Words that say nothing about who may be paid.
    Labels,
}

pub(super) fn run(verb: &Customer, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/customers", api.vault_path()?);
    let answer = match verb {
        Customer::List => api.get(&path)?,
        Customer::Set { references } => {
            let accounts = *references == References::Accounts;
            let body = json!({ "references_are_accounts": accounts });
            api.put(&path, Body::Json(body))?
        }
        Customer::Release { reference, reason } => {
            let body = json!({ "reference": reference, "reason": reason });
            api.post(&format!("{path}/release"), Body::Json(body))?
        }
    };
    out.told(&answer, || told(&answer))
}

fn told(answer: &Value) -> String {
    let accounts = answer.get("references_are_accounts") == Some(&Value::Bool(true));
    if !accounts {
        let words = "References are labels here: nobody is held because of them. `customer set --references \
                     accounts` changes that.";
        return paragraph(words, 0);
    }
    let negative = list(answer, "negative");
    if negative.is_empty() {
        return paragraph("References are accounts, and none is below 0.", 0);
    }
    let mut said = paragraph(
        "Below 0: more was paid out in these names than came in under them.",
        0,
    );
    for one in negative {
        let waits = if one.get("held") == Some(&Value::Bool(true)) {
            "its withdrawals wait; `customer release` lets them go".to_owned()
        } else {
            format!(
                "let go by {}: {}",
                text(one, "released_by"),
                text(one, "release_reason")
            )
        };
        let lines = Lines::default()
            .with("balance", amount(one, "balance_sat"))
            .with("since", moment(one, "since"))
            .with("withdrawals", waits);
        said.push_str(&format!("\n\n{}\n{}", text(one, "reference"), lines.text()));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_below_0_is_named_with_what_to_do() {
        let answer = json!({
            "references_are_accounts": true,
            "negative": [
                { "reference": "c-7", "balance_sat": -5, "since": 0, "held": true },
                { "reference": "c-8", "balance_sat": -6, "since": 0, "held": false,
                  "released_by": "olga", "release_reason": "paid back" },
            ],
        });
        let said = told(&answer);
        for words in [
            "c-7",
            "-0.00000005 BTC",
            "`customer release`",
            "let go by olga: paid back",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
        let labels = told(&json!({ "references_are_accounts": false, "negative": [] }));
        assert!(labels.contains("labels"), "{labels}");
    }
}
