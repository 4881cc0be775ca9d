//! What the page of an attempt says of it in words.

use super::money::warnings;
use super::{counted, purpose, short};
use crate::service::attempt_page::{AttemptPage, OutputKind};
use crate::ui::show::{Moment, TxidText};

pub(super) fn title(found: &AttemptPage) -> String {
    let attempt = &found.attempt;
    match attempt.purpose.as_str() {
        "pay" => format!("Pays {}", counted(attempt.payments.len(), "withdrawal")),
        "bump" => format!(
            "Pays {} at a higher fee",
            counted(attempt.payments.len(), "withdrawal")
        ),
        "cancel" => "Cancels a batch on the chain".to_owned(),
        "consolidate" => format!("Joins {}", counted(attempt.inputs.len(), "coin")),
        "refresh" => format!("Renews {}", counted(attempt.inputs.len(), "coin")),
        "drain" => format!("Brings {} home", counted(attempt.inputs.len(), "coin")),
        "recover" => format!("Recovers {}", counted(attempt.inputs.len(), "coin")),
        other => purpose(other).to_owned(),
    }
}

/// Whose signatures could still come.
pub(super) fn awaited(found: &AttemptPage) -> String {
    let signing = found
        .signing
        .as_ref()
        .filter(|_| found.attempt.state == "issued");
    signing.map_or_else(String::new, |signing| signing.awaited.join(", "))
}

/// What everybody should know first: the class of the notice, and its words.
pub(super) fn says(found: &AttemptPage) -> Vec<(&'static str, String)> {
    let mut says = Vec::new();
    let is_unknown = |kind: &OutputKind| *kind == OutputKind::Unknown;
    let unknown = found
        .outputs
        .iter()
        .filter(|output| is_unknown(&output.kind));
    for output in unknown {
        says.push((
            "notice-bad",
            format!(
                "Output {} is neither a payment that somebody asked for nor change that can be derived again. Do not sign this.",
                output.output
            ),
        ));
    }
    if let Some(reason) = found
        .attempt
        .mempool_test
        .as_ref()
        .filter(|said| !said.is_empty())
    {
        says.push((
            "notice-bad",
            format!("The node would not take it into its mempool: {reason}."),
        ));
    }
    if found.attempt.state == "issued" && found.voids.wished {
        let voided = if found.voids.voided_by.is_empty() {
            "nobody did yet".to_owned()
        } else {
            format!("{} did", found.voids.voided_by.join(", "))
        };
        says.push((
            "notice-warn",
            format!("Signers are asked to void it: {voided}. Do not sign it any more."),
        ));
    }
    for words in warnings(found) {
        says.push(("notice-warn", words));
    }
    says
}

/// Other transactions that decide about this one: words, link, name.
pub(super) fn links(found: &AttemptPage) -> Vec<(String, String, String)> {
    let attempt = &found.attempt;
    let to = |words: &str, txid: &bitcoin::Txid| {
        (words.to_owned(), format!("/attempts/{txid}"), short(txid))
    };
    let mut links = Vec::new();
    if let Some(txid) = &attempt.dead_by {
        links.push(to("It can never confirm: in its place settled", txid));
    }
    if let Some(txid) = &attempt.cancelled_by {
        links.push(to(
            "It is being cancelled, and nobody is asked to sign it, by",
            txid,
        ));
    }
    let is_open = matches!(
        attempt.state.as_str(),
        "issued" | "signed" | "broadcasting" | "in_mempool"
    );
    let later = found
        .others
        .iter()
        .rev()
        .find(|other| other.is_later && !matches!(other.state, "dead" | "dropped"));
    if let Some(later) = later.filter(|_| is_open && attempt.cancelled_by.is_none()) {
        links.push(to("A later attempt is to take its place:", &later.txid));
    }
    links
}

pub(super) fn chain(found: &AttemptPage) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let seen = &found.seen;
    facts.push((
        "Seen",
        match (seen.place, seen.height) {
            ("block", Some(height)) => format!(
                "in block {height}, {} of {} confirmations",
                seen.confirmations, seen.settles_at
            ),
            ("mempool", _) => "in the mempool, not in a block yet".to_owned(),
            _ if found.attempt.complete => "nowhere yet".to_owned(),
            _ => "not broadcast: signatures are missing".to_owned(),
        },
    ));
    if let Some(broadcast) = &found.broadcast {
        facts.push(("Handed over", Moment::new(broadcast.handed_at).text()));
        if let Some((answer, words, at)) = &broadcast.answer {
            let words = if words.is_empty() {
                String::new()
            } else {
                format!(" ({words})")
            };
            let tries = usize::try_from(broadcast.tries).unwrap_or(usize::MAX);
            facts.push((
                "The node said",
                format!(
                    "{answer}{words}, {}, sent {}",
                    Moment::new(*at).text(),
                    counted(tries, "time")
                ),
            ));
        }
    }
    if found
        .attempt
        .mempool_test
        .as_ref()
        .is_some_and(String::is_empty)
    {
        facts.push(("Mempool test", "the node would take it".to_owned()));
    }
    facts
}

pub(super) fn manifest(found: &AttemptPage) -> (Vec<(&'static str, String)>, Vec<TxidText>) {
    let Some(manifest) = &found.manifest else {
        return (Vec::new(), Vec::new());
    };
    let shown = manifest
        .inclusions
        .iter()
        .map(|(txid, headers)| format!("{} under {}", short(txid), counted(*headers, "header")));
    let shown: Vec<String> = shown.collect();
    let facts = vec![
        ("Says it is for", purpose(manifest.purpose).to_owned()),
        ("Attempt number", manifest.attempt.to_string()),
        ("Intents", manifest.intents.to_string()),
        ("Approvals", manifest.approvals.to_string()),
        ("Earlier attempts shown", manifest.earlier.len().to_string()),
        (
            "Inclusion proof",
            if shown.is_empty() {
                "none; the policy does not ask for one, or it replaces what showed one".to_owned()
            } else {
                shown.join("; ")
            },
        ),
        ("Receipts carried", manifest.receipts.to_string()),
        ("Ancestors carried", manifest.ancestors.len().to_string()),
    ];
    let ancestors = manifest.ancestors.iter().map(|txid| TxidText::new(*txid));
    (facts, ancestors.collect())
}
