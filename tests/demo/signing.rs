//! One batch on its way: built, reviewed, signed by a machine and by a person, settled.

use std::fs;

use bitcoin::{Amount, Txid};
use harness::{Failure, LONG, Outcome, Treasury, field, wait_until};
use serde_json::{Value, json};

use crate::page::{Page, btc};

/// The coordinator batches, and Alice reads what its PSBT would do.
pub(crate) fn one_batch_pays_all(page: &mut Page, treasury: &Treasury) -> Result<Txid, Failure> {
    page.step("One batch; Alice reviews its PSBT on her offline machine")?;
    let txid = treasury.batch()?;
    let psbt = treasury.psbt(txid)?;
    page.say(&format!(
        "{} bytes; what countersign-signer review tells her:",
        psbt.len()
    ))?;
    let said = treasury.people.alice.review(&psbt)?.done()?;
    page.quote(&said.text())?;
    Ok(txid)
}

/// The machine signs over HTTP, Alice from a file.
pub(crate) fn two_of_three_sign(page: &mut Page, treasury: &mut Treasury, txid: Txid) -> Outcome {
    page.step("Two of three sign: a machine over HTTP, Alice from a file")?;
    treasury.start_cosigner()?;
    let attempt = is_signed_by(treasury, txid, "machine")?;
    page.fact(
        "machine",
        "countersign-signer serve reviewed, journaled and signed",
    )?;
    page.fact("missing", &names(&attempt["missing_signers"]))?;
    sign_from_a_file(page, treasury, txid)?;
    let attempt = is_signed_by(treasury, txid, "alice")?;
    page.fact("signed by", &names(&attempt["signed_by"]))
}

/// Alice signs a file, and the operator carries the answer back.
pub(crate) fn sign_from_a_file(page: &Page, treasury: &Treasury, of: Txid) -> Outcome {
    let alice = &treasury.people.alice;
    let transfer = alice.bring("transfer.psbt", &treasury.psbt(of)?)?;
    let txid = of.to_string();
    let name = format!("{}-signed.psbt", txid.get(..8).unwrap_or(&txid));
    let signed = transfer.with_file_name(&name);
    let [transfer, signed_text] = [&transfer, &signed].map(|path| path.display().to_string());
    alice
        .run(&["sign", &transfer, "-o", &signed_text, "--yes"])?
        .done()?;
    let bytes = fs::read(&signed)?;
    treasury.hand_in(of, &bytes)?;
    page.fact(
        "alice",
        &format!("sign transfer.psbt -o {name}: {} bytes", bytes.len()),
    )
}

/// The coordinator finalizes, the watchtower broadcasts, and blocks settle it.
pub(crate) fn it_settles(
    page: &mut Page,
    treasury: &Treasury,
    txid: Txid,
    ids: &[&str],
) -> Outcome {
    page.step("Finalized, broadcast, mined, settled")?;
    treasury.reaches_mempool(txid)?;
    let entry: Value = treasury.node.call("getmempoolentry", json!([txid]))?;
    let attempt = show(treasury, txid)?;
    let fee = attempt["fee_sat"].as_u64().unwrap_or_default();
    page.fact("txid", &txid.to_string())?;
    page.fact(
        "mempool",
        &format!(
            "{} vB, fee {}, {} sat/vB at the heaviest witnesses",
            entry["vsize"],
            btc(Amount::from_sat(fee)),
            field(&attempt, "feerate_sat_vb")?
        ),
    )?;
    treasury.settle(txid, ids)?;
    let height = &show(treasury, txid)?["height"];
    page.fact("mined", &format!("in block {height}"))?;
    page.fact("settled", &ids.join(", "))
}

fn is_signed_by(treasury: &Treasury, txid: Txid, name: &str) -> Result<Value, Failure> {
    wait_until(&format!("{name}'s signature"), LONG, || {
        let attempt = show(treasury, txid)?;
        let signed = attempt["signed_by"]
            .as_array()
            .is_some_and(|by| by.iter().any(|signer| signer == name));
        Ok(signed.then_some(attempt))
    })
}

fn show(treasury: &Treasury, txid: Txid) -> Result<Value, Failure> {
    treasury
        .operator()
        .get(&format!("/attempts/{txid}"))?
        .done()
}

fn names(list: &Value) -> String {
    let names = list.as_array().into_iter().flatten();
    names
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
