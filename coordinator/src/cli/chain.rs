//! What the watchtower knows: deposits, coins, balance, ledger.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CliError;
use super::answer::{amount, list};
use super::api::{Api, items};
use super::layout::Lines;
use super::output::{Output, table};

/// What is shown of an account.
const ACCOUNT: [&str; 3] = ["account", "debit_sat", "credit_sat"];

#[derive(Debug, Subcommand)]
pub(super) enum Deposit {
    /// List deposits.
    #[command(after_help = "Example:\n  countersign-coordinator deposit list")]
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Coin {
    /// List coins.
    #[command(after_help = "Example:\n  countersign-coordinator coin list")]
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
    out.table(
        &answer,
        &["outpoint", "amount_sat", "state", "height", "reference"],
        "No deposits yet.",
    )
}

pub(super) fn coins(api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = api.get(&format!("{}/coins", api.vault_path()?))?;
    let coins: Vec<Value> = items(&answer).iter().map(coin).collect();
    let columns = [
        "outpoint",
        "amount_sat",
        "keychain",
        "index",
        "state",
        "reserved",
    ];
    out.table_of(&answer, &coins, &columns, "No coins.")
}

pub(super) fn balance(api: &Api, out: &Output) -> Result<(), CliError> {
    let balance = api.get(&format!("{}/balance", api.vault_path()?))?;
    out.told(&balance, || {
        let lines = Lines::default()
            .with("available", amount(&balance, "available_sat"))
            .with("promised", amount(&balance, "promised_sat"))
            .with("reserved", amount(&balance, "reserved_sat"))
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

/// A coin as it is shown: one that something spends says so, whatever its own confirmations.
fn coin(coin: &Value) -> Value {
    let mut shown = coin.clone();
    if coin.get("spent_by").is_some_and(|by| !by.is_null()) {
        shown["state"] = Value::from("spent");
    }
    shown
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
