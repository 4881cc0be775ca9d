//! What a filled PSBT carries, for both script kinds, and what is refused.

use bitcoin::{Psbt, Transaction};

use super::{
    fixture::{Attempt, Kind, Vault},
    updater::{FundedCoin, UpdaterError, update},
};

fn updated(vault: &Vault, attempt: &Attempt) -> Result<Psbt, UpdaterError> {
    let coins: Vec<FundedCoin<'_>> = attempt
        .coins
        .iter()
        .zip(&attempt.fundings)
        .map(|(coin, funding)| FundedCoin {
            coin,
            funding: Some(funding),
        })
        .collect();
    let output = attempt.created.change.expect("change");
    update(
        attempt.created.transaction.clone(),
        &vault.descriptor,
        &coins,
        Some((output, &attempt.change)),
    )
}

#[test]
fn psbt_carries_every_field_that_devices_need() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let psbt = updated(&vault, &attempt).expect("filled");
    for (input, (coin, funding)) in psbt
        .inputs
        .iter()
        .zip(attempt.coins.iter().zip(&attempt.fundings))
    {
        assert_eq!(input.witness_utxo.as_ref(), Some(&coin.prevout));
        assert_eq!(input.non_witness_utxo.as_ref(), Some(funding));
        let script = input.witness_script.as_ref().expect("the witness script");
        assert_eq!(script.to_p2wsh(), coin.prevout.script_pubkey);
        assert_eq!(input.bip32_derivation.len(), 4, "the origins of all keys");
        assert_eq!(input.sighash_type, None);
        assert!(input.partial_sigs.is_empty() && input.final_script_witness.is_none());
    }
    check_outputs(&psbt, &attempt, |output| {
        assert_eq!(output.bip32_derivation.len(), 4);
        assert_eq!(
            output
                .witness_script
                .as_ref()
                .map(|script| script.to_p2wsh()),
            Some(attempt.change.script_pubkey.clone())
        );
    });
    assert_eq!(psbt.xpub.len(), 4, "every cosigner's extended key");
    assert!((0..4).all(|signer| psbt.xpub.contains_key(&vault.xpub(signer))));
    assert_eq!(Psbt::deserialize(&psbt.serialize()).expect("decodes"), psbt);
}

#[test]
fn taproot_psbt_carries_tree_and_origins_and_omits_the_key_nobody_knows() {
    let vault = Vault::new(Kind::Tr);
    let attempt = vault.attempt(2);
    let psbt = updated(&vault, &attempt).expect("filled");
    for (input, coin) in psbt.inputs.iter().zip(&attempt.coins) {
        assert_eq!(input.witness_utxo.as_ref(), Some(&coin.prevout));
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
fn updater_refuses_what_does_not_fit_together() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let unsigned = &attempt.created.transaction;
    let change = Some((attempt.created.change.expect("change"), &attempt.change));
    let with = |first: Option<&Transaction>, second: Option<&Transaction>, change| {
        let coins = [
            FundedCoin {
                coin: &attempt.coins[0],
                funding: first,
            },
            FundedCoin {
                coin: &attempt.coins[1],
                funding: second,
            },
        ];
        update(unsigned.clone(), &vault.descriptor, &coins, change)
    };
    let [first, second] = &attempt.fundings[..] else {
        panic!("two")
    };
    with(Some(first), Some(second), change).expect("fits");
    assert!(matches!(
        with(Some(first), None, change),
        Err(UpdaterError::NoFunding { input: 1, .. })
    ));
    assert!(matches!(
        with(Some(second), Some(first), change),
        Err(UpdaterError::OtherFunding { input: 0, .. })
    ));
    let payment = attempt
        .created
        .payments
        .first()
        .copied()
        .expect("a payment");
    assert!(matches!(
        with(Some(first), Some(second), Some((payment, &attempt.change))),
        Err(UpdaterError::NotChange { .. })
    ));
    let coins = [FundedCoin {
        coin: &attempt.coins[0],
        funding: Some(first),
    }];
    assert!(matches!(
        update(unsigned.clone(), &vault.descriptor, &coins, change),
        Err(UpdaterError::UnknownCoin { input: 1, .. })
    ));
}
