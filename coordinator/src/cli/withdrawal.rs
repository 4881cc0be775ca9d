//! `withdrawal`: hand in a signed intent, list, show, cancel, pay again.

use std::path::PathBuf;

use clap::Subcommand;
use policies::UnixTime;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, list, moment, names, number, persons, sentence, text};
use super::api::{self, Api, Body};
use super::layout::{Lines, paragraph};
use super::output::Output;
use super::queue;
use super::renewal::Renewal;
use crate::queue::Speed;

#[derive(Debug, Subcommand)]
pub(super) enum Withdrawal {
    /// Hand in a signed request.
    ///
    /// The file holds an intent with its request signature, as `countersign-signer request` wrote it.
    #[command(
        visible_alias = "request",
        after_help = "Example:\n  countersign-coordinator withdrawal submit request.json"
    )]
    Submit {
        /// The file, or `-` for standard input.
        file: PathBuf,
        /// How fast it is to be paid: urgent, normal (unless said) or economy.
        #[arg(long, value_name = "SPEED")]
        speed: Option<Speed>,
        /// The latest time at which it should be paid, such as 2026-12-01T12:00:00Z.
        #[arg(long, value_name = "TIME")]
        latest: Option<UnixTime>,
    },
    /// Change how fast a withdrawal is to be paid, until it is in a batch.
    #[command(
        override_usage = "countersign-coordinator withdrawal speed [OPTIONS] <REQUESTER> <ID>\n       <SPEED>",
        after_help = "Example:\n  countersign-coordinator withdrawal speed exchange w-1 urgent"
    )]
    Speed {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
        /// How fast: urgent, normal or economy.
        speed: Speed,
        /// The latest time at which it should be paid, such as 2026-12-01T12:00:00Z; none when left out.
        #[arg(long, value_name = "TIME")]
        latest: Option<UnixTime>,
    },
    /// List withdrawals, newest first.
    #[command(after_help = "Example:\n  countersign-coordinator withdrawal list --state requested")]
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one withdrawal.
    #[command(after_help = "Example:\n  countersign-coordinator withdrawal show exchange w-1")]
    Show {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
    },
    /// Cancel a withdrawal that is in no batch yet.
    #[command(after_help = "Example:\n  countersign-coordinator withdrawal cancel exchange w-1")]
    Cancel {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
    },
    /// Pay a withdrawal again that failed, exclusive with all that ever paid it.
    #[command(
        after_help = "Example:\n  countersign-coordinator withdrawal pay-again exchange w-1 --preview"
    )]
    PayAgain {
        /// The requester's name in the policy.
        requester: String,
        /// The withdrawal's id.
        id: String,
        #[command(flatten)]
        renewal: Renewal,
    },
}

pub(super) fn run(verb: &Withdrawal, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = format!("{}/withdrawals", api.vault_path()?);
    match verb {
        Withdrawal::Submit {
            file,
            speed,
            latest,
        } => {
            let mut body = api::read_json(file)?;
            if let Some(speed) = speed {
                body["speed"] = speed.name().into();
            }
            if let Some(latest) = latest {
                body["latest"] = latest.as_secs().into();
            }
            let withdrawal = api.post(&path, Body::Json(body))?;
            out.told(&withdrawal, || {
                told("Handed in", &withdrawal) + &next(&withdrawal)
            })
        }
        Withdrawal::Speed {
            requester,
            id,
            speed,
            latest,
        } => {
            let (requester, id) = (api::segment(requester), api::segment(id));
            let body = json!({ "speed": speed, "latest": latest });
            let path = format!("{path}/{requester}/{id}/speed");
            let queue = api.post(&path, Body::Json(body))?;
            out.told(&queue, || queue::told(&queue))
        }
        Withdrawal::List { state, limit } => {
            let state = state
                .as_ref()
                .map(|state| format!("&state={}", api::segment(state)))
                .unwrap_or_default();
            let answer = api.get(&format!("{path}?limit={limit}{state}"))?;
            out.table(
                &answer,
                &["requester", "id", "amount_sat", "state", "address", "txid"],
                "No withdrawals.",
            )
        }
        Withdrawal::Show { requester, id } => {
            let path = format!("{path}/{}/{}", api::segment(requester), api::segment(id));
            let withdrawal = api.get(&path)?;
            out.told(&withdrawal, || told("Withdrawal", &withdrawal))
        }
        Withdrawal::PayAgain {
            requester,
            id,
            renewal,
        } => {
            let (requester, id) = (api::segment(requester), api::segment(id));
            let path = format!("{path}/{requester}/{id}/payment");
            renewal.ask(api, out, &path, json!({}))
        }
        Withdrawal::Cancel { requester, id } => {
            let (requester, id) = (api::segment(requester), api::segment(id));
            let withdrawal = api.post(&format!("{path}/{requester}/{id}/cancel"), Body::Empty)?;
            out.told(&withdrawal, || told("Cancelled", &withdrawal))
        }
    }
}

