//! What a filled PSBT carries, for both script kinds, and what is refused.

use bitcoin::{OutPoint, Psbt, ScriptBuf};

use super::{
    fixture::{Attempt, Kind, Vault},
    issued::{IssuedError, IssuedTransaction},
    updater::{UpdaterError, update},
};

fn updated(vault: &Vault, attempt: &Attempt) -> Psbt {
    let output = attempt.created.change.expect("change");
    update(
        &attempt.issued,
        &vault.descriptor,
        &attempt.fundings,
        Some((output, &attempt.change)),
    )
    .expect("fits together")
}

fn check_outputs(psbt: &Psbt, attempt: &Attempt, change: impl Fn(&bitcoin::psbt::Output)) {
    let place = usize::try_from(attempt.created.change.expect("change")).expect("small");
    for (number, output) in psbt.outputs.iter().enumerate() {
        if number == place {
            change(output);
        } else {
            assert_eq!(
                output,
                &bitcoin::psbt::Output::default(),
                "payments carry nothing"
            );
        }
    }
}

#[test]
fn psbt_carries_every_field_that_devices_need() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let psbt = updated(&vault, &attempt);
    for ((input, txin), prevout) in psbt
        .inputs
        .iter()
        .zip(&psbt.unsigned_tx.input)
        .zip(attempt.issued.previous_outputs())
    {
        assert_eq!(input.witness_utxo.as_ref(), Some(prevout));
        assert_eq!(
            input.non_witness_utxo.as_ref(),
            attempt.fundings.get(&txin.previous_output.txid)
        );
        let script = input.witness_script.as_ref().expect("the witness script");
        assert_eq!(script.to_p2wsh(), prevout.script_pubkey);
        assert_eq!(input.bip32_derivation.len(), 4, "the origins of all keys");
        assert_eq!(input.sighash_type, None);
        assert!(input.partial_sigs.is_empty() && input.final_script_witness.is_none());
    }
    check_outputs(&psbt, &attempt, |output| {
        assert_eq!(output.bip32_derivation.len(), 4);
        let script = output
            .witness_script
            .as_ref()
            .map(|script| script.to_p2wsh());
        assert_eq!(script.as_ref(), Some(&attempt.change.script_pubkey));
    });
    assert_eq!(psbt.xpub.len(), 4, "every cosigner's extended key");
    assert!((0..4).all(|signer| psbt.xpub.contains_key(&vault.xpub(signer))));
    assert_eq!(Psbt::deserialize(&psbt.serialize()).expect("decodes"), psbt);
}

#[test]
fn taproot_psbt_carries_tree_and_origins_and_omits_the_key_nobody_knows() {
    let vault = Vault::new(Kind::Tr);
    let attempt = vault.attempt(2);
    let psbt = updated(&vault, &attempt);
    for (input, prevout) in psbt.inputs.iter().zip(attempt.issued.previous_outputs()) {
        assert_eq!(input.witness_utxo.as_ref(), Some(prevout));
        assert_eq!(input.non_witness_utxo, None);
        assert!(input.tap_internal_key.is_some() && input.tap_merkle_root.is_some());
        assert_eq!(input.tap_scripts.len(), 2, "both leaves");
        let with_leaves = input
            .tap_key_origins
            .values()
            .filter(|(leaves, _)| !leaves.is_empty())
            .count();
        assert_eq!(with_leaves, 4, "every signer's key names its leaf");
        assert_eq!(input.sighash_type, None);
    }
    check_outputs(&psbt, &attempt, |output| {
        assert!(output.tap_tree.is_some() && output.tap_internal_key.is_some());
        assert!(output.tap_key_origins.len() >= 4);
    });
    assert_eq!(psbt.xpub.len(), 4, "the NUMS key is no cosigner");
    assert_eq!(Psbt::deserialize(&psbt.serialize()).expect("decodes"), psbt);
}

#[test]
fn updater_refuses_what_does_not_fit_together() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let change = attempt
        .created
        .change
        .map(|output| (output, &attempt.change));
    let mut missing = attempt.fundings.clone();
    let (txid, funding) = missing.pop_first().expect("two");
    assert!(matches!(
        update(&attempt.issued, &vault.descriptor, &missing, change),
        Err(UpdaterError::NoFunding { txid: named, .. }) if named == txid
    ));
    let mut lying = funding.clone();
    lying.output.reverse();
    missing.insert(txid, lying);
    assert!(matches!(
        update(&attempt.issued, &vault.descriptor, &missing, change),
        Err(UpdaterError::OtherFunding { outpoint: OutPoint { txid: named, .. }, .. }) if named == txid
    ));
    for output in [
        attempt
            .created
            .payments
            .first()
            .copied()
            .expect("a payment"),
        99,
    ] {
        assert!(matches!(
            update(&attempt.issued, &vault.descriptor, &attempt.fundings, Some((output, &attempt.change))),
            Err(UpdaterError::NotChange { output: named }) if named == output
        ));
    }
}

#[test]
fn coins_that_are_not_the_transactions_are_refused() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let unsigned = attempt.issued.unsigned();
    let mut coins = attempt.coins.clone();
    coins.reverse();
    assert_eq!(
        IssuedTransaction::new(unsigned.clone(), &coins).as_ref(),
        Ok(&attempt.issued),
        "in any order"
    );
    for coin in &mut coins {
        coin.prevout.script_pubkey = ScriptBuf::new();
    }
    let refused = IssuedTransaction::new(unsigned.clone(), &coins);
    assert_eq!(refused, Err(IssuedError::ForeignScript { input: 0 }));
    let refused = IssuedTransaction::new(unsigned.clone(), &[]);
    assert!(matches!(
        refused,
        Err(IssuedError::UnknownCoin { input: 0, .. })
    ));
}
