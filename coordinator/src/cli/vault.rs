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
        /// Do not refuse it for devices that cannot sign it as far as is known here.
        #[arg(long)]
        despite_devices: bool,
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
        Vault::Add {
            file,
            despite_devices,
        } => {
            let document = String::from_utf8(api::read(file)?).map_err(|_| CliError::Usage {
                message: format!("{} is not UTF-8 text", file.display()),
            })?;
            let before = api.get("/vaults")?;
            let vault = api.post("/vaults", Body::Json(vault_of(&document, *despite_devices)))?;
            out.told(&vault, || added(&vault, api::items(&before)))
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

/// What is asked for; the same as ever where devices are not passed by.
fn vault_of(document: &str, despite_devices: bool) -> Value {
    let mut asked = json!({ "document": document });
    if despite_devices {
        asked["despite_devices"] = json!(true);
    }
    asked
}

/// What was added, or that it was there before.
fn added(vault: &Value, before: &[Value]) -> String {
    let (id, name) = (text(vault, "vault"), text(vault, "name"));
    let begin = if before.iter().any(|known| text(known, "vault") == id) {
        "The vault is known already.".to_owned()
    } else {
        format!("Added the vault {name}.")
    };
    format!("{begin}\n{}\n{}", told(vault), paragraph(PIN, 0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_that_is_there_is_not_said_to_be_added() {
        let (vault, other) = (
            json!({ "vault": "ab", "name": "treasury" }),
            json!({ "vault": "cd" }),
        );
        let new = added(&vault, std::slice::from_ref(&other));
        assert!(new.starts_with("Added the vault treasury.\n"), "{new}");
        let again = added(&vault, &[other, vault.clone()]);
        assert!(
            again.starts_with("The vault is known already.\n"),
            "{again}"
        );
    }
}
