//! Witnesses of ordinary paths from verified signatures.
//!
//! No timelock and no hash lock is ever offered, so that no recovery path is taken. Miniscript
//! chooses the lightest satisfaction that nobody else can alter; equal signatures give equal bytes.

use std::collections::BTreeMap;

use bitcoin::{PublicKey, TapLeafHash, Witness, ecdsa, taproot};
use miniscript::{Descriptor, Satisfier, ToPublicKey as _};
use policies::psbt::{SignatureBytes, SignatureKey, SignatureSet};

/// The verified signatures of one input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offered {
    signatures: BTreeMap<SignatureKey, SignatureBytes>,
}

impl Offered {
    /// Sorts verified signatures by the input that they are for.
    pub(crate) fn by_input(signatures: &SignatureSet, inputs: usize) -> Vec<Self> {
        let mut offered = vec![Self::default(); inputs];
        for signature in signatures.iter() {
            if let Some(place) = offered.get_mut(signature.input()) {
                place
                    .signatures
                    .insert(signature.key(), *signature.signature());
            }
        }
        offered
    }

    /// The number of signatures.
    pub(crate) fn len(&self) -> usize {
        self.signatures.len()
    }

    /// The places that are signed.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &SignatureKey> {
        self.signatures.keys()
    }

    /// The lightest witness of an ordinary path, if the signatures reach one.
    pub(crate) fn satisfy(&self, script: &Descriptor<PublicKey>) -> Option<Witness> {
        let (stack, script_sig) = script.get_satisfaction(self).ok()?;
        script_sig.is_empty().then(|| Witness::from_slice(&stack))
    }

    fn taproot(&self, key: SignatureKey) -> Option<taproot::Signature> {
        match self.signatures.get(&key)? {
            SignatureBytes::Taproot(signature) => Some(*signature),
            SignatureBytes::Ecdsa(_) => None,
        }
    }
}

impl Satisfier<PublicKey> for &Offered {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<ecdsa::Signature> {
        match self.signatures.get(&SignatureKey::Ecdsa(*key))? {
            SignatureBytes::Ecdsa(signature) => Some(*signature),
            SignatureBytes::Taproot(_) => None,
        }
    }

    fn lookup_tap_key_spend_sig(&self, _internal: &PublicKey) -> Option<taproot::Signature> {
        self.taproot(SignatureKey::TapKey)
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &PublicKey,
        leaf: &TapLeafHash,
    ) -> Option<taproot::Signature> {
        self.taproot(SignatureKey::TapLeaf(key.to_x_only_pubkey(), *leaf))
    }
}
