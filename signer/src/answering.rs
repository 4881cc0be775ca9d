//! Taking over what a device signed that no wire joins: its answer in, our signatures out.
//!
//! Pure. The device protects the key; what it may sign was reviewed and journalled here before. Invariant:
//! nothing is taken but signatures of this signer's own key, each verified alone over the transaction that the
//! review rebuilt (BIP 143, BIP 341) with sighash ALL or DEFAULT; what is wrong hurts no other.

use crate::signing::InputSignatures;
use bitcoin::bip32::Xpub;
use bitcoin::{Transaction, TxOut, XOnlyPublicKey};
use miniscript::descriptor::{DefiniteDescriptorKey, Descriptor, DescriptorPublicKey};
use miniscript::{ForEachKey, ToPublicKey};
use policies::DerivedScript;
use policies::psbt::{
    BadSignature, Intake, Issued, OtherTransaction, SignatureBytes, SignatureKey, SignatureSet,
    take_signatures,
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
        .map(|derived| places_of(&derived.definite, account))
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
                Err(bad) if refused.contains(&bad) => {}
                Err(bad) => refused.push(bad),
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

/// Where the account's keys sign in one script.
fn places_of(script: &Descriptor<DefiniteDescriptorKey>, account: &Xpub) -> BTreeSet<SignatureKey> {
    let is_own = |key: &DefiniteDescriptorKey| match key.as_descriptor_public_key() {
        DescriptorPublicKey::XPub(xpub) => xpub.xkey == *account,
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::MultiXPub(_) => false,
    };
    let mut places = BTreeSet::new();
    match script {
        Descriptor::Tr(tr) => {
            if is_own(tr.internal_key()) {
                places.insert(SignatureKey::TapKey);
            }
            for leaf in tr.spend_info().leaves() {
                for key in leaf.miniscript().iter_pk().filter(is_own) {
                    let key: XOnlyPublicKey = key.to_x_only_pubkey();
                    places.insert(SignatureKey::TapLeaf(key, leaf.leaf_hash()));
                }
            }
        }
        Descriptor::Wsh(_) | Descriptor::Wpkh(_) => {
            script.for_each_key(|key| {
                if is_own(key) {
                    places.insert(SignatureKey::Ecdsa(key.to_public_key()));
                }
                true
            });
        }
        Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => {}
    }
    places
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
