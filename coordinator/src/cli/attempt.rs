//! `attempt`: transactions out for signing.

use std::fs;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{amount, count, list, moment, names, number, sentence, text};
use super::api::{self, Api, Body, items};
use super::ladder;
use super::layout::{Lines, paragraph};
use super::output::{self, Output};
use super::renewal::Renewal;
use super::txid;

#[derive(Debug, Subcommand)]
pub(super) enum Attempt {
    /// List attempts.
    #[command(after_help = "Example:\n  countersign-coordinator attempt list --state issued")]
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one attempt: who signed, who is missing.
    #[command(after_help = "Example:\n  countersign-coordinator attempt show TXID")]
    Show {
        /// Its txid.
        txid: String,
    },
    /// Fetch the PSBT, for an offline signer.
    #[command(
        after_help = "Example:\n  countersign-coordinator attempt psbt TXID -o transfer.psbt"
    )]
    Psbt {
        /// Its txid.
        txid: String,
        /// The PSBT's version: 0 or 2.
        #[arg(long, default_value = "0", value_parser = ["0", "2"])]
        version: String,
        /// Write it here; standard output when left out.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Hand in an approval of maintenance that `countersign-signer maintain` wrote.
    #[command(
        after_help = "Example:\n  countersign-coordinator attempt approve TXID approval.json"
    )]
    Approve {
        /// Its txid.
        txid: String,
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
    /// Pay the same at another feerate, in the place of an attempt that waits.
    #[command(
        after_help = "Example:\n  countersign-coordinator attempt replace TXID --feerate 20 --preview"
    )]
    Replace {
        /// Its txid.
        txid: String,
        #[command(flatten)]
        renewal: Renewal,
    },
    /// Make several feerates of an attempt, signed in one sitting and released step by step.
    ///
    /// Each rung pays the same from the same coins, so that at most one is ever in a chain. The attempt itself is the
    /// lowest; the others are held until they are released. Without rungs, the fee policy's are taken.
    #[command(
        after_help = "Example:\n  countersign-coordinator attempt ladder TXID --rungs 5,10,20 --preview"
    )]
    Ladder {
        /// Its txid.
        txid: String,
        /// The feerates in sat/vB, lowest first; what the attempt pays already is passed over.
        #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
        rungs: Vec<String>,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        preview: bool,
        /// Show the ladder that there is.
        #[arg(long, conflicts_with_all = ["rungs", "preview"])]
        show: bool,
    },
    /// Fetch the PSBTs of all rungs of a ladder into a folder, to be signed in one sitting.
    #[command(after_help = "Example:\n  countersign-coordinator attempt psbts TXID -o ladder")]
    Psbts {
        /// The txid of one of the rungs.
        txid: String,
        /// The folder, which is made if it is not there.
        #[arg(short, long, value_name = "FOLDER")]
        output: PathBuf,
    },
    /// Release the next rung of a ladder, or the rung that is named, to be broadcast.
    #[command(after_help = "Example:\n  countersign-coordinator attempt release TXID")]
    Release {
        /// The txid of a rung.
        txid: String,
    },
    /// Hand in a signer's void: its promise never to sign the attempt.
    #[command(after_help = "Example:\n  countersign-coordinator attempt void TXID w1.void")]
    Void {
        /// Its txid.
        txid: String,
        /// What `countersign-signer void` wrote, or `-`; who voided so far when left out.
        file: Option<PathBuf>,
    },
    /// Hand in what a signer returned, in any encoding: a file, or a folder with the answers to a ladder.
    ///
    /// Of a folder each file goes to its own attempt, in the order in which they were signed.
    #[command(after_help = "Example:\n  countersign-coordinator attempt submit TXID signed.psbt")]
    Submit {
        /// Its txid.
        txid: String,
        /// The file, `-` for standard input, or a folder.
        file: PathBuf,
    },
}

