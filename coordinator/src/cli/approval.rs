//! `approval`: hand in approvals and rejections that people made with their own tool.

use std::path::PathBuf;

use clap::Subcommand;

use super::CliError;
use super::api::{self, Api, Body, items};
use super::output::Output;
use super::withdrawal::told;

#[derive(Debug, Subcommand)]
pub(super) enum Approval {
    /// Hand in what `countersign-signer approve` or `reject` wrote.
    #[command(after_help = "Example:\n  countersign-coordinator approval submit approval.json")]
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

pub(super) fn run(verb: &Approval, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Approval::Submit { file } => {
            let path = format!("{}/approvals", api.vault_path()?);
            let answer = api.post(&path, Body::Json(api::read_json(file)?))?;
            out.told(&answer, || {
                let told = items(&answer)
                    .iter()
                    .map(|withdrawal| told("Counted for", withdrawal));
                told.collect::<Vec<_>>().join("\n")
            })
        }
    }
}
