//! `withdrawal`: hand in a signed intent, list, show, cancel.

use std::path::PathBuf;

use clap::Subcommand;

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Withdrawal {
    /// Hand in an intent with its request signature, as `countersign-signer request` wrote it.
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// List withdrawals, newest first.
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one withdrawal.
    Show {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
    },
    /// Cancel a withdrawal that is in no batch yet.
    Cancel {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
    },
}

pub(super) fn run(verb: &Withdrawal, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/withdrawals", api.vault_path()?);
    match verb {
        Withdrawal::Submit { file } => {
            out.record(&api.post(&path, Body::Json(api::read_json(file)?))?)
        }
        Withdrawal::List { state, limit } => {
            let state = state
                .as_ref()
                .map(|state| format!("&state={}", api::segment(state)))
                .unwrap_or_default();
            let answer = api.get(&format!("{path}?limit={limit}{state}"))?;
            out.table(
                &answer,
                &["requester", "id", "amount_sat", "state", "address", "txid"],
                "no withdrawals",
            )
        }
        Withdrawal::Show { requester, id } => out.record(&api.get(&format!(
            "{path}/{}/{}",
            api::segment(requester),
            api::segment(id)
        ))?),
        Withdrawal::Cancel { requester, id } => out.record(&api.post(
            &format!(
                "{path}/{}/{}/cancel",
                api::segment(requester),
                api::segment(id)
            ),
            Body::Empty,
        )?),
    }
}
