//! `list` and `statement`: open lists of destinations.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::api::{self, Api, Body};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum List {
    /// Show the policy's lists: who adds to each, and how long an entry cools off.
    Show,
    /// Show the entries of a list and how each stands.
    Entries {
        /// The list's name in the policy.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Statement {
    /// Hand in a statement with its signatures, as `countersign-signer list` wrote it.
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// List the statements that enough persons signed; with --json what `countersign-signer list note` reads.
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
            "the policy has no lists",
        ),
        List::Entries { name } => {
            let answer = api.get(&format!("{path}/{}", api::segment(name)))?;
            if out.json() {
                return out.record(&answer);
            }
            let entries = answer.get("entries").cloned().unwrap_or(Value::Null);
            let entries = api::items(&entries);
            if entries.is_empty() {
                return out.text("no entries beside those of the policy document");
            }
            // Addresses and subjects are compared by people, so nothing of them is cut.
            out.record(&Value::Array(entries.to_vec()))
        }
    }
}

pub(super) fn statement(verb: &Statement, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/statements", api.vault_path()?);
    match verb {
        Statement::Submit { file } => submit(&path, &api::read_json(file)?, api, out),
        Statement::List => out.table(
            &api.get(&path)?,
            &["purpose", "list", "entry", "approved_by", "entitled_at"],
            "no statement was signed by enough persons yet",
        ),
    }
}

fn submit(path: &str, file: &Value, api: &Api, out: &Output) -> Result<(), CliError> {
    let usage = |what: &str| CliError::Usage {
        message: format!("the file has no {what}: give what `countersign-signer list` wrote"),
    };
    let text = file.get("statement").and_then(Value::as_str);
    let text = text.ok_or_else(|| usage("statement"))?;
    let mut answer = api.post(path, Body::Json(json!({ "statement": text })))?;
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
    out.record(&answer)
}
