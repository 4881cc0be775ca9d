//! `reconcile`: compare ledger, tracker and node now; says at once whom it waits for.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::CliError;
use super::answer::{amount, moment, number, text};
use super::api::{Api, Body};
use super::layout::Lines;
use super::output::{Output, say};

/// How long it waits for the watchtower.
const WAIT: Duration = Duration::from_mins(1);
/// How long it lets the watchtower be between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/reconciliation", api.vault_path()?);
    let asked = api.post(&path, Body::Empty)?;
    let request = number(&asked, "request");
    let begun = Instant::now();
    let mut told = false;
    loop {
        let answer = api.get(&format!("{path}/{request}"))?;
        if let Some(result) = answer.get("result").filter(|result| !result.is_null()) {
            return judged(result, out);
        }
        if begun.elapsed() > WAIT {
            return Err(unanswered());
        }
        if !told {
            say(&format!(
                "Asked the watchtower to compare now; waiting for it, at most {} s …",
                WAIT.as_secs()
            ));
            told = true;
        }
        pause();
    }
}

fn judged(result: &Value, out: &Output) -> Result<(), CliError> {
    if result.get("agrees") == Some(&Value::Bool(true)) {
        return out.told(result, || {
            format!("Ledger, tracker and node agree.\n{}", figures(result))
        });
    }
    Err(CliError::Refused {
        code: "not_reconciled".to_owned(),
        detail: format!(
            "ledger, tracker and node do not agree\n{}",
            figures(result).trim_end()
        ),
        problem: Some(result.clone()),
        hint: Some(
            "a node that is catching up differs for a moment; try again, then see the log"
                .to_owned(),
        ),
    })
}

fn unanswered() -> CliError {
    CliError::Waited {
        detail: format!("no watchtower has answered within {} s", WAIT.as_secs()),
        hint: "`status` says whether one is running; start `countersign-watchtower run`, or the coordinator \
               with --with-watchtower; the question stays, and the next one to start answers it",
    }
}

fn figures(result: &Value) -> String {
    Lines::default()
        .with("difference", text(result, "detail"))
        .with("ledger", amount(result, "ledger_sat"))
        .with("tracker", amount(result, "tracker_sat"))
        .with("node", amount(result, "node_sat"))
        .with("coins", number(result, "coins"))
        .with("height", number(result, "height"))
        .with("block", text(result, "block"))
        .with("at", moment(result, "at"))
        .text()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this loop polls until the watchtower answered"
)]
fn pause() {
    thread::sleep(PAUSE);
}
