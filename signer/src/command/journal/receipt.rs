//! `journal receipt`: the receipts that this journal gave for a transaction, exactly as it gave them.

use super::{no_signer, read_own};
use crate::command::Context;
use crate::failure::{Class, Failure};
use crate::keystore::PersonKey;
use bitcoin::Txid;
use bitcoin::hex::DisplayHex;
use policies::journal::{GivenReceipt, receipts_for};
use policies::{PublicKey, Receipt, VaultId};

pub(super) fn answer(context: &mut Context, txid: Txid) -> Result<(), Failure> {
    let (pinned, _, lines) = read_own(context)?;
    let owner = pinned.journal().ok_or_else(no_signer)?;
    let given = receipts_for(&lines, txid)
        .map_err(|error| super::JournalFileError::Tampered(Box::new(error)))?;
    if given.is_empty() {
        let message = format!("this journal has no receipt for {txid}");
        return Err(
            Failure::because(Class::Refused, "NEVER_SIGNED", message).hinted(
                "`journal show` lists what it signed, `journal show --json` with whole txids",
            ),
        );
    }
    let own = given_here(&given, owner.key)?;
    let key = context.journal_key()?;
    let receipts = own.iter().filter_map(|one| sign(one, &key, owner.vault));
    let receipts: Vec<Receipt> = receipts.collect();
    let missing = given.len().saturating_sub(receipts.len());
    if missing > 0 {
        context.terminal.talk(&format!(
            "Not shown: {missing} given before this journal moved here, or before receipts were kept"
        ));
    }
    let text: Vec<String> = receipts.iter().map(text).collect();
    let value = serde_json::json!({
        "txid": txid,
        "vault": owner.vault,
        "receipts": receipts.iter().map(json).collect::<Vec<_>>(),
    });
    context.terminal.answer(&text.join("\n\n"), &value)
}

/// Those that this home's key gave, and whose entries say all that they said.
fn given_here(given: &[GivenReceipt], key: PublicKey) -> Result<Vec<&GivenReceipt>, Failure> {
    let own: Vec<&GivenReceipt> = given.iter().filter(|one| one.journal == key).collect();
    let Some(first) = own.first() else {
        let message = "only the journals before this one, which moved here, gave receipts for it";
        return Err(
            Failure::because(Class::Refused, "RECEIPT_OF_EARLIER_JOURNAL", message)
                .hinted("ask for it in the home that the journal moved from: it has the key"),
        );
    };
    if own.iter().all(|one| one.body.is_none()) {
        let message = format!(
            "entry {} does not say what its receipt said: an earlier version wrote it",
            first.counter
        );
        return Err(
            Failure::because(Class::Refused, "RECEIPT_NOT_KEPT", message)
                .hinted("the coordinator's attempt has it, with the signatures that came with it"),
        );
    }
    Ok(own)
}

/// The key signs without randomness: what comes out is what was handed out.
fn sign(given: &GivenReceipt, key: &PersonKey, vault: VaultId) -> Option<Receipt> {
    let body = given.body.clone()?;
    Some(body.sign(key.secret(), vault))
}

fn text(receipt: &Receipt) -> String {
    let body = &receipt.body;
    let event_head = match &body.event_head {
        Some(head) => head.to_lower_hex_string(),
        None => "none was told".to_owned(),
    };
    format!(
        "Receipt for {}\n  given     {}, with entry {}\n  head      {}\n  manifest  {}\n  \
         events    {event_head}\n  journal\n    {}\nWhat was signed, in one line, and the signature:\n\
         {}\n{}",
        body.txid,
        body.now,
        body.counter,
        body.head,
        body.manifest.as_hex(),
        body.journal,
        String::from_utf8_lossy(&body.encode()),
        receipt.signature.encode().as_hex(),
    )
}

fn json(receipt: &Receipt) -> serde_json::Value {
    let body = &receipt.body;
    serde_json::json!({
        "counter": body.counter,
        "head": body.head,
        "journal": body.journal,
        "now": body.now,
        "receipt": String::from_utf8_lossy(&body.encode()),
        "signature": receipt.signature.encode().to_lower_hex_string(),
        "encoded": receipt.encode().to_lower_hex_string(),
    })
}
