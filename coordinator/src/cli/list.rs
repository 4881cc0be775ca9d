//! `list` and `statement`: open lists of destinations; stops, releases and goes.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, moment, names, number, text};
use super::api::{self, Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum List {
    /// Show the policy's lists: who adds to each, and how long an entry cools off.
    #[command(after_help = "Example:\n  countersign-coordinator list show")]
    Show,
    /// Show the entries of a list and how each stands.
    #[command(after_help = "Example:\n  countersign-coordinator list entries counterparties")]
    Entries {
        /// The list's name in the policy.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Statement {
    /// Hand in a statement with its signatures, as `countersign-signer` wrote it.
    ///
    /// What `list`, `stop`, `stop release`, `go` and `policy ack` write.
    #[command(after_help = "Example:\n  countersign-coordinator statement submit statement.json")]
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// List the statements that enough persons signed.
    ///
    /// With --json it is what `countersign-signer list note` and `stop take` read.
    #[command(
        after_help = "Example:\n  countersign-coordinator statement list --json > statements.json"
    )]
    List,
}

pub(super) fn run(verb: &List, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/lists", api.vault_path()?);
    match verb {
        List::Show => out.table(
            &api.get(&path)?,
            &[
                "list",
                "in_document",
                "open",
                "count",
                "group",
                "delay_s",
                "test_first_sat",
            ],
            "The policy has no lists.",
        ),
        List::Entries { name } => {
            let answer = api.get(&format!("{path}/{}", api::segment(name)))?;
            out.told(&answer, || match list(&answer, "entries") {
                [] => {
                    format!("The list {name} has no entries beside those of the policy document.")
                }
                // Addresses and subjects are compared by people, so nothing of them is cut.
                entries => entries.iter().map(entry).collect::<Vec<_>>().join("\n"),
            })
        }
    }
}

pub(super) fn statement(verb: &Statement, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/statements", api.vault_path()?);
    match verb {
        Statement::Submit { file } => {
            let file = api::read_json(file)?;
            let all = file.as_array().cloned().unwrap_or_else(|| vec![file]);
            let mut answers = Vec::new();
            for one in &all {
                answers.push(submit(&path, one, api)?);
            }
            let answer = match answers.as_slice() {
                [only] => only.clone(),
                many => Value::from(many),
            };
            out.told(&answer, || {
                let told: Vec<String> = answers.iter().map(handed_in).collect();
                told.join("\n")
            })
        }
        Statement::List => out.table(
            &api.get(&path)?,
            &[
                "purpose",
                "list",
                "entry",
                "stop",
                "approved_by",
                "entitled_at",
            ],
            "No statement was signed by enough persons yet.",
        ),
    }
}

/// Hands in one statement with its signatures.
fn submit(path: &str, file: &Value, api: &Api) -> Result<Value, CliError> {
    let usage = |what: &str| CliError::Usage {
        message: format!("the file has no {what}: give what `countersign-signer` wrote"),
    };
    let said = file.get("statement").and_then(Value::as_str);
    let said = said.ok_or_else(|| usage("statement"))?;
    let mut answer = api.post(path, Body::Json(json!({ "statement": said })))?;
    let subject = answer.get("subject").and_then(Value::as_str);
    let subject = subject.map(api::segment).unwrap_or_default();
    let approvals = file.get("approvals").cloned().unwrap_or(Value::Null);
    for approval in api::items(&approvals) {
        let field = |name: &str| approval.get(name).cloned().ok_or_else(|| usage(name));
        let body = json!({
            "purpose": field("purpose")?,
            "expires": field("expires")?,
            "key": field("key")?,
            "signature": field("signature")?,
        });
        answer = api.post(&format!("{path}/{subject}/approvals"), Body::Json(body))?;
    }
    Ok(answer)
}

/// One entry of an open list: whom it pays and how it stands.
fn entry(entry: &Value) -> String {
    let to = Some(text(entry, "address")).filter(|address| !address.is_empty());
    let lines = Lines::default()
        .with("stands", text(entry, "says"))
        .with(
            "pays to",
            to.unwrap_or_else(|| text(entry, "script_pubkey")),
        )
        .with("approved by", names(entry, "approved_by"))
        .with("not before", moment(entry, "not_before"))
        .with("expires", moment(entry, "expires"))
        .with("entry", text(entry, "entry"));
    format!("{}\n{}", text(entry, "label"), lines.text())
}

/// A statement that was handed in: what it does, and whether enough persons signed it.
fn handed_in(statement: &Value) -> String {
    let what = match text(statement, "purpose") {
        "list-add" => "a destination to be added to",
        "list-remove" => "a destination to be removed from",
        "list-confirm" => "the first payment confirmed to an entry of",
        "ack" => "the word of a journal that it follows a version",
        other => other,
    };
    let about = match text(statement, "list") {
        "" => what.to_owned(),
        list => format!("{what} the list {list}"),
    };
    let by = match names(statement, "approved_by") {
        nobody if nobody.is_empty() => "nobody yet".to_owned(),
        by => by,
    };
    let enough = match moment(statement, "entitled_at") {
        never if never.is_empty() => "not yet; have more persons sign this statement".to_owned(),
        since => format!("since {since}"),
    };
    let released = match moment(statement, "released_at") {
        never if never.is_empty() => never,
        at => format!("{at}; it stops nothing"),
    };
    let is_entitled = !moment(statement, "entitled_at").is_empty();
    let effect = if text(statement, "purpose") == "release" && is_entitled {
        "signers that serve follow in their next round; the others by `stop take FILE`"
    } else {
        ""
    };
    let lines = Lines::default()
        .with("signed by", by)
        .with("needed", number(statement, "needed"))
        .with("enough", enough)
        .with("effect", effect)
        .with("released", released)
        .with("entry", text(statement, "entry"))
        .with("stop", text(statement, "stop"))
        .with("statement", text(statement, "subject"));
    let begin = format!("Handed in: {about}.");
    format!("{}\n{}", paragraph(&begin, 0), lines.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_says_which_signers_follow_once_enough_have_signed_it() {
        let mut release = json!({
            "purpose": "release", "needed": 2, "approved_by": ["dana"], "entitled_at": null,
        });
        assert!(!handed_in(&release).contains("effect"));
        release["entitled_at"] = json!(1_795_660_800);
        let told = handed_in(&release);
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("signers that serve follow"), "{told}");
        assert!(told.contains("`stop take FILE`"), "{told}");
    }

    #[test]
    fn a_stop_that_was_released_says_that_it_stops_nothing() {
        let mut stop = json!({
            "purpose": "stop", "needed": 1, "approved_by": ["dana"],
            "entitled_at": 1_795_660_800, "released_at": null,
        });
        assert!(!handed_in(&stop).contains("released"));
        stop["released_at"] = json!(1_795_660_800);
        let told = handed_in(&stop);
        assert!(
            told.contains("released   2026-11-26T02:40:00Z; it stops nothing"),
            "{told}"
        );
    }
}
