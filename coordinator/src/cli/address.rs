//! `address`: issue deposit addresses and list them.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::answer::{number, text};
use super::api::{Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

/// What comes before a deposit address is used.
const DERIVE: &str = "Before you show it to anybody, derive it again at this index from the policy that you \
    pinned: the client library does so.";

#[derive(Debug, Subcommand)]
pub(super) enum Address {
    /// Issue the next deposit address. Derive it again from your pinned policy before use.
    #[command(
        after_help = "Example:\n  countersign-coordinator address new --reference customer-17"
    )]
    New {
        /// Your own reference, such as a customer's number.
        #[arg(long, default_value = "")]
        reference: String,
        /// Anything else to keep with it, as a JSON object.
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
    },
    /// List issued addresses.
    #[command(after_help = "Example:\n  countersign-coordinator address list")]
    List,
}

pub(super) fn run(verb: &Address, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/addresses", api.vault_path()?);
    match verb {
        Address::New {
            reference,
            metadata,
        } => {
            let mut body = json!({ "reference": reference });
            if let Some(text) = metadata {
                body["metadata"] = serde_json::from_str(text).map_err(|error| CliError::Usage {
                    message: format!("--metadata is not JSON: {error}"),
                })?;
            }
            let address = api.post(&path, Body::Json(body))?;
            out.told(&address, || {
                let lines = Lines::default()
                    .with("address", text(&address, "address"))
                    .with("index", number(&address, "index"))
                    .with("reference", text(&address, "reference"));
                format!(
                    "Issued a deposit address; it is watched for ever.\n{}\n{}",
                    lines.text(),
                    paragraph(DERIVE, 0)
                )
            })
        }
        Address::List => out.table(
            &api.get(&path)?,
            &["index", "address", "reference"],
            "No address was issued yet: `address new` issues one.",
        ),
    }
}
