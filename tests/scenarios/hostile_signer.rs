//! A signer, or somebody with a signer's token, that hands in rubbish: it is named, and hurts nobody.

use bitcoin::{Amount, Psbt};
use harness::{Engine, Outcome, Purse, ScriptKind, Treasury, items};
use serde_json::Value;

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// What a signer returned, readable.
fn read(signed: &[u8]) -> Result<Psbt, harness::Failure> {
    let text = String::from_utf8_lossy(signed);
    Ok(match text.trim().parse() {
        Ok(psbt) => psbt,
        Err(_) => Psbt::deserialize(signed)?,
    })
}

/// The refused signatures of an answer, each with input and reason.
fn bad(answer: &Value) -> Result<Vec<Value>, harness::Failure> {
    Ok(items(&answer["refused"])?.to_vec())
}

/// 1. Two coins are spent, so that an attempt has two inputs.
/// 2. Mallory hands in Alice's signatures with those of the two inputs swapped: each is refused with
///    its input and reason, and nothing counts.
/// 3. Mallory hands in one good and one bad signature: the good one counts, the bad one is named.
/// 4. Alice and Bob sign; their signatures count whatever came before, and the withdrawal settles.
#[test]
fn hostile_signatures_are_named_and_hurt_no_other() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(AMOUNT)?;
    treasury.deposit(AMOUNT)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(1_500_000))?;
    let txid = treasury.batch()?;
    let signed = treasury
        .people
        .alice
        .sign(&treasury.psbt(txid)?)?
        .done()?
        .stdout;
    let genuine = read(&signed)?;
    assert_eq!(genuine.inputs.len(), 2);

    let mut swapped = genuine.clone();
    let signatures: Vec<_> = genuine
        .inputs
        .iter()
        .flat_map(|input| input.partial_sigs.values().copied())
        .collect();
    for (input, signature) in swapped.inputs.iter_mut().zip(signatures.iter().rev()) {
        for own in input.partial_sigs.values_mut() {
            *own = *signature;
        }
    }
    let answer = treasury.hand_in(txid, &swapped.serialize())?;
    let named = bad(&answer)?;
    assert_eq!(named.len(), 2, "{answer}");
    assert!(
        named.iter().all(|bad| bad["code"] == "SIGNATURE_WRONG"),
        "{answer}"
    );

    let mut half = genuine.clone();
    half.inputs[1] = swapped.inputs[1].clone();
    let answer = treasury.hand_in(txid, &half.serialize())?;
    let named = bad(&answer)?;
    assert_eq!(named.len(), 1, "{answer}");
    assert_eq!(named[0]["input"], 1);

    treasury.hand_in(txid, &signed)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// 1. An attempt is out for signing.
/// 2. Signatures of another transaction, random bytes, truncated and empty files come in.
/// 3. Each is refused by code; nothing is stored.
/// 4. The honest quorum finalizes.
#[test]
fn rubbish_instead_of_signatures_is_refused() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Tr, Engine::Sqlite)?;
    treasury.deposit(AMOUNT)?;
    treasury.deposit(AMOUNT)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(300_000))?;
    let first = treasury.batch()?;
    treasury.withdraw("w-2", &Purse::stranger(2), Amount::from_sat(300_000))?;
    let second = treasury.batch()?;
    let signed = treasury
        .people
        .alice
        .sign(&treasury.psbt(first)?)?
        .done()?
        .stdout;
    let census = treasury.census()?;
    let path = format!("/attempts/{second}/signatures");
    let hand_in = |bytes: &[u8]| treasury.signer().post_bytes(&path, bytes);
    hand_in(&signed)?.refused(422, "other_transaction")?;
    let binary = read(&signed)?.serialize();
    for rubbish in [
        &binary[..binary.len() - 7],
        &[0xff; 4096][..],
        b"",
        b"psbt\xff",
        b"70736274",
    ] {
        hand_in(rubbish)?.refused(422, "signatures_unreadable")?;
    }
    let too_large = treasury.signer().raw(
        format!(
            "POST /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: 999999999\r\n\r\n"
        )
        .as_bytes(),
    )?;
    assert!(too_large.starts_with("HTTP/1.1 413"), "{too_large}");
    assert_eq!(treasury.census()?, census);
    for (id, txid) in [("w-1", first), ("w-2", second)] {
        treasury.countersign(&treasury.people.bob, txid)?;
        treasury.countersign(&treasury.people.machine, txid)?;
        treasury.settle(txid, &[id])?;
    }
    treasury.reconcile()?;
    treasury.must_be_well()
}
