//! `batch`: pay approved withdrawals together.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Batch {
    /// Reserve coins, build the PSBT and send it out for signing.
    Create {
        /// Only these withdrawals, as REQUESTER/ID; all approved ones when left out.
        #[arg(value_name = "REQUESTER/ID")]
        withdrawals: Vec<String>,
        /// Feerate in sat/vB, at most three decimals; the watchtower's estimate when left out.
        #[arg(long, value_name = "N")]
        feerate: Option<String>,
    },
    /// List batches, newest first.
    List,
    /// Show one batch with its attempts.
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
            out.record(&api.post(&format!("{}/batches", api.vault_path()?), Body::Json(body))?)
        }
        Batch::List => {
            let answer = api.get(&format!("{}/batches", api.vault_path()?))?;
            out.table(
                &answer,
                &["batch", "created_by", "created_at"],
                "no batches yet",
            )
        }
        Batch::Show { id } => out.record(&api.get(&format!("/batches/{}", api::segment(id)))?),
    }
}