pub(super) fn run(verb: &Attempt, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Attempt::List { state } => {
            let state = state
                .as_ref()
                .map(|state| format!("?state={}", api::segment(state)))
                .unwrap_or_default();
            let answer = api.get(&format!("{}/attempts{state}", api.vault_path()?))?;
            let shown: Vec<Value> = items(&answer).iter().map(row).collect();
            out.table_of(
                &answer,
                &shown,
                &["txid", "purpose", "state", "fee_sat", "may_sign"],
                "No attempts.",
            )
        }
        Attempt::Show { txid } => {
            let attempt = api.get(&txid::path(txid, api)?)?;
            let mut shown = attempt.clone();
            if !out.json() && text(&attempt, "state") == "issued" {
                let path = format!("/attempts/{}/voids", text(&attempt, "txid"));
                shown["voids"] = api.get(&path)?;
            }
            out.told(&attempt, || told("Attempt", &shown))
        }
        Attempt::Psbt {
            txid,
            version,
            output,
        } => {
            let path = format!("{}/psbt?version={version}", txid::path(txid, api)?);
            let psbt = api.get_bytes(&path)?;
            match output {
                None => out.bytes(&psbt),
                Some(path) => {
                    fs::write(path, &psbt).map_err(|source| CliError::File {
                        path: path.clone(),
                        source,
                    })?;
                    output::say(&format!(
                        "{} bytes written to {}",
                        psbt.len(),
                        path.display()
                    ));
                    Ok(())
                }
            }
        }
        Attempt::Replace { txid, renewal } => {
            let path = format!("{}/replacement", txid::path(txid, api)?);
            renewal.ask(api, out, &path, json!({}))
        }
        Attempt::Ladder {
            txid,
            rungs,
            preview,
            show,
        } => {
            let path = format!("{}/ladder", txid::path(txid, api)?);
            let ladder = if *show {
                api.get(&path)?
            } else {
                let body = json!({ "rungs_sat_vb": rungs, "preview": preview });
                api.post(&path, Body::Json(body))?
            };
            out.told(&ladder, || ladder::told(&ladder))
        }
        Attempt::Psbts { txid, output } => ladder::fetch(txid, output, api, out),
        Attempt::Release { txid } => {
            let path = format!("{}/release", txid::path(txid, api)?);
            let ladder = api.post(&path, Body::Json(json!({})))?;
            out.told(&ladder, || ladder::told(&ladder))
        }
        Attempt::Approve { txid, file } => {
            let path = format!("{}/approvals", txid::path(txid, api)?);
            let attempt = api.post(&path, Body::Json(api::read_json(file)?))?;
            out.told(&attempt, || {
                let issued =
                    "The PSBT is issued again, with the approval: fetch it before you sign.";
                format!("{}\n{issued}", told("Approved the attempt", &attempt))
            })
        }
        Attempt::Void { txid, file } => {
            let path = format!("{}/voids", txid::path(txid, api)?);
            let answer = match file {
                Some(file) => api.post(&path, Body::Bytes(api::read(file)?))?,
                None => api.get(&path)?,
            };
            out.told(&answer, || voids_told(&answer))
        }
        Attempt::Submit { txid, file } if file.is_dir() => ladder::hand_in(txid, file, api, out),
        Attempt::Submit { txid, file } => {
            let path = format!("{}/signatures", txid::path(txid, api)?);
            let answer = api.post(&path, Body::Bytes(api::read(file)?))?;
            out.told(&answer, || taken(&answer))
        }
    }
}

/// What is shown of an attempt in a list: while it is out for signing, who may sign it still.
fn row(attempt: &Value) -> Value {
    let mut row = attempt.clone();
    let waits = !is_complete(attempt) && text(attempt, "state") == "issued";
    row["may_sign"] = if waits {
        Value::from(names(attempt, "missing_signers"))
    } else {
        Value::Null
    };
    row
}

fn is_complete(attempt: &Value) -> bool {
    attempt.get("complete") == Some(&Value::Bool(true))
}

