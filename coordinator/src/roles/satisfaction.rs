//! Witnesses of ordinary paths from verified signatures.
//!
//! No timelock and no hash lock is ever offered, so that no recovery path is taken. Miniscript
//! chooses the lightest satisfaction that nobody else can alter; equal signatures give equal bytes.

use std::collections::BTreeMap;

use bitcoin::{PublicKey, TapLeafHash, Witness, XOnlyPublicKey, ecdsa, taproot};
use miniscript::{Descriptor, Satisfier, ToPublicKey as _};

use super::signature::Verified;

/// The verified signatures of one input, one a key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offered {
    ecdsa: BTreeMap<PublicKey, ecdsa::Signature>,
    leaves: BTreeMap<(XOnlyPublicKey, TapLeafHash), taproot::Signature>,
    key: Option<taproot::Signature>,
}

impl Offered {
    /// Adds a signature; of two by one key the shorter stays, or the smaller where both are as long.
    pub(crate) fn add(&mut self, signature: Verified) {
        match signature {
            Verified::Ecdsa(key, signature) => {
                let kept = self.ecdsa.entry(key).or_insert(signature);
                if rank(signature.to_vec()) < rank(kept.to_vec()) {
                    *kept = signature;
                }
            }
            Verified::TapLeaf(key, leaf, signature) => {
                let kept = self.leaves.entry((key, leaf)).or_insert(signature);
                if rank(signature.to_vec()) < rank(kept.to_vec()) {
                    *kept = signature;
                }
            }
            Verified::TapKey(signature) => {
                let kept = self.key.get_or_insert(signature);
                if rank(signature.to_vec()) < rank(kept.to_vec()) {
                    *kept = signature;
                }
            }
        }
    }

    /// The lightest witness of an ordinary path, if the signatures reach one.
    pub(crate) fn satisfy(&self, script: &Descriptor<PublicKey>) -> Option<Witness> {
        let (stack, script_sig) = script.get_satisfaction(self).ok()?;
        script_sig.is_empty().then(|| Witness::from_slice(&stack))
    }
}

/// Orders signatures by what they cost, then by their bytes.
fn rank(bytes: Vec<u8>) -> (usize, Vec<u8>) {
    (bytes.len(), bytes)
}

impl Satisfier<PublicKey> for &Offered {
    fn lookup_ecdsa_sig(&self, key: &PublicKey) -> Option<ecdsa::Signature> {
        self.ecdsa.get(key).copied()
    }

    fn lookup_tap_key_spend_sig(&self, _internal: &PublicKey) -> Option<taproot::Signature> {
        self.key
    }

    fn lookup_tap_leaf_script_sig(
        &self,
        key: &PublicKey,
        leaf: &TapLeafHash,
    ) -> Option<taproot::Signature> {
        self.leaves.get(&(key.to_x_only_pubkey(), *leaf)).copied()
    }
}
