//! The Combiner: the union of verified signatures (BIP 174).
//!
//! Combining is commutative, associative and idempotent: signatures may come in any order, any
//! number of times and by any way. Of two signatures by one key the shorter stays, or the smaller
//! where both are as long.

use std::collections::BTreeMap;

use super::signature::{InputSignature, SignatureKey};

/// Signatures, one for each input and key. Whoever adds one has verified it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Combined {
    signatures: BTreeMap<(usize, SignatureKey), Vec<u8>>,
}

impl Combined {
    /// Adds one signature; says whether it changed anything.
    pub fn add(&mut self, signature: InputSignature) -> bool {
        let InputSignature { input, key, bytes } = signature;
        match self.signatures.get_mut(&(input, key)) {
            Some(kept) if (kept.len(), &*kept) <= (bytes.len(), &bytes) => false,
            Some(kept) => {
                *kept = bytes;
                true
            }
            None => self.signatures.insert((input, key), bytes).is_none(),
        }
    }

    /// Unites two collections.
    #[must_use]
    pub fn combine(mut self, other: Self) -> Self {
        for ((input, key), bytes) in other.signatures {
            self.add(InputSignature { input, key, bytes });
        }
        self
    }

    /// All signatures, by input and key.
    pub fn iter(&self) -> impl Iterator<Item = InputSignature> + '_ {
        self.signatures
            .iter()
            .map(|((input, key), bytes)| InputSignature {
                input: *input,
                key: *key,
                bytes: bytes.clone(),
            })
    }

    /// Whether this key's signature for this input is there.
    pub fn contains(&self, input: usize, key: SignatureKey) -> bool {
        self.signatures.contains_key(&(input, key))
    }

    /// The number of signatures.
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }
}

impl Extend<InputSignature> for Combined {
    fn extend<I: IntoIterator<Item = InputSignature>>(&mut self, signatures: I) {
        for signature in signatures {
            self.add(signature);
        }
    }
}

impl FromIterator<InputSignature> for Combined {
    fn from_iter<I: IntoIterator<Item = InputSignature>>(signatures: I) -> Self {
        let mut combined = Self::default();
        combined.extend(signatures);
        combined
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::{TapLeafHash, XOnlyPublicKey, hashes::Hash as _};
    use proptest::prelude::*;

    use super::{Combined, InputSignature, SignatureKey};

    fn key(number: u8) -> SignatureKey {
        // The x coordinates of G and 2G.
        let points = [
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
        ];
        let point: XOnlyPublicKey = points[usize::from(number % 2)]
            .parse()
            .expect("on the curve");
        match number % 3 {
            0 => SignatureKey::TapKey,
            _ => SignatureKey::TapLeaf(point, TapLeafHash::from_byte_array([number / 4; 32])),
        }
    }

    prop_compose! {
        fn signature()(input in 0_usize..3, number in 0_u8..8, bytes in prop::collection::vec(0_u8..3, 1..4)) -> InputSignature {
            InputSignature { input, key: key(number), bytes }
        }
    }

    fn combined() -> impl Strategy<Value = Combined> {
        prop::collection::vec(signature(), 0..12).prop_map(Combined::from_iter)
    }

    proptest! {
        #[test]
        fn combining_is_commutative_associative_and_idempotent(a in combined(), b in combined(), c in combined()) {
            prop_assert_eq!(a.clone().combine(b.clone()), b.clone().combine(a.clone()));
            prop_assert_eq!(
                a.clone().combine(b.clone()).combine(c.clone()),
                a.clone().combine(b.combine(c))
            );
            prop_assert_eq!(a.clone().combine(a.clone()), a.clone());
            prop_assert_eq!(a.clone().combine(Combined::default()), a);
        }

        #[test]
        fn adding_says_whether_it_changed_anything(signatures in prop::collection::vec(signature(), 0..20)) {
            let mut combined = Combined::default();
            for signature in signatures {
                let before = combined.clone();
                prop_assert_eq!(combined.add(signature.clone()), combined != before);
                prop_assert!(!combined.add(signature));
            }
        }
    }
}
