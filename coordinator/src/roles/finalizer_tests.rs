//! From unsigned transaction to what the network accepts, for both script kinds and every pairing.

use bitcoin::{ScriptBuf, TxOut, Weight, Witness};
use proptest::prelude::*;

use super::{
    combiner::Combined,
    extractor::{ExtractorError, extract},
    finalizer::{FinalizerError, finalize},
    fixture::{Attempt, Kind, Vault},
    interpreter::{Checker, WitnessError},
    signature::{BadSignature, InputSignature, SignatureKey},
};

const PAIRINGS: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];

fn prevouts(attempt: &Attempt) -> Vec<TxOut> {
    attempt
        .coins
        .iter()
        .map(|coin| coin.prevout.clone())
        .collect()
}

fn signatures(vault: &Vault, attempt: &Attempt, signers: &[usize]) -> Vec<InputSignature> {
    signers
        .iter()
        .flat_map(|signer| vault.sign(*signer, &attempt.created.transaction, &attempt.coins))
        .collect()
}

#[test]
fn every_pairing_of_both_script_kinds_finalizes_to_a_valid_transaction() {
    for kind in [Kind::Wsh, Kind::Tr, Kind::SortedMulti] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(3);
        let unsigned = &attempt.created.transaction;
        let issued = unsigned.compute_txid();
        for pairing in PAIRINGS {
            let finalized = finalize(
                unsigned,
                &attempt.coins,
                signatures(&vault, &attempt, &pairing),
            )
            .expect("two of three");
            assert!(finalized.set_aside.is_empty());
            let transaction = extract(unsigned, &finalized, issued).expect("the same transaction");
            assert_eq!(transaction.compute_txid(), issued);
            let prevouts = prevouts(&attempt);
            let mut checker = Checker::new(&transaction, &prevouts);
            for (input, txin) in transaction.input.iter().enumerate() {
                checker.check(input, &txin.witness).expect("valid");
                let planned = vault.descriptor.max_satisfaction_weight();
                let actual = Weight::from_witness_data_size(
                    u64::try_from(txin.witness.size()).expect("small"),
                );
                assert!(
                    actual <= planned,
                    "{kind:?}: {actual} is heavier than the planned {planned}"
                );
                assert!(
                    planned - actual <= Weight::from_wu(6),
                    "{kind:?}: {actual} against the planned {planned}"
                );
            }
        }
    }
}

#[test]
fn one_key_of_a_hot_vault_finalizes() {
    let vault = Vault::new(Kind::Wpkh);
    let attempt = vault.attempt(2);
    let finalized = finalize(
        &attempt.created.transaction,
        &attempt.coins,
        signatures(&vault, &attempt, &[0]),
    );
    assert_eq!(finalized.expect("one of one").witnesses.len(), 2);
}

#[test]
fn same_signatures_in_any_order_give_the_same_witnesses() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let forwards = signatures(&vault, &attempt, &[0, 1, 2]);
        let mut backwards = forwards.clone();
        backwards.reverse();
        backwards.extend(forwards.clone());
        let unsigned = &attempt.created.transaction;
        let first = finalize(unsigned, &attempt.coins, forwards).expect("three of three");
        let second = finalize(unsigned, &attempt.coins, backwards).expect("three of three");
        assert_eq!(first.witnesses, second.witnesses);
    }
}

#[test]
fn bad_signature_among_good_ones_is_set_aside_and_hurts_nobody() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let other = vault.attempt(1);
        let mut offered = signatures(&vault, &attempt, &[0, 2]);
        let mut garbage = signatures(&vault, &attempt, &[1]);
        for signature in &mut garbage {
            if let Some(byte) = signature.bytes.get_mut(20) {
                *byte ^= 1;
            }
        }
        let foreign = signatures(&vault, &other, &[1]);
        let mut misplaced = signatures(&vault, &attempt, &[1]);
        for signature in &mut misplaced {
            signature.input += 2;
        }
        let mut truncated = signatures(&vault, &attempt, &[1]);
        for signature in &mut truncated {
            signature.bytes.truncate(7);
        }
        let bad: Vec<InputSignature> = [garbage, foreign, misplaced, truncated].concat();
        let count = bad.len();
        offered.splice(1..1, bad);
        let finalized = finalize(&attempt.created.transaction, &attempt.coins, offered)
            .expect("two of three hold");
        assert_eq!(finalized.set_aside.len(), count);
        let reasons: Vec<BadSignature> = finalized
            .set_aside
            .iter()
            .map(|(_, reason)| *reason)
            .collect();
        assert!(
            reasons.contains(&BadSignature::Wrong) && reasons.contains(&BadSignature::Malformed),
            "{reasons:?}"
        );
        assert!(reasons.contains(&BadSignature::NoSuchInput), "{reasons:?}");
    }
}

