//! Witnesses from verified signatures.
//!
//! Invariant: what the transaction's own sequence says is the truth on timelocks (BIP 68, 112), so
//! that a recovery path is taken by a transaction that was made for it and by no other; hash locks and
//! absolute locktimes are never offered. The lightest satisfaction that nobody else can alter is taken;
//! equal signatures give equal bytes. Miniscript alone does not find it: of more signatures than a
//! multisig needs it keeps the first, not the shortest.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bitcoin::{PublicKey, Sequence, TapLeafHash, Transaction, Witness, ecdsa, relative, taproot};
use miniscript::{Descriptor, Satisfier, ToPublicKey as _};
use policies::psbt::{SignatureBytes, SignatureKey, SignatureSet};

/// The verified signatures of one input, and the age that its coin must have.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    signatures: BTreeMap<SignatureKey, SignatureBytes>,
    age: Option<relative::LockTime>,
}

/// The most signatures of which every choice is tried.
const MAX_EXHAUSTED: usize = 6;

/// The age that an input demands of its coin; an ordinary one demands none.
pub(crate) fn demanded_age(
    transaction: &Transaction,
    sequence: Sequence,
) -> Option<relative::LockTime> {
    // Before version 2 sequences are no locktimes (BIP 68).
    let locks = transaction.version.0 >= 2;
    locks.then(|| sequence.to_relative_lock_time()).flatten()
}

impl Offered {
    /// Sorts verified signatures of a transaction by the input that they are for.
    pub(crate) fn by_input(signatures: &SignatureSet, transaction: &Transaction) -> Vec<Self> {
        let nothing = |txin: &bitcoin::TxIn| Self {
            signatures: BTreeMap::new(),
            age: demanded_age(transaction, txin.sequence),
        };
        let mut offered: Vec<Self> = transaction.input.iter().map(nothing).collect();
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

    /// Whether the signatures reach a path that the age allows.
    pub(crate) fn reaches(&self, script: &Descriptor<PublicKey>) -> bool {
        self.some_witness(script).is_some()
    }

    /// The lightest witness of a path that the age allows, if the signatures reach one.
    ///
    /// Every choice among up to [`MAX_EXHAUSTED`] signatures is tried; of more, the longest ones are
    /// left out first, as long as the witness does not grow. Of witnesses of one weight the one whose
    /// bytes are the least is taken.
    pub(crate) fn satisfy(&self, script: &Descriptor<PublicKey>) -> Option<Witness> {
        let all = self.some_witness(script)?;
        let order = |witness: &Witness| (witness.size(), witness.to_vec());
        if self.len() <= MAX_EXHAUSTED {
            let parts = (0_u32..1 << self.len()).filter_map(|chosen| {
                let places = self.signatures.iter().zip(0_u32..);
                let part = places.filter(|(_, place)| (chosen >> place) & 1 == 1);
                let part = part.map(|((key, signature), _)| (*key, *signature));
                self.with(part.collect()).some_witness(script)
            });
            return parts.min_by_key(order);
        }
        let mut longest: Vec<SignatureKey> = self.signatures.keys().copied().collect();
        longest.sort_by_key(|key| Reverse(self.signatures.get(key).map(|s| s.to_vec().len())));
        let (mut kept, mut best) = (self.clone(), all);
        for key in longest {
            let mut fewer = kept.signatures.clone();
            fewer.remove(&key);
            let fewer = kept.with(fewer);
            if let Some(witness) = fewer.some_witness(script)
                && witness.size() <= best.size()
            {
                (kept, best) = (fewer, witness);
            }
        }
        Some(best)
    }

    fn with(&self, signatures: BTreeMap<SignatureKey, SignatureBytes>) -> Self {
        Self {
            signatures,
            age: self.age,
        }
    }

    fn some_witness(&self, script: &Descriptor<PublicKey>) -> Option<Witness> {
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
    fn check_older(&self, lock: relative::LockTime) -> bool {
        // Blocks and times are not comparable: then it is not satisfied.
        self.age.is_some_and(|age| lock.is_implied_by(age))
    }

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
