//! What the watchtower knows: deposits, coins, balance, ledger, reconciliation, status.

use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CliError;
use super::api::{Api, Body};
use super::output::{self, Output};

/// How long `reconcile` waits for the watchtower.
const RECONCILE_WAIT: Duration = Duration::from_mins(1);

#[derive(Debug, Subcommand)]
pub(super) enum Deposit {
    /// List deposits.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Coin {
    /// List unspent coins.
    List,
}

#[derive(Debug, Args)]
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
        "no deposits yet",
    )
}

pub(super) fn coins(api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = api.get(&format!("{}/coins", api.vault_path()?))?;
    out.table(
        &answer,
        &[
            "outpoint",
            "amount_sat",
            "keychain",
            "index",
            "state",
            "reserved",
        ],
        "no coins",
    )
}

pub(super) fn balance(api: &Api, out: &Output) -> Result<(), CliError> {
    out.record(&api.get(&format!("{}/balance", api.vault_path()?))?)
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
            "no entries",
        );
    }
    let balance = api.get(&format!("{vault}/balance"))?;
    let accounts = balance.get("accounts").cloned().unwrap_or(Value::Null);
    out.table(
        &accounts,
        &["account", "debit_sat", "credit_sat"],
        "the ledger is empty",
    )
}

pub(super) fn reconcile(api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/reconciliation", api.vault_path()?);
    let asked = api.post(&path, Body::Empty)?;
    let request = asked
        .get("request")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let begun = Instant::now();
    loop {
        let answer = api.get(&format!("{path}/{request}"))?;
        if let Some(result) = answer.get("result").filter(|result| !result.is_null()) {
            if result.get("agrees") == Some(&Value::Bool(true)) {
                return out.record(result);
            }
            return Err(CliError::Refused {
                code: "not_reconciled".to_owned(),
                detail: format!(
                    "ledger, tracker and node do not agree:\n{}",
                    output::lines(result)
                ),
                problem: Some(result.clone()),
                hint: Some(
                    "a node that is catching up differs for a moment; try again, then see the log"
                        .to_owned(),
                ),
            });
        }
        if begun.elapsed() > RECONCILE_WAIT {
            return Err(CliError::Connection {
                url: path,
                reason: format!(
                    "no result within {} s: is a watchtower running?",
                    RECONCILE_WAIT.as_secs()
                ),
            });
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this loop polls until the watchtower answered"
)]
fn pause() {
    thread::sleep(Duration::from_millis(100));
}

pub(super) fn status(api: &Api, out: &Output) -> Result<(), CliError> {
    out.record(&api.get("/status")?)
}