fn is_held(attempt: &Value) -> bool {
    let waits = matches!(text(attempt, "state"), "issued" | "signed");
    waits && attempt.get("held") == Some(&Value::Bool(true))
}

/// One attempt: what it does, who has signed, what it waits for.
pub(super) fn told(begin: &str, attempt: &Value) -> String {
    let signed = match (names(attempt, "signed_by"), is_complete(attempt)) {
        (nobody, _) if nobody.is_empty() => "nobody yet".to_owned(),
        (by, true) => format!("{by}, which suffices"),
        (by, false) => by,
    };
    let more = if is_complete(attempt) {
        String::new()
    } else {
        names(attempt, "missing_signers")
    };
    let state = if is_held(attempt) {
        format!(
            "{}, held: a rung that is not released",
            text(attempt, "state")
        )
    } else {
        text(attempt, "state").to_owned()
    };
    let fee = format!(
        "{}, {} sat/vB",
        amount(attempt, "fee_sat"),
        text(attempt, "feerate_sat_vb")
    );
    let mut lines = Lines::default()
        .with("state", state)
        .with("for", text(attempt, "purpose"));
    for payment in list(attempt, "payments") {
        let (requester, id) = (text(payment, "requester"), text(payment, "id"));
        let what = format!(
            "{} to {}, {requester}/{id}",
            amount(payment, "amount_sat"),
            text(payment, "address")
        );
        lines = lines.with("pays", what);
    }
    for change in list(attempt, "changes") {
        let index = number(change, "index");
        lines = lines.with(
            "change",
            format!("{}, index {index}", amount(change, "amount_sat")),
        );
    }
    lines = lines
        .with("fee", fee)
        .with("inputs", list(attempt, "inputs").len().to_string())
        .with("signed by", signed)
        .with("may sign", more)
        .with(
            "cancelling",
            attempt.get("voids").map_or_else(String::new, cancelling),
        );
    for refused in list(attempt, "refused") {
        lines = lines.with("refused", culprit(refused));
    }
    let lines = lines
        .with("height", number(attempt, "height"))
        .with("excluded by", text(attempt, "dead_by"))
        .with("mempool says", text(attempt, "mempool_test"))
        .with(
            "node says",
            attempt.get("sent").map_or_else(String::new, sent),
        )
        .with("made", moment(attempt, "created_at"))
        .with("batch", text(attempt, "batch"))
        .text();
    format!("{begin} {}\n{lines}", text(attempt, "txid"))
}

/// What the node answered when it was sent, and what to do.
fn sent(sent: &Value) -> String {
    let (meaning, words) = (text(sent, "meaning"), text(sent, "words"));
    let said = if meaning.is_empty() { words } else { meaning };
    if said.is_empty() {
        return String::new();
    }
    let todo = match text(sent, "todo") {
        "" | "nothing" => String::new(),
        todo => format!("; to do: {todo}"),
    };
    let times = sent.get("attempts").and_then(Value::as_u64);
    let times = usize::try_from(times.unwrap_or_default()).unwrap_or(usize::MAX);
    format!("{said} (sent {}){todo}", count(times, "time"))
}

/// Who voided an attempt, and who did not.
pub(super) fn voids_told(voids: &Value) -> String {
    let by = match names(voids, "voided_by") {
        nobody if nobody.is_empty() => "nobody yet".to_owned(),
        by => by,
    };
    let lines = Lines::default()
        .with("state", text(voids, "state"))
        .with("voided by", by)
        .with("still needed", needed(voids))
        .text();
    format!("Attempt {}\n{lines}", text(voids, "txid"))
}

/// Of an attempt whose voids are wished: who voided it, and whose are still needed.
fn cancelling(voids: &Value) -> String {
    let by = names(voids, "voided_by");
    let wished = voids.get("wished") == Some(&Value::Bool(true));
    if !wished && by.is_empty() {
        return String::new();
    }
    let by = if by.is_empty() { "nobody yet" } else { &by };
    format!("voided by {by}; still needed: {}", needed(voids))
}