#[test]
fn signature_over_less_than_everything_does_not_count() {
    for (kind, sighash_byte) in [(Kind::Wsh, 0x03), (Kind::Tr, 0x83)] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let mut offered = signatures(&vault, &attempt, &[0, 1]);
        let changed = offered.last_mut().expect("two");
        match kind {
            Kind::Tr => changed.bytes.push(sighash_byte),
            Kind::Wsh | Kind::SortedMulti | Kind::Wpkh => {
                *changed.bytes.last_mut().expect("bytes") = sighash_byte;
            }
        }
        offered.extend(signatures(&vault, &attempt, &[2]));
        let finalized = finalize(&attempt.created.transaction, &attempt.coins, offered)
            .expect("two of three hold");
        let reasons: Vec<BadSignature> = finalized
            .set_aside
            .iter()
            .map(|(_, reason)| *reason)
            .collect();
        assert_eq!(reasons, [BadSignature::SighashType]);
    }
}

#[test]
fn recovery_path_is_never_taken_and_its_key_does_not_count() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let offered = signatures(&vault, &attempt, &[0, 3]);
        let error =
            finalize(&attempt.created.transaction, &attempt.coins, offered).expect_err("no quorum");
        assert!(
            matches!(
                error,
                FinalizerError::TooFewSignatures { input: 0, valid: 2 }
            ),
            "{error}"
        );
    }
}

#[test]
fn too_few_signatures_name_the_input() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(3);
    let mut offered = signatures(&vault, &attempt, &[0, 1]);
    let second = offered
        .iter()
        .rposition(|signature| signature.input == 1)
        .expect("signed");
    offered.remove(second);
    let error =
        finalize(&attempt.created.transaction, &attempt.coins, offered).expect_err("no quorum");
    assert!(
        matches!(
            error,
            FinalizerError::TooFewSignatures { input: 1, valid: 1 }
        ),
        "{error}"
    );
}

#[test]
fn coins_of_another_transaction_are_refused() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(2);
    let unsigned = &attempt.created.transaction;
    let error = finalize(unsigned, &attempt.coins[..1], []).expect_err("one coin is missing");
    assert!(
        matches!(
            error,
            FinalizerError::OtherCoins {
                inputs: 2,
                coins: 1
            }
        ),
        "{error}"
    );
    let mut coins = attempt.coins.clone();
    coins.reverse();
    let error = finalize(unsigned, &coins, []).expect_err("wrong order");
    assert!(
        matches!(error, FinalizerError::OtherCoin { input: 0, .. }),
        "{error}"
    );
    let mut coins = attempt.coins.clone();
    if let Some(coin) = coins.last_mut() {
        coin.prevout.script_pubkey = ScriptBuf::new();
    }
    let error = finalize(unsigned, &coins, []).expect_err("foreign script");
    assert!(
        matches!(error, FinalizerError::ForeignScript { input: 1 }),
        "{error}"
    );
}

#[test]
fn interpreter_refuses_what_is_not_signed_by_a_quorum() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let unsigned = &attempt.created.transaction;
        let finalized = finalize(
            unsigned,
            &attempt.coins,
            signatures(&vault, &attempt, &[0, 1]),
        )
        .expect("two of three");
        let prevouts = prevouts(&attempt);
        let [first, second] = &finalized.witnesses[..] else {
            panic!("two inputs")
        };
        let mut checker = Checker::new(unsigned, &prevouts);
        checker.check(0, first).expect("its own witness");
        assert!(
            matches!(checker.check(0, second), Err(WitnessError::Invalid(_))),
            "witness of another input"
        );
        assert!(matches!(
            checker.check(2, first),
            Err(WitnessError::NoSuchInput)
        ));
        assert!(checker.check(0, &Witness::new()).is_err(), "no witness");
        let mut items = first.to_vec();
        let signature = items
            .iter_mut()
            .find(|item| item.len() >= 64)
            .expect("a signature");
        if let Some(byte) = signature.get_mut(10) {
            *byte ^= 1;
        }
        assert!(
            checker.check(0, &Witness::from_slice(&items)).is_err(),
            "garbage instead of a signature"
        );
        let mut changed = unsigned.clone();
        changed.output.reverse();
        assert!(
            Checker::new(&changed, &prevouts).check(0, first).is_err(),
            "other outputs"
        );
    }
}

