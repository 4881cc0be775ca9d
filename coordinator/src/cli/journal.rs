//! `journal`: the signers' journals, and their moves to other machines.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{count, number, text};
use super::api::{self, Api, Body};
use super::layout::Lines;
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Journal {
    /// List each signer's journal with its last receipt.
    #[command(after_help = "Example:\n  countersign-coordinator journal list")]
    List,
    /// Hand in that a journal moved.
    #[command(subcommand)]
    Move(Move),
    /// Take in what a signer's exported journal knows and this database does not.
    ///
    /// After a backup was restored, import the journals of all signers before anything is batched.
    #[command(after_help = "Example:\n  countersign-coordinator journal import alice.journal")]
    Import {
        /// The file that `countersign-signer journal export` wrote, or `-`.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Move {
    /// Hand in `journal.moves` of the new machine's home folder: a certificate a line.
    #[command(
        after_help = "Example:\n  countersign-coordinator journal move submit home/journal.moves"
    )]
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

pub(super) fn run(verb: &Journal, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/journals", api.vault_path()?);
    match verb {
        Journal::List => {
            let answer = api.get(&path)?;
            out.table(
                &answer,
                &["signer", "journal", "moves", "counter", "received_at"],
                "No signers.",
            )
        }
        Journal::Import { file } => {
            let journal = String::from_utf8_lossy(&api::read(file)?).into_owned();
            let body = Body::Json(json!({ "journal": journal }));
            let answer = api.post(&format!("{path}/imports"), body)?;
            out.told(&answer, || imported(&answer))
        }
        Journal::Move(Move::Submit { file }) => {
            let lines = String::from_utf8_lossy(&api::read(file)?).into_owned();
            let mut answer = Value::Null;
            for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let body = Body::Json(json!({ "certificate": line }));
                answer = api.post(&format!("{path}/moves"), body)?;
            }
            if answer.is_null() {
                let message = format!("{} holds no certificate", file.display());
                return Err(CliError::Usage { message });
            }
            out.told(&answer, || {
                let (signer, moves) = (text(&answer, "signer"), number(&answer, "moves"));
                let lines = Lines::default()
                    .with("journal", text(&answer, "journal"))
                    .with("moves", moves);
                let begin = format!("From now on only receipts of this journal of {signer} count.");
                format!("{begin}\n{}", lines.text())
            })
        }
    }
}

/// What an imported journal told, in words.
fn imported(answer: &Value) -> String {
    let learnt = api::items(&answer["learnt"]);
    let begin = if learnt.is_empty() {
        "All that it signed was known.".to_owned()
    } else {
        format!(
            "Had been forgotten here: {}.",
            count(learnt.len(), "attempt")
        )
    };
    let list = |key: &str| {
        let items = api::items(&answer[key]).iter();
        items
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines = Lines::default()
        .with("signer", text(answer, "signer"))
        .with("entries", number(answer, "counter"))
        .with("known", number(answer, "known"))
        .with("learnt", list("learnt"))
        .with("not taken in, of unknown coins", list("unseen"))
        .with("another journal says otherwise", list("contradicted"))
        .with("submit these requests again", list("without_request"));
    format!("{begin}\n{}", lines.text())
}
