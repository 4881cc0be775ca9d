//! `vault`: add a vault by its policy document, list, show.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Vault {
    /// Add a vault: its policy document, first version.
    Add {
        /// The policy document.
        file: PathBuf,
    },
    /// List vaults.
    List,
    /// Show one vault.
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
            out.record(&api.post("/vaults", Body::Json(json!({ "document": document })))?)
        }
        Vault::List => out.table(
            &api.get("/vaults")?,
            &["name", "vault", "network", "version"],
            "no vaults yet",
        ),
        Vault::Show { id } => out.record(&api.get(&format!("/vaults/{}", api::segment(id)))?),
    }
}
