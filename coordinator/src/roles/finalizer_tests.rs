//! From unsigned transaction to what the network accepts, for both script kinds and every pairing.

use bitcoin::{Weight, Witness};
use policies::psbt::{BadReason, OfferedSignature, OfferedSlot, SignatureKey, SignatureSet};
use policies::witness::{AllowedPaths, WitnessChecker, WitnessError};
use proptest::prelude::*;

use super::{
    combiner::combine,
    extractor::{ExtractorError, extract},
    finalizer::{FinalizerError, finalize},
    fixture::{Attempt, Kind, Vault},
    issued::{IssuedTransaction, offer_again},
};

const PAIRINGS: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];

fn signatures(vault: &Vault, attempt: &Attempt, signers: &[usize]) -> Vec<OfferedSignature> {
    signers
        .iter()
        .flat_map(|signer| vault.sign(*signer, &attempt.issued))
        .collect()
}

#[test]
fn every_pairing_of_both_script_kinds_finalizes_to_a_valid_transaction() {
    for kind in [Kind::Wsh, Kind::Tr, Kind::SortedMulti] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(3);
        let issued = attempt.issued.txid();
        for pairing in PAIRINGS {
            let finalized = finalize(&attempt.issued, signatures(&vault, &attempt, &pairing))
                .expect("two of three");
            assert!(finalized.set_aside.is_empty());
            let transaction = extract(&attempt.issued, &finalized).expect("the same transaction");
            assert_eq!(transaction.compute_txid(), issued);
            let mut checker = WitnessChecker::new(
                &transaction,
                attempt.issued.previous_outputs(),
                AllowedPaths::WithRecovery,
            );
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
    let finalized = finalize(&attempt.issued, signatures(&vault, &attempt, &[0]));
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
        let first = finalize(&attempt.issued, forwards).expect("three of three");
        let second = finalize(&attempt.issued, backwards).expect("three of three");
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
            signature.bytes.drain(5..8);
        }
        let bad: Vec<OfferedSignature> = [garbage, foreign, misplaced, truncated].concat();
        let count = bad.len();
        offered.splice(1..1, bad);
        let finalized = finalize(&attempt.issued, offered).expect("two of three hold");
        assert_eq!(finalized.set_aside.len(), count);
        let reasons: Vec<BadReason> = finalized.set_aside.iter().map(|bad| bad.reason).collect();
        assert!(
            reasons.contains(&BadReason::Wrong) && reasons.contains(&BadReason::Encoding),
            "{reasons:?}"
        );
        assert!(reasons.contains(&BadReason::NoSuchInput), "{reasons:?}");
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
        let finalized = finalize(&attempt.issued, offered).expect("two of three hold");
        let reasons: Vec<BadReason> = finalized.set_aside.iter().map(|bad| bad.reason).collect();
        assert_eq!(
            reasons,
            [BadReason::Sighash {
                found: sighash_byte
            }]
        );
    }
}

#[test]
fn recovery_path_is_never_taken_and_its_key_does_not_count() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let offered = signatures(&vault, &attempt, &[0, 3]);
        let error = finalize(&attempt.issued, offered).expect_err("no quorum");
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
    let error = finalize(&attempt.issued, offered).expect_err("no quorum");
    assert!(
        matches!(
            error,
            FinalizerError::TooFewSignatures { input: 1, valid: 1 }
        ),
        "{error}"
    );
}

#[test]
fn interpreter_refuses_what_is_not_signed_by_a_quorum() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let unsigned = attempt.issued.unsigned();
        let prevouts = attempt.issued.previous_outputs();
        let finalized =
            finalize(&attempt.issued, signatures(&vault, &attempt, &[0, 1])).expect("two of three");
        let [first, second] = &finalized.witnesses[..] else {
            panic!("two inputs")
        };
        let mut checker = WitnessChecker::new(unsigned, prevouts, AllowedPaths::WithRecovery);
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
            WitnessChecker::new(&changed, prevouts, AllowedPaths::WithRecovery)
                .check(0, first)
                .is_err(),
            "other outputs"
        );
    }
}

#[test]
fn interpreter_refuses_a_recovery_path_of_a_transaction_that_was_not_made_for_it() {
    for (kind, sequence) in [
        (Kind::Wsh, bitcoin::Sequence(12959)),
        (Kind::Tr, bitcoin::Sequence(12959)),
        (Kind::Wsh, bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME),
        (Kind::Tr, bitcoin::Sequence::ENABLE_RBF_NO_LOCKTIME),
    ] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let mut unsigned = attempt.issued.unsigned().clone();
        for txin in &mut unsigned.input {
            txin.sequence = sequence;
        }
        let issued = IssuedTransaction::new(unsigned, &attempt.coins).expect("its coins");
        let [signature] = &vault.sign(3, &issued)[..] else {
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
        let result = WitnessChecker::new(
            issued.unsigned(),
            issued.previous_outputs(),
            AllowedPaths::WithRecovery,
        )
        .check(0, &witness);
        assert!(
            matches!(result, Err(WitnessError::Invalid(_))),
            "{result:?}"
        );
    }
}

