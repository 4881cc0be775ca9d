//! `policy replay`: what a version would have asked of the withdrawals that were approved.
//!
//! Invariant: only intents that read back byte for byte are replayed, and a withdrawal that does not is an error and
//! never left out, so that "all would pass" is said of all.

use std::path::PathBuf;

use clap::Args;
use policies::hash::Purpose;
use policies::intent::Signature;
use policies::rules::{EntriesShown, Past, Said, replay};
use policies::{Approval, Intent, KeyId, Policy as Document, Statement, UnixTime, report};
use serde::Deserialize;
use serde_json::Value;

use super::super::CliError;
use super::super::api::{self, Api};
use super::super::output::{Output, say};
use super::parse;

/// The most withdrawals and statements that the coordinator gives at once.
const MOST: usize = 1_000;

/// States of withdrawals that nobody ever approved, or that were called off.
const NEVER_PAID: [&str; 4] = ["requested", "rejected", "expired", "cancelled"];

/// Show what a version would have asked of the withdrawals that were approved.
///
/// Windows count each at the moment when its last approval came in; entries of open lists count as if they had cooled
/// off. Fees, limits and structure of the transactions are not replayed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator policy replay next.toml")]
pub(in super::super) struct Replay {
    /// The document to try.
    file: PathBuf,
    /// What `withdrawal list --json` printed; the coordinator is asked when left out.
    #[arg(long, value_name = "FILE")]
    withdrawals: Option<PathBuf>,
    /// With --withdrawals: the API's statements of open lists.
    #[arg(long, value_name = "FILE", requires = "withdrawals")]
    statements: Option<PathBuf>,
}

impl Replay {
    pub(super) fn run(
        &self,
        api: impl FnOnce() -> Result<Api, CliError>,
        out: &Output,
    ) -> Result<(), CliError> {
        let document = parse(&self.file)?;
        let (withdrawals, statements) = match (&self.withdrawals, &self.statements) {
            (Some(file), None) => (api::read_json(file)?, Value::Array(Vec::new())),
            (Some(file), Some(statements)) => (api::read_json(file)?, api::read_json(statements)?),
            (None, _) => {
                let api = api()?;
                let vault = api.vault_path()?;
                (
                    api.get(&format!("{vault}/withdrawals?limit={MOST}"))?,
                    api.get(&format!("{vault}/statements?limit={MOST}"))?,
                )
            }
        };
        for (given, what) in [(&withdrawals, "withdrawals"), (&statements, "statements")] {
            if given.as_array().is_some_and(|items| items.len() >= MOST) {
                say(&format!(
                    "Only the newest {MOST} {what} are replayed; older ones are left out."
                ));
            }
        }
        let past = past(&withdrawals)?;
        let lists = entries(&document, &statements)?;
        let replayed = replay(&document, &past, &lists.into_lists());
        out.told(&report::replay_json(&replayed), || {
            report::replay(&replayed)
        })
    }
}

/// A withdrawal, as far as a replay goes.
#[derive(Debug, Deserialize)]
struct Withdrawal {
    intent: String,
    submitted_at: UnixTime,
    state: String,
    approvals: Vec<GivenApproval>,
}

#[derive(Debug, Deserialize)]
struct GivenApproval {
    purpose: String,
    key: KeyId,
    received_at: UnixTime,
}

/// The withdrawals that were approved once, by whichever keys.
fn past(withdrawals: &Value) -> Result<Vec<Past>, CliError> {
    let read: Vec<Withdrawal> =
        serde_json::from_value(withdrawals.clone()).map_err(|error| CliError::Usage {
            message: format!(
                "these are no withdrawals as `withdrawal list --json` gives them: {error}"
            ),
        })?;
    let once = read
        .into_iter()
        .filter(|one| !NEVER_PAID.contains(&one.state.as_str()));
    once.map(|one| {
        let intent = Intent::decode(one.intent.as_bytes()).map_err(|error| CliError::Usage {
            message: format!("a withdrawal has no intent: {error} in {}", one.intent),
        })?;
        let approve = Purpose::Approve.to_string();
        let given = one.approvals.iter().filter(|one| one.purpose == approve);
        let last = given.clone().map(|one| one.received_at).max();
        Ok(Past {
            intent,
            approving: given.map(|one| one.key).collect(),
            paid_at: last.map_or(one.submitted_at, |last| last.max(one.submitted_at)),
        })
    })
    .collect()
}

