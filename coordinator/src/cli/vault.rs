//! `vault`: add a vault by its policy document, list, show.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{moment, number, text};
use super::api::{self, Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

/// What comes after a vault was added.
const PIN: &str = "Every signer, approver and service pins this policy by the id above, read out by another \
    person; the coordinator is not to be believed in this.";

#[derive(Debug, Subcommand)]
pub(super) enum Vault {
    /// Add a vault: its policy document, first version.
    #[command(after_help = "Example:\n  countersign-coordinator vault add policy.toml")]
    Add {
        /// The policy document.
        file: PathBuf,
    },
    /// List vaults.
    #[command(after_help = "Example:\n  countersign-coordinator vault list")]
    List,
    /// Show one vault.
    #[command(after_help = "Example:\n  countersign-coordinator vault show ID")]
    Show {
        /// Its id.
        id: String,
    },
}

pub(super) fn run(verb: &Vault, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Vault::Add { file } => {
            let document = String::from_utf8(api::read(file)?).map_err(|_| CliError::Usage {
                message: format!("{} is not UTF-8 text", file.display()),
            })?;
            let vault = api.post("/vaults", Body::Json(json!({ "document": document })))?;
            out.told(&vault, || {
                let name = text(&vault, "name");
                format!(
                    "Added the vault {name}.\n{}\n{}",
                    told(&vault),
                    paragraph(PIN, 0)
                )
            })
        }
        Vault::List => out.table(
            &api.get("/vaults")?,
            &["name", "network", "version", "vault"],
            "No vault yet: `vault add FILE` adds one.",
        ),
        Vault::Show { id } => {
            let vault = api.get(&format!("/vaults/{}", api::segment(id)))?;
            out.told(&vault, || {
                let name = text(&vault, "name");
                let more =
                    "The whole policy document and its descriptor: --json, or `policy show FILE`.";
                format!("Vault {name}\n{}\n{}", told(&vault), paragraph(more, 0))
            })
        }
    }
}

fn told(vault: &Value) -> String {
    Lines::default()
        .with("vault", text(vault, "vault"))
        .with("network", text(vault, "network"))
        .with("version", number(vault, "version"))
        .with("policy", text(vault, "policy"))
        .with("keyset", text(vault, "keyset"))
        .with("added", moment(vault, "created_at"))
        .text()
}
