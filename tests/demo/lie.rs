//! A coordinator in a thief's hands.

use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Amount, Network, Psbt, ScriptBuf, WPubkeyHash};
use coordinator::client::Client;
use harness::{Failure, Outcome, Purse, Treasury, now};
use policies::psbt::Manifest;

use crate::page::{Page, btc};
use crate::{signing, withdrawals};

const AMOUNT: Amount = Amount::from_sat(3_000_000);

/// One output of the next PSBT is swapped; Alice's signer refuses by name. Then the truth settles.
pub(crate) fn a_swapped_output_is_refused(
    page: &mut Page,
    treasury: &Treasury,
    service: &Client,
) -> Outcome {
    page.step("A lying coordinator swaps one output, and is refused by name")?;
    let order = withdrawals::order("w-6", &Purse::stranger(6), AMOUNT, now())?;
    let (built, _) = service.submit_withdrawal(&order, now())?;
    let txid = treasury.batch()?;
    let mut psbt = Psbt::deserialize(&treasury.psbt(txid)?)?;
    let manifest = Manifest::read(&psbt)?;
    let output = manifest
        .payments
        .iter()
        .find(|(_, hash)| **hash == built.intent.hash())
        .and_then(|(output, _)| {
            psbt.unsigned_tx
                .output
                .get_mut(usize::try_from(*output).ok()?)
        })
        .ok_or_else(|| Failure::new("the batch does not pay w-6"))?;
    let thief = ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(b"thief"));
    output.script_pubkey.clone_from(&thief);
    page.fact("requested", &format!("{} for w-6", btc(AMOUNT)))?;
    page.fact("to", &Purse::stranger(6).to_string())?;
    page.fact(
        "swapped to",
        &Address::from_script(&thief, Network::Regtest)?.to_string(),
    )?;
    let alice = &treasury.people.alice;
    let journal = alice.journal()?;
    let said = alice.sign(&psbt.serialize())?.refused("PAYMENT_SCRIPT")?;
    page.quote(&said.stderr)?;
    if !said.stdout.is_empty() || alice.journal()? != journal {
        return Err(Failure::new("the refusal left something behind"));
    }
    page.fact("left", "no signature, and no entry in her journal")?;
    signing::sign_from_a_file(page, treasury, txid)?;
    treasury.settle(txid, &["w-6"])?;
    page.fact("truth", "signed by Alice and the machine; w-6 is settled")
}
