//! Public keys of requesters, approvers and journals, and their signatures (docs/formats.md F4).
//!
//! Invariant: a key has one record and one text; weak keys and keys of no curve point never exist as
//! a [`PublicKey`]. Ed25519 verification is strict (RFC 8032 without cofactor and small-order points).

use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use ed25519_dalek::VerifyingKey;

use crate::ids::{HexError, KeyId, read_lower_hex, read_lower_hex_array, serde_as_text};

/// The algorithm of a key; its number is the first byte of key records and signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519.
    Ed25519 = 1,
    /// A passkey with ECDSA over P-256.
    WebauthnEs256 = 2,
    /// A passkey with Ed25519.
    WebauthnEddsa = 3,
}

impl Algorithm {
    /// All algorithms of the format.
    pub const ALL: [Self; 3] = [Self::Ed25519, Self::WebauthnEs256, Self::WebauthnEddsa];

    /// The byte before keys and signatures.
    pub const fn to_byte(self) -> u8 {
        self as u8
    }

    /// The algorithm of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.to_byte() == byte)
    }

    /// The word before the colon of a key's text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::WebauthnEs256 => "webauthn-es256",
            Self::WebauthnEddsa => "webauthn-eddsa",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has no `algorithm:` before the key.
    #[error("a key is written as ed25519:<64 hex digits>")]
    NoAlgorithm,
    /// The algorithm is not known.
    #[error("unknown key algorithm")]
    UnknownAlgorithm,
    /// RSA keys are refused.
    #[error("RS256 keys are refused")]
    Rs256Refused,
    /// An algorithm of the format that this version does not verify.
    #[error("{algorithm} keys are not supported yet")]
    NotYet {
        /// Which one.
        algorithm: Algorithm,
    },
    /// The digits of the key.
    #[error("key: {0}")]
    Hex(#[from] HexError),
    /// A key record of another length.
    #[error("a key record of {found} bytes, expected {expected}")]
    RecordLength {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The bytes are no point of the curve, or not its canonical form.
    #[error("not a point of the curve")]
    NotAPoint,
    /// A point of small order, under which signatures prove nothing.
    #[error("a weak key")]
    Weak,
}

/// A public key; today Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    bytes: [u8; 32],
}

impl PublicKey {
    /// Takes the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: [u8; 32]) -> Result<Self, KeyError> {
        if !is_canonical_field_element(&bytes) {
            return Err(KeyError::NotAPoint);
        }
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self { bytes })
    }

    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    /// The key without its algorithm byte.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key record: algorithm byte ‖ key.
    pub fn record(&self) -> Vec<u8> {
        let mut record = vec![self.algorithm().to_byte()];
        record.extend_from_slice(&self.bytes);
        record
    }

    /// Reads a key record.
    pub fn from_record(record: &[u8]) -> Result<Self, KeyError> {
        let (byte, key) = record.split_first().ok_or(KeyError::RecordLength {
            found: 0,
            expected: 33,
        })?;
        match Algorithm::from_byte(*byte).ok_or(KeyError::UnknownAlgorithm)? {
            Algorithm::Ed25519 => {
                let bytes = <[u8; 32]>::try_from(key).map_err(|_| KeyError::RecordLength {
                    found: record.len(),
                    expected: 33,
                })?;
                Self::from_ed25519(bytes)
            }
            algorithm @ (Algorithm::WebauthnEs256 | Algorithm::WebauthnEddsa) => {
                Err(KeyError::NotYet { algorithm })
            }
        }
    }

    /// Its id: the SHA-256 of the record.
    pub fn id(&self) -> KeyId {
        KeyId::from_bytes(sha256::Hash::hash(&self.record()).to_byte_array())
    }

    /// Verifies a signature over a message of [`crate::hash::signing_message`].
    pub fn verify(&self, message: &[u8; 32], signature: &Signature) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(&self.bytes).map_err(|_| SignatureError::Wrong)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.bytes);
        key.verify_strict(message, &signature)
            .map_err(|_| SignatureError::Wrong)
    }
}

/// Whether the y coordinate is below p = 2^255 − 19, so that a point has one encoding.
fn is_canonical_field_element(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    !(last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *first >= 0xed)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.bytes.as_hex())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, digits) = text.split_once(':').ok_or(KeyError::NoAlgorithm)?;
        if matches!(name, "rs256" | "webauthn-rs256") {
            return Err(KeyError::Rs256Refused);
        }
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(KeyError::UnknownAlgorithm)?;
        match algorithm {
            Algorithm::Ed25519 => Self::from_ed25519(read_lower_hex_array(digits)?),
            Algorithm::WebauthnEs256 | Algorithm::WebauthnEddsa => {
                Err(KeyError::NotYet { algorithm })
            }
        }
    }
}

serde_as_text!(PublicKey);

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The algorithm byte is not known.
    #[error("a signature of an unknown algorithm")]
    UnknownAlgorithm,
    /// An algorithm of the format that this version does not verify.
    #[error("{algorithm} signatures are not supported yet")]
    NotYet {
        /// Which one.
        algorithm: Algorithm,
    },
    /// The bytes have another length.
    #[error("a signature of {found} bytes, expected {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The text of the signature.
    #[error("signature: {0}")]
    Hex(#[from] HexError),
    /// The signature names another key.
    #[error("signed by key {found}, expected {expected}")]
    OtherKey {
        /// The key named.
        found: KeyId,
        /// The key expected.
        expected: KeyId,
    },
    /// The signature is not the key's signature of this message.
    #[error("the signature is not the key's signature of this message")]
    Wrong,
}

/// A signature: algorithm byte ‖ 64 bytes; as text its lower hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    bytes: [u8; 64],
}

impl Signature {
    /// Bytes of an encoded Ed25519 signature.
    pub const ED25519_LENGTH: usize = 65;

    /// Takes the 64 bytes of an Ed25519 signature.
    pub const fn from_ed25519(bytes: [u8; 64]) -> Self {
        Self { bytes }
    }

    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    /// Its bytes: algorithm byte ‖ 64 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.algorithm().to_byte()];
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// Reads a signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, SignatureError> {
        let wrong_length = SignatureError::Length {
            found: bytes.len(),
            expected: Self::ED25519_LENGTH,
        };
        let (byte, signature) = bytes.split_first().ok_or(wrong_length)?;
        match Algorithm::from_byte(*byte).ok_or(SignatureError::UnknownAlgorithm)? {
            Algorithm::Ed25519 => <[u8; 64]>::try_from(signature)
                .map(|bytes| Self { bytes })
                .map_err(|_| wrong_length),
            algorithm @ (Algorithm::WebauthnEs256 | Algorithm::WebauthnEddsa) => {
                Err(SignatureError::NotYet { algorithm })
            }
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02x}{}",
            self.algorithm().to_byte(),
            self.bytes.as_hex()
        )
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        Self::decode(&read_lower_hex(text)?)
    }
}

serde_as_text!(Signature);

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
