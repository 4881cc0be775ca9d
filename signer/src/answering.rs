//! Taking over what a device signed that no wire joins: its answer in, our signatures out.
//!
//! Pure. The device protects the key; what it may sign was reviewed and journalled here before. Invariant:
//! nothing is taken but signatures of this signer's own key, each verified alone over the transaction that the
//! review rebuilt (BIP 143, BIP 341) with sighash ALL or DEFAULT; what is wrong hurts no other.

use crate::signing::InputSignatures;
use bitcoin::bip32::Xpub;
use bitcoin::{Transaction, TxOut};
use policies::DerivedScript;
use policies::psbt::{
    BadSignature, Intake, Issued, OtherTransaction, SignatureBytes, SignatureKey, SignatureSet,
    places_of, remember, take_signatures,
};
use policies::review::ReviewedInput;
use std::collections::BTreeSet;

/// What a device's answers hold for this signer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Our signatures, input by input.
    pub signatures: Vec<InputSignatures>,
    /// The inputs that our key signs and did not.
    pub missing: Vec<usize>,
    /// Signatures of others that hold; they are the coordinator's to take.
    pub others: usize,
    /// What is no signature, or not over this; each with its input and reason.
    pub refused: Vec<BadSignature>,
}

impl Taken {
    /// How many of our signatures there are.
    pub fn count(&self) -> usize {
        self.signatures.iter().map(InputSignatures::count).sum()
    }
}

/// Takes our signatures out of the answers to one transaction, whatever else is in them.
///
/// # Errors
/// [`OtherTransaction`] when an answer is to another transaction; then nothing is taken.
pub fn take(
    transaction: &Transaction,
    inputs: &[ReviewedInput],
    account: &Xpub,
    answers: &[Intake],
) -> Result<Taken, OtherTransaction> {
    let previous_outputs: Vec<TxOut> = inputs.iter().map(|one| one.previous.clone()).collect();
    let scripts: Vec<DerivedScript> = inputs.iter().map(|one| one.derived.clone()).collect();
    let issued = Issued {
        transaction,
        previous_outputs: &previous_outputs,
        scripts: &scripts,
    };
    let places: Vec<BTreeSet<SignatureKey>> = scripts
        .iter()
        .map(|derived| places_of(derived, account))
        .collect();
    let mut ours = SignatureSet::new();
    let mut others = SignatureSet::new();
    let mut refused = Vec::new();
    for answer in answers {
        for taken in take_signatures(&issued, answer)? {
            match taken {
                Ok(verified) => {
                    let own = places.get(verified.input());
                    if own.is_some_and(|own| own.contains(&verified.key())) {
                        ours.insert(verified);
                    } else {
                        others.insert(verified);
                    }
                }
                Err(bad) => remember(&mut refused, bad),
            }
        }
    }
    let signatures = by_input(&ours, inputs.len());
    let unsigned = signatures.iter().zip(&places).enumerate();
    let missing = unsigned
        .filter(|(_, (signed, places))| signed.count() == 0 && !places.is_empty())
        .map(|(input, _)| input)
        .collect();
    Ok(Taken {
        signatures,
        missing,
        others: others.len(),
        refused,
    })
}

fn by_input(set: &SignatureSet, inputs: usize) -> Vec<InputSignatures> {
    let mut signatures = vec![InputSignatures::default(); inputs];
    for verified in set.iter() {
        let Some(input) = signatures.get_mut(verified.input()) else {
            continue;
        };
        match (verified.key(), *verified.signature()) {
            (SignatureKey::Ecdsa(key), SignatureBytes::Ecdsa(signature)) => {
                input.ecdsa.insert(key, signature);
            }
            (SignatureKey::TapLeaf(key, leaf), SignatureBytes::Taproot(signature)) => {
                input.tap_leaves.insert((key, leaf), signature);
            }
            (SignatureKey::TapKey, SignatureBytes::Taproot(signature)) => {
                input.tap_key = Some(signature);
            }
            (SignatureKey::Ecdsa(_), SignatureBytes::Taproot(_))
            | (SignatureKey::TapLeaf(..) | SignatureKey::TapKey, SignatureBytes::Ecdsa(_)) => {
                unreachable!("a verified signature is of the kind of its place")
            }
        }
    }
    signatures
}