/// One withdrawal: what it asks for, where it stands, what it waits for.
pub(super) fn told(begin: &str, withdrawal: &Value) -> String {
    let says: Vec<String> = list(withdrawal, "misses")
        .iter()
        .map(|miss| format!("{}: {}", text(miss, "rule"), text(miss, "says")))
        .collect();
    let (rule, approvals) = match withdrawal.get("needs").filter(|needs| !needs.is_null()) {
        None => ("none allows it".to_owned(), String::new()),
        Some(needs) => (text(needs, "rule").to_owned(), approvals(needs)),
    };
    let rejected = list(withdrawal, "approvals")
        .iter()
        .filter(|approval| text(approval, "purpose") == "reject")
        .map(|rejection| text(rejection, "approver"));
    let rejected = sentence(&rejected.collect::<Vec<_>>());
    let to = Some(text(withdrawal, "address")).filter(|address| !address.is_empty());
    let lines = Lines::default()
        .with("state", text(withdrawal, "state"))
        .with(text(withdrawal, "kind"), amount(withdrawal, "amount_sat"))
        .with(
            "to",
            to.unwrap_or_else(|| text(withdrawal, "script_pubkey")),
        )
        .with("reference", text(withdrawal, "reference"))
        .with("rule", rule)
        .with("not by", says.join("; "))
        .with("approvals", approvals)
        .with("rejected by", rejected)
        .with("asked for", moment(withdrawal, "created"))
        .with("expires", moment(withdrawal, "expires"))
        .with("batch", text(withdrawal, "batch"))
        .with("txid", text(withdrawal, "txid"))
        .with("height", number(withdrawal, "height"))
        .with("excluded by", text(withdrawal, "failed_by"))
        .with("intent hash", text(withdrawal, "intent_hash"))
        .text();
    let (requester, id) = (text(withdrawal, "requester"), text(withdrawal, "id"));
    format!("{begin} {id} of {requester}\n{lines}")
}

/// What comes after a withdrawal was handed in, where it waits for approvals.
fn next(withdrawal: &Value) -> String {
    match withdrawal.get("needs").filter(|needs| !needs.is_null()) {
        Some(needs) if text(withdrawal, "state") == "requested" => {
            let line = format!(
                "Next: `countersign-signer approve` by {}, then `approval submit FILE`.",
                persons(needs)
            );
            format!("\n{}", paragraph(&line, 0))
        }
        Some(_) | None => String::new(),
    }
}

fn approvals(needs: &Value) -> String {
    if number(needs, "count") == "0" {
        return "none is needed".to_owned();
    }
    match names(needs, "approved_by") {
        nobody if nobody.is_empty() => format!("{} needed, nobody yet", persons(needs)),
        by => format!("{} needed; by {by}", persons(needs)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_said_where_approvals_are_needed_and_nowhere_else() {
        let mut withdrawal = json!({
            "state": "requested", "needs": { "rule": "large", "group": "ops", "count": 1 },
        });
        assert_eq!(
            next(&withdrawal),
            "\nNext: `countersign-signer approve` by 1 of ops, then `approval submit FILE`."
        );
        withdrawal["state"] = "approved".into();
        assert_eq!(next(&withdrawal), "");
        assert_eq!(next(&json!({ "state": "requested", "needs": null })), "");
    }
}
