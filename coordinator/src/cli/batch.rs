//! `batch`: pay approved withdrawals together.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, moment, text};
use super::api::{self, Api, Body};
use super::attempt;
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Batch {
    /// Reserve coins, build the PSBT and send it out for signing.
    #[command(
        after_help = "Example:\n  countersign-coordinator batch create exchange/w-1 --feerate 2.5"
    )]
    Create {
        /// Only these withdrawals, as REQUESTER/ID; all approved ones when left out.
        #[arg(value_name = "REQUESTER/ID")]
        withdrawals: Vec<String>,
        /// Feerate in sat/vB, at most three decimals; the watchtower's estimate when left out.
        #[arg(long, value_name = "N")]
        feerate: Option<String>,
    },
    /// List batches, newest first.
    #[command(after_help = "Example:\n  countersign-coordinator batch list")]
    List,
    /// Show one batch with its attempts.
    #[command(after_help = "Example:\n  countersign-coordinator batch show ID")]
    Show {
        /// Its id.
        id: String,
    },
}

pub(super) fn run(verb: &Batch, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Batch::Create {
            withdrawals,
            feerate,
        } => {
            let mut body = json!({});
            if !withdrawals.is_empty() {
                body["withdrawals"] = withdrawals
                    .iter()
                    .map(|text| {
                        let (requester, id) =
                            text.split_once('/').ok_or_else(|| CliError::Usage {
                                message: format!("{text} is not of the form REQUESTER/ID"),
                            })?;
                        Ok(json!({ "requester": requester, "id": id }))
                    })
                    .collect::<Result<Vec<_>, CliError>>()?
                    .into();
            }
            if let Some(feerate) = feerate {
                body["feerate_sat_vb"] = feerate.as_str().into();
            }
            let batch = api.post(&format!("{}/batches", api.vault_path()?), Body::Json(body))?;
            out.told(&batch, || told("Made the batch", &batch))
        }
        Batch::List => {
            let answer = api.get(&format!("{}/batches", api.vault_path()?))?;
            out.table(
                &answer,
                &["batch", "purpose", "created_by", "created_at"],
                "No batch yet: `batch create` makes one.",
            )
        }
        Batch::Show { id } => {
            let batch = api.get(&format!("/batches/{}", api::segment(id)))?;
            out.told(&batch, || told("Batch", &batch))
        }
    }
}

/// One batch with its attempts, and what was left to wait.
pub(super) fn told(begin: &str, batch: &Value) -> String {
    let lines = Lines::default()
        .with(
            "made by",
            format!(
                "{}, {}",
                text(batch, "created_by"),
                moment(batch, "created_at")
            ),
        )
        .with("coins", list(batch, "coins").len().to_string())
        .text();
    let mut said = format!("{begin} {}\n{lines}", text(batch, "batch"));
    for attempt in list(batch, "attempts") {
        said += &format!("\n{}", attempt::told("Attempt", attempt));
    }
    for waiting in list(batch, "waiting") {
        let (requester, id) = (text(waiting, "requester"), text(waiting, "id"));
        let line = format!(
            "{requester}/{id} waits: {} ({}).",
            text(waiting, "says"),
            text(waiting, "code")
        );
        said += &format!("\n{}", paragraph(&line, 2));
    }
    said
}
