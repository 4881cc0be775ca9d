//! What the watchtower knows: deposits, balance, ledger.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CliError;
use super::answer::{amount, list, text};
use super::api::{Api, items};
use super::layout::Lines;
use super::output::{Output, table};

/// What is shown of an account.
const ACCOUNT: [&str; 3] = ["account", "debit_sat", "credit_sat"];

#[derive(Debug, Subcommand)]
pub(super) enum Deposit {
    /// List deposits. A small one is below the vault's minimum and credited to nobody.
    #[command(after_help = "Example:\n  countersign-coordinator deposit list")]
    List,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator ledger --entries --after 100")]
pub(super) struct Ledger {
    /// Show the entries instead of the accounts' balances.
    #[arg(long)]
    entries: bool,
    /// Only entries after this number.
    #[arg(long, default_value_t = 0, requires = "entries")]
    after: u64,
    /// At most this many entries.
    #[arg(long, default_value_t = 100, requires = "entries")]
    limit: u32,
}

pub(super) fn deposits(api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = api.get(&format!("{}/deposits", api.vault_path()?))?;
    let mut shown = items(&answer).to_vec();
    for deposit in &mut shown {
        if deposit["below_minimum"] == Value::Bool(true) {
            let state = format!("{}, small", text(deposit, "state"));
            deposit["state"] = Value::from(state);
        }
    }
    out.table_of(
        &answer,
        &shown,
        &["outpoint", "amount_sat", "state", "height", "reference"],
        "No deposits yet.",
    )
}

pub(super) fn balance(api: &Api, out: &Output) -> Result<(), CliError> {
    let balance = api.get(&format!("{}/balance", api.vault_path()?))?;
    out.told(&balance, || {
        let lines = Lines::default()
            .with("available", amount(&balance, "available_sat"))
            .with("promised", amount(&balance, "promised_sat"))
            .with("reserved", amount(&balance, "reserved_sat"))
            .with("frozen", amount(&balance, "frozen_sat"))
            .with("settled", amount(&balance, "settled_sat"))
            .with("former keysets", amount(&balance, "former_sat"))
            .with("total", amount(&balance, "total_sat"));
        let accounts = table(list(&balance, "accounts"), &ACCOUNT);
        format!(
            "A new withdrawal may ask for what is available.\n{}\n{accounts}",
            lines.text()
        )
    })
}

pub(super) fn ledger(verb: &Ledger, api: &Api, out: &Output) -> Result<(), CliError> {
    let vault = api.vault_path()?;
    if verb.entries {
        let answer = api.get(&format!(
            "{vault}/ledger?after={}&limit={}",
            verb.after, verb.limit
        ))?;
        return out.table(
            &answer,
            &["number", "debit", "credit", "amount_sat", "cause"],
            "No entries after that number.",
        );
    }
    let balance = api.get(&format!("{vault}/balance"))?;
    let accounts = balance.get("accounts").cloned().unwrap_or(Value::Null);
    out.table(&accounts, &ACCOUNT, "The ledger is empty.")
}
