//! Recovery paths: taken by a transaction whose sequences demand the age, and by no other.

use bitcoin::{Sequence, Witness};
use policies::psbt::OfferedSignature;

use super::{
    consensus::{self, ConsensusError},
    extractor::{ExtractorError, extract},
    finalizer::{Finalized, FinalizerError, finalize},
    fixture::{Attempt, Kind, Vault},
    issued::IssuedTransaction,
};

/// An attempt over the same coins whose inputs demand an age.
fn aged(attempt: &Attempt, sequences: &[u32]) -> IssuedTransaction {
    let mut unsigned = attempt.issued.unsigned().clone();
    for (txin, sequence) in unsigned.input.iter_mut().zip(sequences) {
        txin.sequence = Sequence(*sequence);
    }
    IssuedTransaction::new(unsigned, &attempt.coins).expect("its coins")
}

fn finalized(
    vault: &Vault,
    issued: &IssuedTransaction,
    signers: &[usize],
) -> Result<Finalized, FinalizerError> {
    let signatures: Vec<OfferedSignature> = signers
        .iter()
        .flat_map(|signer| vault.sign(*signer, issued))
        .collect();
    finalize(issued, signatures)
}

#[test]
fn the_recovery_key_alone_finalizes_a_transaction_that_demands_the_age() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        for sequences in [[12960, 12960], [12960, 20000]] {
            let issued = aged(&attempt, &sequences);
            let done = finalized(&vault, &issued, &[3]).expect("its age is demanded");
            let transaction = extract(&issued, &done).expect("valid by consensus");
            assert_eq!(transaction.compute_txid(), issued.txid());
        }
    }
}

#[test]
fn the_recovery_key_finalizes_nothing_where_an_input_demands_less() {
    let by_time = Sequence::from_512_second_intervals(u16::MAX).0;
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        for second in [
            0,
            12959,
            by_time,
            0xffff_fffd,
            0xffff_ffff,
            0x8000_0000 + 12960,
        ] {
            let issued = aged(&attempt, &[12960, second]);
            let error = finalized(&vault, &issued, &[3]).expect_err("no path");
            assert!(
                matches!(
                    error,
                    FinalizerError::TooFewSignatures { input: 1, valid: 1 }
                ),
                "{error}"
            );
        }
    }
}

#[test]
fn sequences_of_a_transaction_of_version_1_demand_no_age() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let mut unsigned = aged(&attempt, &[12960]).unsigned().clone();
        unsigned.version = bitcoin::transaction::Version::ONE;
        let issued = IssuedTransaction::new(unsigned, &attempt.coins).expect("its coins");
        assert!(finalized(&vault, &issued, &[3]).is_err());
    }
}

#[test]
fn ordinary_signers_finalize_a_transaction_that_demands_an_age_too() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let issued = aged(&attempt, &[12960]);
        let done = finalized(&vault, &issued, &[0, 2]).expect("two of three");
        extract(&issued, &done).expect("valid by consensus");
    }
}

/// The witness of an attempt, with one byte of each signature in turn changed.
#[test]
fn consensus_refuses_a_garbage_signature_in_every_kind_of_script() {
    for kind in [Kind::Wsh, Kind::SortedMulti, Kind::Tr, Kind::Wpkh] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(2);
        let signers: &[usize] = if kind == Kind::Wpkh { &[0] } else { &[0, 1] };
        let good = finalized(&vault, &attempt.issued, signers).expect("a quorum");
        extract(&attempt.issued, &good).expect("valid by consensus");
        let elements = good.witnesses.last().expect("two").to_vec();
        // All but script and control block, or all but the key.
        let signatures = elements.iter().take_while(|element| element.len() < 73);
        for place in 0..signatures.count() {
            if elements[place].len() < 64 {
                continue;
            }
            let mut garbage = elements.clone();
            garbage[place][40] ^= 1;
            let mut bad = good.clone();
            bad.witnesses[1] = Witness::from_slice(&garbage);
            let refused = extract(&attempt.issued, &bad);
            assert!(
                matches!(
                    refused,
                    Err(ExtractorError::Consensus(ConsensusError::Invalid {
                        input: 1,
                        ..
                    }))
                ),
                "{kind:?} {place}: {refused:?}"
            );
        }
    }
}

#[test]
fn consensus_knows_the_amount_and_the_age() {
    for kind in [Kind::Wsh, Kind::Tr] {
        let vault = Vault::new(kind);
        let attempt = vault.attempt(1);
        let issued = aged(&attempt, &[12960]);
        let done = finalized(&vault, &issued, &[3]).expect("its age is demanded");
        let transaction = extract(&issued, &done).expect("valid by consensus");
        let mut outputs = issued.previous_outputs().to_vec();
        outputs[0].value -= bitcoin::Amount::ONE_SAT;
        assert!(consensus::verify(&transaction, &outputs).is_err());
        let mut younger = transaction.clone();
        younger.input[0].sequence = Sequence(12959);
        assert!(consensus::verify(&younger, issued.previous_outputs()).is_err());
        assert_eq!(
            consensus::verify(&transaction, &[]),
            Err(ConsensusError::OtherOutputs {
                inputs: 1,
                outputs: 0
            })
        );
    }
}
