//! A person's own seat at the command line.

use std::path::Path;

use policies::PolicyId;
use serde_json::{Value, json};

use super::super::CliError;
use super::super::answer::text;
use super::super::api::{self, Api, Body};
use super::super::layout::{Lines, paragraph};
use super::super::output::{Output, say};

/// Uses the link in a file up. The token alone goes to standard output, for a file.
pub(super) fn join(api: &Api, file: &Path, out: &Output) -> Result<(), CliError> {
    let link = String::from_utf8_lossy(&api::read(file)?).into_owned();
    let secret = link.trim().rsplit('/').next().unwrap_or_default();
    let begun = api.post("/sitting", Body::Json(json!({ "secret": secret })))?;
    if out.json() {
        return out.record(&begun);
    }
    let sitting = begun.get("sitting").cloned().unwrap_or_default();
    say(&words(&sitting));
    out.text(text(&begun, "secret"))
}

pub(super) fn told(sitting: &Value, out: &Output) -> Result<(), CliError> {
    out.told(sitting, || words(sitting))
}

fn words(sitting: &Value) -> String {
    let seat = sitting.get("seat").cloned().unwrap_or_default();
    let draft = sitting.get("draft").cloned().unwrap_or_default();
    let lines = Lines::default()
        .with("ceremony", text(sitting, "name"))
        .with("network", text(sitting, "network"))
        .with("your seat", text(&seat, "name"))
        .with("state", text(&seat, "state"))
        // The first one. More words do not fit beside the longest address.
        .with("address 0", text(&draft, "first_address"));
    format!("{}{}", lines.text(), paragraph(text(sitting, "next"), 0))
}

/// Writes the document as it is, for the own tool.
pub(super) fn document(sitting: &Value, out: &Output) -> Result<(), CliError> {
    let draft = sitting.get("draft").filter(|draft| !draft.is_null());
    let Some(draft) = draft else {
        return Err(CliError::Usage {
            message: "there is no document yet: come back when the operator has set it".to_owned(),
        });
    };
    if out.json() {
        return out.record(draft);
    }
    out.bytes(text(draft, "document").as_bytes())?;
    say("Its words: `countersign-signer policy check FILE`. Compare all of them by voice.");
    Ok(())
}

/// The id of the document in one's own file: it is never taken from the coordinator.
pub(super) fn id_of(file: &Path) -> Result<PolicyId, CliError> {
    Ok(policies::document::id_of(&api::read(file)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cli::layout::WIDTH;

    #[test]
    fn a_seat_is_told_within_eighty_columns() {
        let told = super::words(&json!({
            "name": "a-ceremony-of-a-name-of-32-letters", "network": "regtest",
            "seat": { "name": "alice", "state": "filled" },
            "draft": { "first_address": "bcrt1p".to_owned() + &"a".repeat(58) },
            "next": "Your key is in. Others are missing; come back when all are in.",
        }));
        assert!(told.contains("bcrt1paaaa"), "{told}");
        let widest = told.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= WIDTH), "{told}");
    }
}
