//! `approval`: hand in approvals and rejections that people made with their own tool.

use std::path::PathBuf;

use clap::Subcommand;

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Approval {
    /// Hand in what `countersign-signer approve` or `reject` wrote.
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

pub(super) fn run(verb: &Approval, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Approval::Submit { file } => {
            let path = format!("{}/approvals", api.vault_path()?);
            out.record(&api.post(&path, Body::Json(api::read_json(file)?))?)
        }
    }
}
