//! `address`: issue deposit addresses and list them.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::api::{Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Address {
    /// Issue the next deposit address. Derive it again from your pinned policy before use.
    New {
        /// Your own reference, such as a customer's number.
        #[arg(long, default_value = "")]
        reference: String,
        /// Anything else to keep with it, as a JSON object.
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
    },
    /// List issued addresses.
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
            out.record(&api.post(&path, Body::Json(body))?)
        }
        Address::List => out.table(
            &api.get(&path)?,
            &["index", "address", "reference"],
            "no addresses issued yet",
        ),
    }
}
