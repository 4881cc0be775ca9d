//! `self-spend`: join coins, or renew their age before a recovery path opens.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::CliError;
use super::api::{Api, Body};
use super::output::Output;
use super::own_spend;

/// Why coins are spent to the vault itself.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Purpose {
    /// Join small coins into one.
    Consolidate,
    /// Make old coins young again.
    Refresh,
    /// Bring coins of a former keyset to the newest descriptor.
    Drain,
}

#[derive(Debug, Subcommand)]
pub(super) enum SelfSpend {
    /// Spend coins to the vault itself and send the PSBT out for signing.
    #[command(
        after_help = "Example:\n  countersign-coordinator self-spend create --purpose consolidate --dry-run"
    )]
    Create {
        /// What it is for.
        #[arg(long)]
        purpose: Purpose,
        /// A coin to spend, as TXID:OUTPUT; may be repeated. Those that fit when left out.
        #[arg(long = "coin", value_name = "COIN")]
        coins: Vec<String>,
        /// The most coins to spend.
        #[arg(long, value_name = "N")]
        max_inputs: Option<u32>,
        /// Feerate in sat/vB, such as 2.5; the node's estimate when left out.
        #[arg(long, value_name = "SAT_VB")]
        feerate: Option<String>,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) fn run(verb: &SelfSpend, api: &Api, out: &Output) -> Result<(), CliError> {
    let SelfSpend::Create {
        purpose,
        coins,
        max_inputs,
        feerate,
        dry_run,
    } = verb;
    let body = json!({
        "purpose": match purpose {
            Purpose::Consolidate => "consolidate",
            Purpose::Refresh => "refresh",
            Purpose::Drain => "drain",
        },
        "coins": (!coins.is_empty()).then_some(coins),
        "max_inputs": max_inputs,
        "feerate_sat_vb": feerate,
        "dry_run": dry_run,
    });
    let path = format!("{}/self-spends", api.vault_path()?);
    let answer = api.post(&path, Body::Json(body))?;
    out.told(&answer, || own_spend::told(&answer))
}
