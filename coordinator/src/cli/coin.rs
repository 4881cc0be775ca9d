//! `coin list`, `freeze`, `thaw` and `label`: the coins of a vault, and what operators say of them.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::text;
use super::api::{Api, Body, items, segment};
use super::layout::paragraph;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Coin {
    /// List coins, and which are spent, reserved or frozen.
    #[command(after_help = "Example:\n  countersign-coordinator coin list")]
    List,
    /// Freeze a coin: no new attempt is made of it. One that holds it already goes on.
    #[command(
        after_help = "Example:\n  countersign-coordinator coin freeze TXID:0 --reason stolen"
    )]
    Freeze {
        /// The coin, as txid, colon, output.
        coin: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let a frozen coin be spent again.
    #[command(after_help = "Example:\n  countersign-coordinator coin thaw TXID:0")]
    Thaw {
        /// The coin, as txid, colon, output.
        coin: String,
    },
    /// Say how a coin is called; without a label, take it away.
    #[command(after_help = "Example:\n  countersign-coordinator coin label TXID:0 salaries")]
    Label {
        /// The coin, as txid, colon, output.
        coin: String,
        /// How it is called.
        #[arg(default_value = "")]
        label: String,
    },
}

pub(super) fn run(verb: &Coin, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = |coin: &str, what: &str| {
        let vault = api.vault_path()?;
        Ok::<String, CliError>(format!("{vault}/coins/{}/{what}", segment(coin)))
    };
    let answer = match verb {
        Coin::List => return list(api, out),
        Coin::Freeze { coin, reason } => {
            let body = Body::Json(json!({ "reason": reason }));
            api.post(&path(coin, "freeze")?, body)?
        }
        Coin::Thaw { coin } => api.delete(&path(coin, "freeze")?)?,
        Coin::Label { coin, label } => {
            let body = Body::Json(json!({ "label": label }));
            api.put(&path(coin, "label")?, body)?
        }
    };
    out.told(&answer, || told(&answer))
}

fn list(api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = api.get(&format!("{}/coins", api.vault_path()?))?;
    let coins: Vec<Value> = items(&answer).iter().map(shown).collect();
    let columns = [
        "outpoint",
        "amount_sat",
        "keychain",
        "index",
        "state",
        "reserved",
        "frozen",
        "label",
    ];
    out.table_of(&answer, &coins, &columns, "No coins.")
}

/// A coin as it is shown: one that something spends says so, whatever its own confirmations; marks in their words.
fn shown(coin: &Value) -> Value {
    let mut shown = coin.clone();
    if coin.get("spent_by").is_some_and(|by| !by.is_null()) {
        shown["state"] = Value::from("spent");
    }
    for mark in ["frozen", "label"] {
        shown[mark] = coin.get(mark).map_or(Value::Null, words);
    }
    shown
}

fn words(mark: &Value) -> Value {
    mark.get("text").cloned().unwrap_or(Value::Null)
}

fn told(coin: &Value) -> String {
    let mark = |name: &str| coin.get(name).map(words).filter(|text| !text.is_null());
    let held = coin.get("reserved") == Some(&Value::Bool(true));
    let mut lines = match mark("frozen") {
        Some(reason) => {
            let reason = reason.as_str().unwrap_or_default();
            format!("The coin is frozen: {reason}. No new attempt is made of it.")
        }
        None => "The coin is not frozen.".to_owned(),
    };
    if held && mark("frozen").is_some() {
        lines.push_str(" A batch holds it already: its attempts go on, and what takes their place may spend it.");
    }
    if let Some(label) = mark("label") {
        let label = label.as_str().unwrap_or_default();
        lines.push_str(&format!(" It is called {label}."));
    }
    format!("{}\n{}", text(coin, "outpoint"), paragraph(&lines, 0))
}