#[test]
fn interpreter_refuses_a_recovery_path() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let mut attempt = vault.attempt(1);
        for txin in &mut attempt.created.transaction.input {
            txin.sequence = bitcoin::Sequence(12960);
        }
        let unsigned = &attempt.created.transaction;
        let [signature] = &signatures(&vault, &attempt, &[3])[..] else {
            panic!("one input")
        };
        let script = attempt.coins[0]
            .derived
            .definite
            .derived_descriptor(&*super::SECP);
        let (items, _) = script
            .get_satisfaction(Mature(signature.clone()))
            .expect("mature");
        let witness = Witness::from_slice(&items);
        let prevouts = prevouts(&attempt);
        let result = Checker::new(unsigned, &prevouts).check(0, &witness);
        assert!(
            matches!(result, Err(WitnessError::NotOrdinary)),
            "{result:?}"
        );
    }
}

/// Offers one signature and a matured timelock.
struct Mature(InputSignature);

impl miniscript::Satisfier<bitcoin::PublicKey> for Mature {
    fn lookup_ecdsa_sig(&self, key: &bitcoin::PublicKey) -> Option<bitcoin::ecdsa::Signature> {
        let own = self.0.key == SignatureKey::Ecdsa(*key);
        own.then(|| bitcoin::ecdsa::Signature::from_slice(&self.0.bytes).expect("a signature"))
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &bitcoin::PublicKey,
        leaf: &bitcoin::TapLeafHash,
    ) -> Option<bitcoin::taproot::Signature> {
        let own = self.0.key == SignatureKey::TapLeaf(key.inner.x_only_public_key().0, *leaf);
        own.then(|| bitcoin::taproot::Signature::from_slice(&self.0.bytes).expect("a signature"))
    }

    fn check_older(&self, _: bitcoin::relative::LockTime) -> bool {
        true
    }
}

#[test]
fn extractor_refuses_another_transaction() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(1);
    let unsigned = &attempt.created.transaction;
    let mut finalized = finalize(
        unsigned,
        &attempt.coins,
        signatures(&vault, &attempt, &[0, 1]),
    )
    .expect("two of three");
    let mut other = unsigned.clone();
    other.output.truncate(1);
    let issued = unsigned.compute_txid();
    assert!(matches!(
        extract(&other, &finalized, issued),
        Err(ExtractorError::OtherTransaction { .. })
    ));
    finalized.witnesses = vec![Witness::new()];
    assert_eq!(
        extract(unsigned, &finalized, issued),
        Err(ExtractorError::EmptyWitness { input: 0 })
    );
    finalized.witnesses.clear();
    assert_eq!(
        extract(unsigned, &finalized, issued),
        Err(ExtractorError::OtherWitnesses {
            inputs: 1,
            witnesses: 0
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn quorum_finalizes_however_signatures_come_and_whatever_comes_with_them(
        taproot in any::<bool>(),
        pairing in 0_usize..3,
        split in 0_usize..4,
        junk in prop::collection::vec((0_usize..3, prop::collection::vec(any::<u8>(), 0..80)), 0..6),
    ) {
        let vault = Vault::new(if taproot { Kind::Tr } else { Kind::Wsh });
        let attempt = vault.attempt(2);
        let unsigned = &attempt.created.transaction;
        let good = signatures(&vault, &attempt, &PAIRINGS[pairing]);
        let key = good[0].key;
        let (left, right) = good.split_at(split);
        let combined = right.iter().cloned().collect::<Combined>().combine(left.iter().cloned().collect());
        let mut offered: Vec<InputSignature> = combined.iter().collect();
        for (place, (input, bytes)) in junk.into_iter().enumerate() {
            offered.insert(place.min(offered.len()), InputSignature { input, key, bytes });
        }
        let finalized = finalize(unsigned, &attempt.coins, offered);
        let clean = finalize(unsigned, &attempt.coins, good).expect("two of three");
        prop_assert_eq!(finalized.expect("two of three hold").witnesses, clean.witnesses);
    }
}