/// A statement, as far as a replay goes.
#[derive(Debug, Deserialize)]
struct GivenStatement {
    statement: String,
    approvals: Vec<StatementApproval>,
}

#[derive(Debug, Deserialize)]
struct StatementApproval {
    key: KeyId,
    expires: UnixTime,
    signature: Signature,
}

/// What the persons of a version added to its open lists.
fn entries(document: &Document, statements: &Value) -> Result<EntriesShown, CliError> {
    let read: Vec<GivenStatement> =
        serde_json::from_value(statements.clone()).map_err(|error| CliError::Usage {
            message: format!("these are no statements as the API gives them: {error}"),
        })?;
    let mut said = Vec::with_capacity(read.len());
    for one in read {
        let statement =
            Statement::decode(one.statement.as_bytes()).map_err(|error| CliError::Usage {
                message: format!("a statement is none: {error} in {}", one.statement),
            })?;
        let (purpose, subject) = (statement.purpose(), statement.subject());
        let approvals = one.approvals.into_iter().map(|one| Approval {
            purpose,
            subject,
            expires: one.expires,
            key: one.key,
            signature: one.signature,
        });
        said.push(Said {
            approvals: approvals.collect(),
            statement,
        });
    }
    // A signature counts from when it was seen: that it ended since takes no payment back.
    Ok(EntriesShown::of(document, &said, UnixTime::ZERO))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn withdrawal(id: &str, state: &str, approved_at: &[u64]) -> Value {
        let zeros = "00".repeat(32);
        let intent = json!({
            "amount_sat": 1_000, "created": 5, "expires": 9_000, "format": "countersign/intent/1", "id": id,
            "keyset": zeros, "kind": "payment", "min_sat": 1_000, "reference": "", "repeats": "", "replaces": "",
            "requester": "exchange", "script_pubkey": "0014".to_owned() + &"09".repeat(20), "vault": zeros,
        });
        let approvals: Vec<Value> = approved_at
            .iter()
            .map(|at| json!({ "purpose": "approve", "approver": "dana", "key": zeros, "received_at": at }))
            .chain([json!({ "purpose": "reject", "key": "11".repeat(32), "received_at": 9_999 })])
            .collect();
        json!({
            "id": id, "intent": intent.to_string(), "state": state, "submitted_at": 10, "approvals": approvals,
            "amount_sat": 7, "more": true,
        })
    }

    #[test]
    fn what_was_approved_once_is_replayed_at_its_last_approval_and_nothing_else_is() {
        let given = json!([
            withdrawal("a", "settled", &[20, 30]),
            withdrawal("b", "approved", &[]),
            withdrawal("c", "requested", &[20]),
            withdrawal("d", "rejected", &[]),
            withdrawal("e", "failed", &[5]),
        ]);
        let past = past(&given).expect("reads");
        let told: Vec<(String, usize, u64)> = past
            .iter()
            .map(|one| {
                let id = one.intent.id.to_string();
                (id, one.approving.len(), one.paid_at.as_secs())
            })
            .collect();
        let expected = [("a", 2, 30), ("b", 0, 10), ("e", 1, 10)];
        assert_eq!(
            told,
            expected.map(|(id, keys, at)| (id.to_owned(), keys, at))
        );
    }

    #[test]
    fn a_withdrawal_that_does_not_read_back_is_an_error_and_not_left_out() {
        let mut broken = withdrawal("a", "settled", &[]);
        broken["intent"] = json!("{}");
        assert!(past(&json!([broken])).is_err());
        assert!(past(&json!([{ "id": "a" }])).is_err());
        assert!(past(&json!({ "id": "a" })).is_err());
        assert_eq!(past(&json!([])).expect("none").len(), 0);
    }
}