/// Whose voids are still needed: the fewest that are enough, in a few ways; empty where nobody's are.
fn needed(voids: &Value) -> String {
    const WAYS: usize = 4;
    if text(voids, "state") != "issued" || voids.get("complete") == Some(&Value::Bool(true)) {
        return String::new();
    }
    let ways = list(voids, "needed");
    if ways.is_empty() {
        return "more than may void it; `batch cancel --on-chain` cancels it".to_owned();
    }
    let together = |way: &Value| {
        let names: Vec<&str> = items(way).iter().filter_map(Value::as_str).collect();
        names.join(" + ")
    };
    let mut shown: Vec<String> = ways.iter().take(WAYS).map(together).collect();
    if ways.len() > WAYS {
        shown.push("others".to_owned());
    }
    shown.join(", or ")
}

/// What became of signatures that were handed in.
pub(super) fn taken(answer: &Value) -> String {
    let nothing = Value::Null;
    let attempt = answer.get("attempt").unwrap_or(&nothing);
    let accepted = list(answer, "accepted");
    let mut signers: Vec<&str> = accepted.iter().map(|taken| text(taken, "signer")).collect();
    signers.dedup();
    let counted = match signers.as_slice() {
        [] => "Nothing new counts".to_owned(),
        by => format!(
            "{} of {} taken",
            count(accepted.len(), "signature"),
            sentence(by)
        ),
    };
    let next = if is_complete(attempt) && is_held(attempt) {
        "the attempt has all it needs, and is held until its rung is released".to_owned()
    } else if is_complete(attempt) {
        "the attempt has all it needs and is finalized and broadcast".to_owned()
    } else {
        let missing: Vec<&str> = list(attempt, "missing_signers")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        format!("not enough yet; {} may sign", sentence(&missing))
    };
    let mut said = format!("{}\n", paragraph(&format!("{counted}; {next}."), 0));
    for refused in list(answer, "refused") {
        said += &format!(
            "{}\n",
            paragraph(&format!("Refused: {}.", culprit(refused)), 2)
        );
    }
    said + "\n" + &told("Attempt", attempt)
}

/// A signature that did not count: where, of whom and why.
fn culprit(refused: &Value) -> String {
    let place = format!(
        "input {}, {}",
        number(refused, "input"),
        text(refused, "place")
    );
    let (code, reason) = (text(refused, "code"), text(refused, "reason"));
    match text(refused, "signer") {
        "" => format!("{place}: {reason} ({code})"),
        signer => format!("{place}, {signer}'s: {reason} ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_voids_are_still_needed_is_said_in_the_fewest() {
        let mut voids = json!({
            "txid": "ab", "state": "issued", "wished": true, "complete": false,
            "voided_by": ["alice", "bob"], "missing": ["machine", "vault-key"],
            "needed": [["vault-key"]],
        });
        assert_eq!(
            cancelling(&voids),
            "voided by alice and bob; still needed: vault-key"
        );
        assert!(voids_told(&voids).ends_with("still needed  vault-key\n"));
        voids["needed"] = json!([["a", "b"], ["a", "c"], ["b", "c"], ["a", "d"], ["b", "d"]]);
        assert_eq!(
            needed(&voids),
            "a + b, or a + c, or b + c, or a + d, or others"
        );
        voids["needed"] = json!([]);
        assert!(needed(&voids).contains("--on-chain"));
        voids["state"] = json!("dropped");
        assert!(!voids_told(&voids).contains("needed"));
    }

    #[test]
    fn an_attempt_that_nobody_wishes_voided_has_no_line_of_it() {
        let voids =
            json!({ "state": "issued", "wished": false, "voided_by": [], "needed": [["a"]] });
        assert_eq!(cancelling(&voids), "");
        assert!(!told("Attempt", &json!({ "voids": voids })).contains("cancelling"));
    }
}
