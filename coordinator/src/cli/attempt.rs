//! `attempt`: transactions out for signing.

use std::fs;
use std::path::PathBuf;

use clap::Subcommand;

use super::CliError;
use super::api::{self, Api, Body};
use super::output::{self, Output};

#[derive(Debug, Subcommand)]
pub(super) enum Attempt {
    /// List attempts.
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one attempt: who signed, who is missing.
    Show {
        /// Its txid.
        txid: String,
    },
    /// Fetch the PSBT, for an offline signer.
    Psbt {
        /// Its txid.
        txid: String,
        /// The PSBT's version: 0 or 2.
        #[arg(long, default_value = "0", value_parser = ["0", "2"])]
        version: String,
        /// Write it here; standard output when left out.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Hand in an approval of maintenance that `countersign-signer maintain` wrote.
    Approve {
        /// Its txid.
        txid: String,
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// Hand in what a signer returned, in any encoding.
    Submit {
        /// Its txid.
        txid: String,
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

pub(super) fn run(verb: &Attempt, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Attempt::List { state } => {
            let state = state
                .as_ref()
                .map(|state| format!("?state={}", api::segment(state)))
                .unwrap_or_default();
            let answer = api.get(&format!("{}/attempts{state}", api.vault_path()?))?;
            out.table(
                &answer,
                &["txid", "state", "fee_sat", "missing_signers"],
                "no attempts",
            )
        }
        Attempt::Show { txid } => {
            out.record(&api.get(&format!("/attempts/{}", api::segment(txid)))?)
        }
        Attempt::Psbt {
            txid,
            version,
            output,
        } => {
            let path = format!("/attempts/{}/psbt?version={version}", api::segment(txid));
            let psbt = api.get_bytes(&path)?;
            match output {
                None => out.bytes(&psbt),
                Some(path) => {
                    fs::write(path, &psbt).map_err(|source| CliError::File {
                        path: path.clone(),
                        source,
                    })?;
                    output::say(&format!(
                        "{} bytes written to {}",
                        psbt.len(),
                        path.display()
                    ));
                    Ok(())
                }
            }
        }
        Attempt::Approve { txid, file } => {
            let path = format!("/attempts/{}/approvals", api::segment(txid));
            out.record(&api.post(&path, Body::Json(api::read_json(file)?))?)
        }
        Attempt::Submit { txid, file } => {
            let path = format!("/attempts/{}/signatures", api::segment(txid));
            out.record(&api.post(&path, Body::Bytes(api::read(file)?))?)
        }
    }
}
