//! `batch`: pay approved withdrawals together.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, moment, text};
use super::api::{self, Api, Body};
use super::attempt;
use super::layout::{Lines, paragraph};
use super::output::Output;
use super::renewal::{Renewal, names};

#[derive(Debug, Subcommand)]
pub(super) enum Batch {
    /// Reserve coins, build the PSBT and send it out for signing.
    #[command(
        after_help = "Example:\n  countersign-coordinator batch create exchange/w-1 --feerate 2.5"
    )]
    Create {
        /// Only these withdrawals, as REQUESTER/ID; all approved ones when left out.
        #[arg(value_name = "REQUESTER/ID")]
        withdrawals: Vec<String>,
        /// Feerate in sat/vB, at most three decimals; the watchtower's estimate when left out.
        #[arg(long, value_name = "N")]
        feerate: Option<String>,
    },
    /// Plan a batch anew: with more or fewer withdrawals, at another feerate.
    #[command(
        after_help = "Example:\n  countersign-coordinator batch plan ID --remove exchange/w-2 --preview"
    )]
    Plan {
        /// Its id.
        id: String,
        /// Pay this withdrawal with it too, as REQUESTER/ID; may be repeated.
        #[arg(long, value_name = "REQUESTER/ID")]
        add: Vec<String>,
        /// Leave this withdrawal out, as REQUESTER/ID; may be repeated.
        #[arg(long, value_name = "REQUESTER/ID")]
        remove: Vec<String>,
        #[command(flatten)]
        renewal: Renewal,
    },
    /// Pay the withdrawals of other batches with this one.
    #[command(after_help = "Example:\n  countersign-coordinator batch merge ID OTHER --preview")]
    Merge {
        /// Its id.
        id: String,
        /// The others' ids.
        #[arg(required = true)]
        others: Vec<String>,
        #[command(flatten)]
        renewal: Renewal,
    },
    /// Give withdrawals of this batch a batch of their own.
    #[command(
        after_help = "Example:\n  countersign-coordinator batch split ID exchange/w-2 --preview"
    )]
    Split {
        /// Its id.
        id: String,
        /// The withdrawals that leave it, as REQUESTER/ID.
        #[arg(required = true, value_name = "REQUESTER/ID")]
        withdrawals: Vec<String>,
        #[command(flatten)]
        renewal: Renewal,
    },
    /// Cancel a batch: by the signers' voids, or on the chain once something was signed.
    ///
    /// Where nobody signed anything, signers are asked to promise that they never will: that costs nothing,
    /// and frees coins and withdrawals once enough did. Else the coins are spent back to the vault.
    #[command(after_help = "Example:\n  countersign-coordinator batch cancel ID --preview")]
    Cancel {
        /// Its id.
        id: String,
        /// Spend back to the vault what would pay, also where nothing was signed.
        #[arg(long)]
        on_chain: bool,
        #[command(flatten)]
        renewal: Renewal,
    },
    /// List batches, newest first.
    #[command(after_help = "Example:\n  countersign-coordinator batch list")]
    List,
    /// Show one batch with its attempts.
    #[command(after_help = "Example:\n  countersign-coordinator batch show ID")]
    Show {
        /// Its id.
        id: String,
    },
}

pub(super) fn run(verb: &Batch, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Batch::Create {
            withdrawals,
            feerate,
        } => {
            let mut body = json!({});
            if !withdrawals.is_empty() {
                body["withdrawals"] = names(withdrawals)?;
            }
            if let Some(feerate) = feerate {
                body["feerate_sat_vb"] = feerate.as_str().into();
            }
            let batch = api.post(&format!("{}/batches", api.vault_path()?), Body::Json(body))?;
            out.told(&batch, || told("Made the batch", &batch) + &next(&batch))
        }
        Batch::Plan {
            id,
            add,
            remove,
            renewal,
        } => {
            let fields = json!({ "add": names(add)?, "remove": names(remove)? });
            renewal.ask(api, out, &path(id, "plan"), fields)
        }
        Batch::Merge {
            id,
            others,
            renewal,
        } => renewal.ask(api, out, &path(id, "plan"), json!({ "merge": others })),
        Batch::Split {
            id,
            withdrawals,
            renewal,
        } => {
            let fields = json!({ "split": names(withdrawals)? });
            renewal.ask(api, out, &path(id, "plan"), fields)
        }
        Batch::Cancel {
            id,
            on_chain,
            renewal,
        } => {
            let by_voids = !on_chain && !renewal.has_feerate() && is_unsigned(id, api)?;
            if !by_voids {
                return renewal.ask(api, out, &path(id, "cancellation"), json!({}));
            }
            let body = Body::Json(json!({ "preview": renewal.is_preview() }));
            let answer = api.post(&path(id, "voids"), body)?;
            out.told(&answer, || voids_told(&answer, renewal.is_preview()))
        }
        Batch::List => {
            let answer = api.get(&format!("{}/batches", api.vault_path()?))?;
            let shown: Vec<Value> = api::items(&answer).iter().map(row).collect();
            out.table_of(
                &answer,
                &shown,
                &["batch", "purpose", "state", "created_at"],
                "No batch yet: `batch create` makes one.",
            )
        }
        Batch::Show { id } => {
            let batch = api.get(&format!("/batches/{}", api::segment(id)))?;
            out.told(&batch, || told("Batch", &batch))
        }
    }
}

