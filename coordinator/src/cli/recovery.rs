//! `recovery`: spend coins that are old enough to where the policy says.

use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::api::{Api, Body};
use super::output::Output;
use super::own_spend;

/// What to recover.
#[derive(Debug, Args)]
pub(super) struct What {
    /// A coin to recover, as TXID:OUTPUT; may be repeated. The oldest that fit when left out.
    #[arg(long = "coin", value_name = "COIN")]
    coins: Vec<String>,
    /// The timelock of the recovery path in blocks; the shortest one when left out.
    #[arg(long, value_name = "BLOCKS")]
    older: Option<u16>,
    /// Feerate in sat/vB, such as 2.5; the node's estimate when left out.
    #[arg(long, value_name = "SAT_VB")]
    feerate: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Recovery {
    /// Say which coins can be recovered now, by whom and at what fee, and when others can.
    #[command(after_help = "Example:\n  countersign-coordinator recovery preview --older 12960")]
    Preview(What),
    /// Build a recovery and send the PSBT out for signing.
    #[command(
        after_help = "Example:\n  countersign-coordinator recovery create --coin TXID:0 --feerate 2.5"
    )]
    Create(What),
}

pub(super) fn run(verb: &Recovery, api: &Api, out: &Output) -> Result<(), CliError> {
    let (what, dry_run) = match verb {
        Recovery::Preview(what) => (what, true),
        Recovery::Create(what) => (what, false),
    };
    let body = json!({
        "coins": (!what.coins.is_empty()).then_some(&what.coins),
        "older": what.older,
        "feerate_sat_vb": what.feerate,
        "dry_run": dry_run,
    });
    let path = format!("{}/recoveries", api.vault_path()?);
    let answer = api.post(&path, Body::Json(body))?;
    out.told(&answer, || own_spend::told(&answer))
}
