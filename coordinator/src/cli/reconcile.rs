//! `reconcile`: compare ledger, tracker and node now; says at once whom it waits for, and how far it has come.

use std::io::{IsTerminal, Write, stderr};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::CliError;
use super::answer::{amount, list, moment, number, text};
use super::api::{Api, Body};
use super::layout::Lines;
use super::output::{Output, say};

/// How long it waits for the watchtower.
const WAIT: Duration = Duration::from_mins(1);
/// How long it waits for a scan to come further by a hundredth.
const WAIT_DEEP: Duration = Duration::from_mins(30);
/// How long it lets the watchtower be between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it lets a scan be between two questions.
const PAUSE_DEEP: Duration = Duration::from_millis(500);
/// The columns of a bar.
const BAR: usize = 40;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator reconcile --deep")]
pub(super) struct Reconcile {
    /// Look through the node's whole UTXO set too, for coins that the books do not have.
    ///
    /// That takes minutes on a large chain. What is interrupted here goes on; --abort calls it off.
    #[arg(long)]
    deep: bool,
    /// Call the scan of this number off, and compare nothing.
    #[arg(long, value_name = "NUMBER", conflicts_with = "deep")]
    abort: Option<u64>,
}

pub(super) fn run(verb: &Reconcile, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/reconciliation", api.vault_path()?);
    if let Some(request) = verb.abort {
        let ended = api.delete(&format!("{path}/{request}"))?;
        return out.told(&ended, || {
            "It was called off; the books are as they were.".to_owned()
        });
    }
    let asked = if verb.deep {
        api.post(&format!("{path}/deep"), Body::Empty)?
    } else {
        api.post(&path, Body::Empty)?
    };
    let request = number(&asked, "request");
    let (wait, pause) = if verb.deep {
        (WAIT_DEEP, PAUSE_DEEP)
    } else {
        (WAIT, PAUSE)
    };
    let mut since = Instant::now();
    let mut bar = Bar::default();
    let mut told = false;
    loop {
        let answer = api.get(&format!("{path}/{request}"))?;
        if let Some(result) = answer.get("result").filter(|result| !result.is_null()) {
            bar.end();
            return judged(result, list(&answer, "differences"), &answer, out);
        }
        if answer.get("aborted") == Some(&Value::Bool(true)) {
            bar.end();
            return Err(called_off(&request));
        }
        if bar.show(answer.get("progress").unwrap_or(&Value::Null)) {
            since = Instant::now();
        }
        if since.elapsed() > wait {
            bar.end();
            return Err(unanswered(wait));
        }
        if !told {
            say(&asked_for(verb.deep, &request));
            told = true;
        }
        pause_for(pause);
    }
}

fn asked_for(deep: bool, request: &str) -> String {
    if deep {
        format!(
            "Asked the watchtower to look through the node's whole UTXO set, as number {request}. `reconcile \
             --abort {request}` calls it off …"
        )
    } else {
        format!(
            "Asked the watchtower to compare now; waiting for it, at most {} s …",
            WAIT.as_secs()
        )
    }
}

/// How far a scan has come: a bar on a terminal, else a line for each tenth.
#[derive(Debug, Default)]
struct Bar {
    done: Option<u64>,
    drawn: bool,
}

impl Bar {
    /// Shows how far it is; says whether it came further.
    fn show(&mut self, progress: &Value) -> bool {
        let field = |name| progress.get(name).and_then(Value::as_u64);
        let (Some(done), Some(of)) = (field("done"), field("of").filter(|of| *of > 0)) else {
            return false;
        };
        let percent = done
            .min(of)
            .saturating_mul(100)
            .checked_div(of)
            .unwrap_or_default();
        if self.done == Some(percent) {
            return false;
        }
        let tenth = |percent: Option<u64>| percent.map(|percent| percent / 10);
        let new_tenth = tenth(self.done) != tenth(Some(percent));
        self.done = Some(percent);
        if stderr().is_terminal() {
            let line = format!("\r{}", drawn(percent));
            // Who sees no bar misses nothing.
            self.drawn = stderr().write_all(line.as_bytes()).is_ok();
        } else if new_tenth {
            say(&format!("{percent} % of the node's UTXO set"));
        }
        true
    }

    /// Leaves the bar's line.
    fn end(&mut self) {
        if self.drawn {
            say("");
            self.drawn = false;
        }
    }
}

fn drawn(percent: u64) -> String {
    let filled = usize::try_from(percent.min(100)).unwrap_or(100) * BAR / 100;
    format!(
        "  [{}{}] {percent:>3} % of the node's UTXO set",
        "#".repeat(filled),
        "-".repeat(BAR.saturating_sub(filled))
    )
}

fn judged(
    result: &Value,
    differences: &[Value],
    answer: &Value,
    out: &Output,
) -> Result<(), CliError> {
    let deep = answer.get("deep") == Some(&Value::Bool(true));
    // Programs that ask for a plain one know its result alone.
    let shown = if deep { answer } else { result };
    if result.get("agrees") == Some(&Value::Bool(true)) {
        return out.told(shown, || {
            let how = if deep {
                "Ledger, tracker and node agree, and the node has no coin that the books do not have."
            } else {
                "Ledger, tracker and node agree."
            };
            format!("{how}\n{}", figures(result))
        });
    }
    let mut detail = format!(
        "ledger, tracker and node do not agree\n{}",
        figures(result).trim_end()
    );
    for one in differences {
        detail.push_str(&format!("\n{}", difference(one)));
    }
    Err(CliError::Refused {
        code: "not_reconciled".to_owned(),
        detail,
        problem: Some(shown.clone()),
        hint: Some(
            "a node that is catching up differs for a moment; try again, then see the log"
                .to_owned(),
        ),
    })
}

/// One coin: where it is, what each side says, what to do.
fn difference(one: &Value) -> String {
    let side = |field| {
        let said = amount(one, field);
        if said.is_empty() {
            "nothing".to_owned()
        } else {
            said
        }
    };
    let lines = Lines::default()
        .with("node", side("node_sat"))
        .with("books", side("books_sat"))
        .with("block", number(one, "height"))
        .with("so", text(one, "detail"))
        .with("do", text(one, "todo"));
    format!("  {}\n{}", text(one, "outpoint"), lines.text().trim_end())
}

fn called_off(request: &str) -> CliError {
    CliError::Refused {
        code: "reconciliation_called_off".to_owned(),
        detail: format!("reconciliation {request} was called off before it had a result"),
        problem: None,
        hint: Some("`reconcile --deep` begins another one".to_owned()),
    }
}

fn unanswered(wait: Duration) -> CliError {
    CliError::Waited {
        detail: format!("no watchtower has answered within {} s", wait.as_secs()),
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
fn pause_for(pause: Duration) {
    thread::sleep(pause);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bar_fits_its_line_at_every_hundredth() {
        for percent in 0..=100 {
            assert!(drawn(percent).chars().count() < 80, "{}", drawn(percent));
        }
        assert!(drawn(100).contains(&"#".repeat(BAR)));
    }

    #[test]
    fn a_difference_says_where_it_is_what_each_side_says_and_what_to_do() {
        let one = json!({
            "outpoint": format!("{}:0", "ab".repeat(32)), "node_sat": 5, "books_sat": null, "height": 7,
            "detail": "the node has it unspent, the books do not", "todo": "read its block again",
        });
        let said = difference(&one);
        for words in [
            "node   0.00000005 BTC",
            "books  nothing",
            "block  7",
            "read its block again",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(
            said.lines().all(|line| line.chars().count() <= 80),
            "{said}"
        );
    }
}