/// Whether all that a batch issued pays, and nobody signed anything of it.
fn is_unsigned(id: &str, api: &Api) -> Result<bool, CliError> {
    let batch = api.get(&format!("/batches/{}", api::segment(id)))?;
    let unsigned = |attempt: &&Value| {
        let pays = ["pay", "bump"].contains(&text(attempt, "purpose"));
        let mut inputs = list(attempt, "inputs").iter();
        pays && text(attempt, "state") == "issued"
            && inputs.all(|input| list(input, "signed").is_empty())
    };
    let live: Vec<&Value> = list(&batch, "attempts")
        .iter()
        .filter(|attempt| !["dropped", "dead", "settled"].contains(&text(attempt, "state")))
        .collect();
    Ok(!live.is_empty() && live.iter().all(unsigned))
}

/// What signers are asked to void, and what follows.
fn voids_told(answer: &Value, preview: bool) -> String {
    let begin = if preview {
        "Nothing is done yet. Nobody signed anything: signers would be asked for their voids, which costs nothing."
    } else {
        "Nobody signed anything: the signers are asked for their voids, and co-signers give them by themselves."
    };
    let mut said = format!("{}\n", paragraph(begin, 0));
    for voids in api::items(answer) {
        said += &format!("{}\n", attempt::voids_told(voids));
    }
    let then = "Once no path is left without those who voided, also none of recovery, its coins are free and its withdrawals approved as before. `batch cancel --on-chain` cancels without them.";
    said + &paragraph(then, 0)
}

fn path(id: &str, what: &str) -> String {
    format!("/batches/{}/{what}", api::segment(id))
}

/// What comes after a batch was made: signatures.
fn next(batch: &Value) -> String {
    let begin: Option<String> = list(batch, "attempts")
        .last()
        .map(|attempt| text(attempt, "txid").chars().take(8).collect());
    begin.map_or_else(String::new, |txid| {
        format!("\nNext: `attempt psbt {txid} -o FILE`, sign it, `attempt submit {txid} FILE`.")
    })
}

/// A batch in a list, with where it stands.
fn row(batch: &Value) -> Value {
    let mut row = batch.clone();
    row["state"] = state(batch).into();
    row
}

/// Where a batch stands: as its attempt that the chain shows, else as the newest that may still confirm.
fn state(batch: &Value) -> &str {
    let attempts = list(batch, "attempts");
    let is_in = |states: &[&str]| {
        let mut newest = attempts.iter().rev();
        newest.find(|attempt| states.contains(&text(attempt, "state")))
    };
    let waiting = ["draft", "issued", "signed", "broadcasting", "in_mempool"];
    let stands = is_in(&["settled"])
        .or_else(|| is_in(&["confirmed"]))
        .or_else(|| is_in(&waiting));
    match stands.map(|attempt| (text(attempt, "purpose"), text(attempt, "state"))) {
        Some(("cancel", "settled")) => "cancelled",
        Some(("cancel", _)) => "cancelling",
        Some((_, state)) => state,
        // Its voids dropped what was not excluded by another batch's.
        None if is_in(&["dropped"]).is_some() => "cancelled",
        None if attempts.is_empty() => "",
        None => "dead",
    }
}

/// One batch with its attempts, and what was left to wait.
pub(super) fn told(begin: &str, batch: &Value) -> String {
    let lines = Lines::default()
        .with(
            "made by",
            format!(
                "{}, {}",
                text(batch, "created_by"),
                moment(batch, "created_at")
            ),
        )
        .with("coins", list(batch, "coins").len().to_string())
        .text();
    let mut said = format!("{begin} {}\n{lines}", text(batch, "batch"));
    for attempt in list(batch, "attempts") {
        said += &format!("\n{}", attempt::told("Attempt", attempt));
    }
    for waiting in list(batch, "waiting") {
        let (requester, id) = (text(waiting, "requester"), text(waiting, "id"));
        let line = format!(
            "{requester}/{id} waits: {} ({}).",
            text(waiting, "says"),
            text(waiting, "code")
        );
        said += &format!("\n{}", paragraph(&line, 2));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(attempts: &[(&str, &str)]) -> String {
        let attempts: Vec<Value> = attempts
            .iter()
            .map(|(purpose, state)| json!({ "purpose": purpose, "state": state }))
            .collect();
        state(&json!({ "attempts": attempts })).to_owned()
    }

    #[test]
    fn a_batch_stands_where_the_attempt_does_that_counts() {
        let cases: [(&[(&str, &str)], &str); 9] = [
            (&[], ""),
            (&[("pay", "issued")], "issued"),
            (&[("pay", "in_mempool"), ("bump", "issued")], "issued"),
            (&[("pay", "confirmed"), ("cancel", "issued")], "confirmed"),
            (&[("pay", "issued"), ("cancel", "signed")], "cancelling"),
            (&[("pay", "dead"), ("cancel", "settled")], "cancelled"),
            (&[("pay", "settled"), ("bump", "dead")], "settled"),
            (&[("pay", "dropped")], "cancelled"),
            (&[("pay", "dead")], "dead"),
        ];
        for (attempts, state) in cases {
            assert_eq!(stands(attempts), state, "{attempts:?}");
        }
    }

    #[test]
    fn what_comes_next_is_one_line() {
        let batch = json!({ "attempts": [{ "txid": "ab".repeat(32) }] });
        let next = next(&batch);
        assert!(next.contains("attempt psbt abababab "), "{next}");
        assert!(
            next.lines().all(|line| line.chars().count() <= 80),
            "{next}"
        );
        assert_eq!(super::next(&json!({ "attempts": [] })), "");
    }
}
