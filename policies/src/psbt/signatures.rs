//! Verified signatures, and their combination as the union of sets.
//!
//! Invariant: a union is commutative, associative and idempotent. Two different valid signatures of
//! one key for one input count as one; the one with the smaller bytes is kept, whatever came first.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use bitcoin::psbt::Psbt;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{PublicKey, XOnlyPublicKey, ecdsa, taproot};

use crate::ids::{HexError, read_lower_hex, read_lower_hex_array, serde_as_text};

/// Where in an input's witness a signature belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureKey {
    /// ECDSA by this key, segwit version 0.
    Ecdsa(PublicKey),
    /// Schnorr by this key in this leaf.
    TapLeaf(XOnlyPublicKey, TapLeafHash),
    /// Schnorr by the output key.
    TapKey,
}

/// `ecdsa:<key>`, `leaf:<key>:<leaf hash>` or `key-path`.
impl fmt::Display for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(key) => write!(f, "ecdsa:{key}"),
            Self::TapLeaf(key, leaf) => {
                write!(f, "leaf:{key}:{}", leaf.as_byte_array().as_hex())
            }
            Self::TapKey => f.write_str("key-path"),
        }
    }
}

/// Why a text names no place of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureKeyError {
    /// It does not begin with a kind of signature.
    #[error("not ecdsa:<key>, leaf:<key>:<leaf hash> or key-path")]
    Kind,
    /// Its digits.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// Its key is no point of the curve.
    #[error("not a public key")]
    Key,
}

impl FromStr for SignatureKey {
    type Err = SignatureKeyError;

    fn from_str(text: &str) -> Result<Self, SignatureKeyError> {
        if text == "key-path" {
            return Ok(Self::TapKey);
        }
        let (kind, rest) = text.split_once(':').ok_or(SignatureKeyError::Kind)?;
        match (kind, rest.split_once(':')) {
            ("ecdsa", None) => PublicKey::from_slice(&read_lower_hex(rest)?)
                .map(Self::Ecdsa)
                .map_err(|_| SignatureKeyError::Key),
            ("leaf", Some((key, leaf))) => {
                let key: [u8; 32] = read_lower_hex_array(key)?;
                let leaf = TapLeafHash::from_byte_array(read_lower_hex_array(leaf)?);
                XOnlyPublicKey::from_slice(&key)
                    .map(|key| Self::TapLeaf(key, leaf))
                    .map_err(|_| SignatureKeyError::Key)
            }
            _ => Err(SignatureKeyError::Kind),
        }
    }
}

serde_as_text!(SignatureKey);

/// A signature as it stands in a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureBytes {
    /// DER and a sighash byte.
    Ecdsa(ecdsa::Signature),
    /// 64 bytes, and a sighash byte unless DEFAULT.
    Taproot(taproot::Signature),
}

impl SignatureBytes {
    /// Its bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(signature) => signature.to_vec(),
            Self::Taproot(signature) => signature.to_vec(),
        }
    }
}

/// A signature that was verified against our own sighash of the issued transaction.
///
/// Only [`super::take_signatures`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSignature {
    input: usize,
    key: SignatureKey,
    signature: SignatureBytes,
}

impl VerifiedSignature {
    pub(super) fn new(input: usize, key: SignatureKey, signature: SignatureBytes) -> Self {
        Self {
            input,
            key,
            signature,
        }
    }

    /// The input that it signs.
    pub const fn input(&self) -> usize {
        self.input
    }

    /// Its place in the witness.
    pub const fn key(&self) -> SignatureKey {
        self.key
    }

    /// The signature.
    pub const fn signature(&self) -> &SignatureBytes {
        &self.signature
    }
}

/// Verified signatures of one transaction, each place at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignatureSet {
    signatures: BTreeMap<(usize, SignatureKey), SignatureBytes>,
}

impl SignatureSet {
    /// No signatures.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one signature; of two for one place the one with the smaller bytes stays.
    pub fn insert(&mut self, verified: VerifiedSignature) {
        self.signatures
            .entry((verified.input, verified.key))
            .and_modify(|kept| {
                if verified.signature.to_vec() < kept.to_vec() {
                    *kept = verified.signature;
                }
            })
            .or_insert(verified.signature);
    }

    /// Adds all signatures of another set.
    pub fn union(&mut self, other: &Self) {
        self.extend(other.iter());
    }

    /// The signatures, by input and place.
    pub fn iter(&self) -> impl Iterator<Item = VerifiedSignature> {
        self.signatures
            .iter()
            .map(|((input, key), signature)| VerifiedSignature::new(*input, *key, *signature))
    }

    /// The number of signatures.
    pub fn len(&self) -> usize {
        self.signatures.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.signatures.is_empty()
    }

    /// Whether a place is signed.
    pub fn contains(&self, input: usize, key: &SignatureKey) -> bool {
        self.signatures.contains_key(&(input, *key))
    }

    /// Writes the signatures into the inputs of a PSBT of the same transaction.
    pub fn write_into(&self, psbt: &mut Psbt) {
        for ((input, key), signature) in &self.signatures {
            let Some(input) = psbt.inputs.get_mut(*input) else {
                continue;
            };
            match (key, signature) {
                (SignatureKey::Ecdsa(key), SignatureBytes::Ecdsa(signature)) => {
                    input.partial_sigs.insert(*key, *signature);
                }
                (SignatureKey::TapLeaf(key, leaf), SignatureBytes::Taproot(signature)) => {
                    input.tap_script_sigs.insert((*key, *leaf), *signature);
                }
                (SignatureKey::TapKey, SignatureBytes::Taproot(signature)) => {
                    input.tap_key_sig = Some(*signature);
                }
                (SignatureKey::Ecdsa(_), SignatureBytes::Taproot(_))
                | (SignatureKey::TapLeaf(..) | SignatureKey::TapKey, SignatureBytes::Ecdsa(_)) => {
                    unreachable!("a place takes the signatures of its own kind only")
                }
            }
        }
    }
}

impl Extend<VerifiedSignature> for SignatureSet {
    fn extend<I: IntoIterator<Item = VerifiedSignature>>(&mut self, signatures: I) {
        for signature in signatures {
            self.insert(signature);
        }
    }
}

impl FromIterator<VerifiedSignature> for SignatureSet {
    fn from_iter<I: IntoIterator<Item = VerifiedSignature>>(signatures: I) -> Self {
        let mut set = Self::new();
        set.extend(signatures);
        set
    }
}