/// Offers one signature and a matured timelock.
struct Mature(OfferedSignature);

impl miniscript::Satisfier<bitcoin::PublicKey> for Mature {
    fn lookup_ecdsa_sig(&self, key: &bitcoin::PublicKey) -> Option<bitcoin::ecdsa::Signature> {
        let own = self.0.slot == OfferedSlot::Place(SignatureKey::Ecdsa(*key));
        own.then(|| bitcoin::ecdsa::Signature::from_slice(&self.0.bytes).expect("a signature"))
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &bitcoin::PublicKey,
        leaf: &bitcoin::TapLeafHash,
    ) -> Option<bitcoin::taproot::Signature> {
        let place = SignatureKey::TapLeaf(key.inner.x_only_public_key().0, *leaf);
        let own = self.0.slot == OfferedSlot::Place(place);
        own.then(|| bitcoin::taproot::Signature::from_slice(&self.0.bytes).expect("a signature"))
    }

    fn check_older(&self, _: bitcoin::relative::LockTime) -> bool {
        true
    }
}

#[test]
fn extractor_refuses_witnesses_that_are_missing() {
    let vault = Vault::new(Kind::Wsh);
    let attempt = vault.attempt(1);
    let mut finalized =
        finalize(&attempt.issued, signatures(&vault, &attempt, &[0, 1])).expect("two of three");
    finalized.witnesses = vec![Witness::new()];
    assert_eq!(
        extract(&attempt.issued, &finalized),
        Err(ExtractorError::EmptyWitness { input: 0 })
    );
    finalized.witnesses.clear();
    let refused = extract(&attempt.issued, &finalized);
    assert_eq!(
        refused,
        Err(ExtractorError::OtherWitnesses {
            inputs: 1,
            witnesses: 0
        })
    );
}

/// A union of the parts, in the order given.
fn united(attempt: &Attempt, parts: &[&[OfferedSignature]]) -> SignatureSet {
    parts.iter().fold(SignatureSet::new(), |set, part| {
        let intake = attempt.issued.offer(part.iter().cloned());
        combine(&attempt.issued, set, &intake)
            .expect("the issued transaction")
            .signatures
    })
}

#[test]
fn signatures_of_another_transaction_are_refused_as_a_whole() {
    let vault = Vault::new(Kind::Wsh);
    let (attempt, other) = (vault.attempt(2), vault.attempt(1));
    let intake = other.issued.offer(signatures(&vault, &other, &[0]));
    let refused =
        combine(&attempt.issued, SignatureSet::new(), &intake).expect_err("another transaction");
    assert_eq!(
        (refused.expected, refused.found),
        (attempt.issued.txid(), other.issued.txid())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn combining_is_commutative_associative_and_idempotent(
        taproot in any::<bool>(),
        chosen in prop::collection::vec(0_u8..8, 6),
    ) {
        let vault = Vault::new(if taproot { Kind::Tr } else { Kind::Wsh });
        let attempt = vault.attempt(2);
        let all = signatures(&vault, &attempt, &[0, 1, 2]);
        let part = |bit: u8| -> Vec<OfferedSignature> {
            all.iter().zip(&chosen).filter(|(_, bits)| (**bits >> bit) & 1 == 1).map(|(signature, _)| signature.clone()).collect()
        };
        let (a, b, c) = (&part(0)[..], &part(1)[..], &part(2)[..]);
        prop_assert_eq!(united(&attempt, &[a, b]), united(&attempt, &[b, a]));
        prop_assert_eq!(united(&attempt, &[a, b, c]), united(&attempt, &[a, &[b, c].concat()]));
        prop_assert_eq!(united(&attempt, &[a, a]), united(&attempt, &[a]));
        let intake = attempt.issued.offer(a.iter().cloned());
        let again = combine(&attempt.issued, united(&attempt, &[a, b]), &intake).expect("the issued transaction");
        prop_assert!(again.new.is_empty(), "nothing is new the second time");
    }

    #[test]
    fn quorum_finalizes_however_signatures_come_and_whatever_comes_with_them(
        taproot in any::<bool>(),
        pairing in 0_usize..3,
        split in 0_usize..4,
        junk in prop::collection::vec((0_usize..3, prop::collection::vec(any::<u8>(), 0..80)), 0..6),
    ) {
        let vault = Vault::new(if taproot { Kind::Tr } else { Kind::Wsh });
        let attempt = vault.attempt(2);
        let good = signatures(&vault, &attempt, &PAIRINGS[pairing]);
        let slot = good[0].slot.clone();
        let (left, right) = good.split_at(split);
        let mut offered: Vec<OfferedSignature> = united(&attempt, &[right, left]).iter().map(|kept| offer_again(&kept)).collect();
        for (place, (input, bytes)) in junk.into_iter().enumerate() {
            offered.insert(place.min(offered.len()), OfferedSignature { input, slot: slot.clone(), bytes });
        }
        let finalized = finalize(&attempt.issued, offered);
        let clean = finalize(&attempt.issued, good).expect("two of three");
        prop_assert_eq!(finalized.expect("two of three hold").witnesses, clean.witnesses);
    }
}
