//! Tells what papers hold, and what came of a rebuild.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::gathering::Papers;
use crate::cli::CliError;
use crate::cli::answer::count;
use crate::cli::layout::{Lines, item, paragraph};
use crate::cli::output::Output;
use crate::service::rebuilds::RebuiltVault;

/// What the papers tell, before anything is done.
pub(super) fn preview(
    papers: &Papers,
    held: &[policies::VaultId],
    out: &Output,
) -> Result<(), CliError> {
    let vaults: Vec<Value> = papers
        .vaults
        .iter()
        .map(|vault| {
            let journals: BTreeMap<&String, Value> = (vault.journals.iter())
                .map(|((signer, _), export)| {
                    let said = &export.statement;
                    (
                        signer,
                        json!({ "counter": said.counter, "exported_at": said.at }),
                    )
                })
                .collect();
            let requests = vault.requests.values();
            let attempts = vault.attempts.values();
            json!({
                "vault": vault.policy().vault,
                "name": vault.policy().name,
                "journals": journals,
                "without_journal": vault.without_journal(),
                "held": held.contains(&vault.policy().vault),
                "withdrawals": vault.requests.len(),
                "without_request": requests.filter(|one| one.request.is_none()).count(),
                "attempts": vault.attempts.len(),
                "without_psbt": attempts.filter(|one| one.psbt.is_none()).count(),
                "addresses": vault.addresses.len(),
            })
        })
        .collect();
    let answer = json!({
        "files": papers.files,
        "duplicates": papers.known,
        "hand_in_later": papers.later,
        "vaults": vaults,
    });
    out.told(&answer, || {
        let mut text = format!(
            "Files that can be used: {}; that say nothing new: {}. Nothing was done.\n",
            papers.files, papers.known
        );
        for vault in &vaults {
            let say = |key: &str| vault[key].to_string();
            let lines = Lines::default()
                .with("vault", vault["name"].as_str().unwrap_or_default())
                .with("withdrawals", say("withdrawals"))
                .with("of them without request", say("without_request"))
                .with("attempts signed", say("attempts"))
                .with("of them without PSBT", say("without_psbt"))
                .with("deposit addresses", say("addresses"))
                .with("journals", say("journals"))
                .with("journals missing", say("without_journal"));
            text.push_str(&lines.text());
        }
        text
    })
}

/// A list of what is missing, and why it matters.
fn missing(text: &mut String, list: &[String], why: &str) {
    if !list.is_empty() {
        text.push_str(&format!("{}\n", paragraph(why, 0)));
        for one in list {
            text.push_str(&item(one));
        }
    }
}

/// What was rebuilt, what is missing, and what to do next.
pub(super) fn told(rebuilt: &[RebuiltVault], later: &[PathBuf]) -> String {
    let states = |counts: &BTreeMap<String, usize>| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        parts.join(", ")
    };
    let mut text = "The database is rebuilt.\n".to_owned();
    for vault in rebuilt {
        let lines = Lines::default()
            .with("vault", &vault.name)
            .with("holds, in blocks", format!("{} sat", vault.held_sat))
            .with("withdrawals", states(&vault.withdrawals))
            .with("attempts", states(&vault.attempts))
            .with("next deposit address", vault.next_address.to_string());
        text.push_str(&lines.text());
        let txids =
            |list: &[bitcoin::Txid]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        missing(
            &mut text,
            &txids(&vault.without_psbt),
            "Signed by someone, and nobody kept the PSBT: wait until the chain shows it, or take its place with `attempt replace`:",
        );
        missing(
            &mut text,
            &vault.without_request,
            "An attempt pays them, and nobody kept the request: have the service submit the same requests again before they are paid anew:",
        );
        let held = format!(
            "Held, and paid by no attempt: {}; nothing here tells whether they were cancelled. To pay one have the service submit the same request again; cancel the others:",
            count(vault.held.len(), "withdrawal")
        );
        missing(&mut text, &vault.held, &held);
        if !vault.held.is_empty() && !vault.unseen_quorum.is_empty() {
            let signers = vault.unseen_quorum.join(", ");
            let text_of = format!(
                "Beware: the journals of {signers} are missing, and they could have paid what is held. Whoever submits it again may pay twice."
            );
            text.push_str(&format!("{}\n", paragraph(&text_of, 0)));
        }
        let doubted = vault.doubted.iter().map(|one| {
            let by = one.signed_by.join(", ");
            format!("{} (journals of: {by}): {}", one.txid, one.reason)
        });
        missing(
            &mut text,
            &doubted.collect::<Vec<_>>(),
            "Named by journals or transfers and not believed; nothing is known of them, apart from what these signers refuse:",
        );
        let addresses = vault.addresses_doubted.iter().map(ToString::to_string);
        missing(
            &mut text,
            &addresses.collect::<Vec<_>>(),
            "Indexes of deposit addresses beyond the gap, which are not watched: if they are genuine rebuild a new database with a larger --gap:",
        );
        missing(
            &mut text,
            &txids(&vault.unexplained),
            "Spends of the vault's coins that no paper explains:",
        );
    }
    let later: Vec<String> = later
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if !later.is_empty() {
        text.push_str("Hand in with `attempt submit` once it runs:\n");
        for file in &later {
            text.push_str(&item(file));
        }
    }
    let next = "Next: `init` makes an operator's token in this database; then `run`, `reconcile`, and new tokens for services and signers.";
    text.push_str(&paragraph(next, 0));
    text
}
