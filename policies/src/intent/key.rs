//! Public keys of requesters, approvers and journals (docs/formats.md F4).
//!
//! Invariant: a key has one record and one text; weak keys and keys of no curve point never exist as
//! a [`PublicKey`].

use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use ed25519_dalek::VerifyingKey;
use p256::ecdsa::signature::Verifier as _;

use super::signature::{Signature, SignatureError};
use super::webauthn::{AssertionError, RelyingParty};
use crate::ids::{HexError, KeyId, read_lower_hex_array, serde_as_text};

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

    /// Bytes of a key of this algorithm.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Ed25519 | Self::WebauthnEddsa => 32,
            Self::WebauthnEs256 => 33,
        }
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

/// A public key: of a key file, or of a passkey.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    material: Material,
}

/// The bytes of a key, each checked to be a point of its curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Material {
    Ed25519([u8; 32]),
    WebauthnEs256([u8; 33]),
    WebauthnEddsa([u8; 32]),
}

impl PublicKey {
    /// Takes the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: [u8; 32]) -> Result<Self, KeyError> {
        check_edwards_point(&bytes)?;
        let material = Material::Ed25519(bytes);
        Ok(Self { material })
    }

    /// Takes the 32 bytes of a passkey's Ed25519 key.
    pub fn from_webauthn_eddsa(bytes: [u8; 32]) -> Result<Self, KeyError> {
        check_edwards_point(&bytes)?;
        let material = Material::WebauthnEddsa(bytes);
        Ok(Self { material })
    }

    /// Takes the 33 bytes of a passkey's P-256 key, compressed (SEC 1).
    pub fn from_webauthn_es256(bytes: [u8; 33]) -> Result<Self, KeyError> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        let material = Material::WebauthnEs256(bytes);
        Ok(Self { material })
    }

    /// Takes a key of any algorithm without its algorithm byte.
    fn from_parts(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyError> {
        let wrong_length = KeyError::RecordLength {
            found: key.len().saturating_add(1),
            expected: algorithm.key_length().saturating_add(1),
        };
        match algorithm {
            Algorithm::Ed25519 => Self::from_ed25519(key.try_into().map_err(|_| wrong_length)?),
            Algorithm::WebauthnEs256 => {
                Self::from_webauthn_es256(key.try_into().map_err(|_| wrong_length)?)
            }
            Algorithm::WebauthnEddsa => {
                Self::from_webauthn_eddsa(key.try_into().map_err(|_| wrong_length)?)
            }
        }
    }

    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::Ed25519,
            Material::WebauthnEs256(_) => Algorithm::WebauthnEs256,
            Material::WebauthnEddsa(_) => Algorithm::WebauthnEddsa,
        }
    }

    /// Whether it is a passkey's, whose signatures only count with the origins that a policy pins.
    pub const fn is_passkey(&self) -> bool {
        match self.material {
            Material::Ed25519(_) => false,
            Material::WebauthnEs256(_) | Material::WebauthnEddsa(_) => true,
        }
    }

    /// The key without its algorithm byte: 32 bytes, or 33 of P-256.
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.material {
            Material::Ed25519(bytes) | Material::WebauthnEddsa(bytes) => bytes,
            Material::WebauthnEs256(bytes) => bytes,
        }
    }

    /// The key record: algorithm byte ‖ key.
    pub fn record(&self) -> Vec<u8> {
        let mut record = vec![self.algorithm().to_byte()];
        record.extend_from_slice(self.as_bytes());
        record
    }

    /// Reads a key record.
    pub fn from_record(record: &[u8]) -> Result<Self, KeyError> {
        let (byte, key) = record.split_first().ok_or(KeyError::RecordLength {
            found: 0,
            expected: 33,
        })?;
        let algorithm = Algorithm::from_byte(*byte).ok_or(KeyError::UnknownAlgorithm)?;
        Self::from_parts(algorithm, key)
    }

    /// Its id: the SHA-256 of the record.
    pub fn id(&self) -> KeyId {
        KeyId::from_bytes(sha256::Hash::hash(&self.record()).to_byte_array())
    }

    /// Verifies an Ed25519 signature over a message of [`crate::hash::signing_message`].
    ///
    /// # Errors
    /// For a passkey always [`SignatureError::UnpinnedPasskey`]: its signatures need a
    /// [`super::webauthn::RelyingParty`], see [`PublicKey::verify_assertion`].
    pub fn verify(&self, message: &[u8; 32], signature: &Signature) -> Result<(), SignatureError> {
        if self.is_passkey() {
            return Err(SignatureError::UnpinnedPasskey);
        }
        self.expect_algorithm(signature)?;
        let bytes = signature.as_ed25519().ok_or(SignatureError::Wrong)?;
        if verifies_strictly(self.as_bytes(), message, bytes) {
            Ok(())
        } else {
            Err(SignatureError::Wrong)
        }
    }

    /// Verifies a passkey's assertion whose challenge is a message of [`crate::hash::signing_message`].
    ///
    /// # Errors
    /// What the assertion lacks, by name.
    pub fn verify_assertion(
        &self,
        relying_party: &RelyingParty,
        message: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.expect_algorithm(signature)?;
        let assertion = signature.as_assertion().ok_or(SignatureError::Wrong)?;
        let signed = relying_party.check(message, assertion)?;
        let valid = match &self.material {
            Material::Ed25519(_) => false,
            Material::WebauthnEddsa(key) => {
                let signature = <&[u8; 64]>::try_from(assertion.signature())
                    .map_err(|_| AssertionError::SignatureEncoding)?;
                verifies_strictly(key, &signed, signature)
            }
            Material::WebauthnEs256(key) => {
                let signature = p256::ecdsa::Signature::from_der(assertion.signature())
                    .map_err(|_| AssertionError::SignatureEncoding)?;
                p256::ecdsa::VerifyingKey::from_sec1_bytes(key)
                    .is_ok_and(|key| key.verify(&signed, &signature).is_ok())
            }
        };
        if valid {
            Ok(())
        } else {
            Err(SignatureError::Wrong)
        }
    }

    fn expect_algorithm(&self, signature: &Signature) -> Result<(), SignatureError> {
        let (found, expected) = (signature.algorithm(), self.algorithm());
        if found == expected {
            Ok(())
        } else {
            Err(SignatureError::OtherAlgorithm { found, expected })
        }
    }
}

/// Strict verification: RFC 8032 without cofactor, without points of small order.
fn verifies_strictly(key: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    <&[u8; 32]>::try_from(key)
        .ok()
        .and_then(|key| VerifyingKey::from_bytes(key).ok())
        .is_some_and(|key| key.verify_strict(message, &signature).is_ok())
}

fn check_edwards_point(bytes: &[u8; 32]) -> Result<(), KeyError> {
    if !is_canonical_field_element(bytes) {
        return Err(KeyError::NotAPoint);
    }
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
    if key.is_weak() {
        return Err(KeyError::Weak);
    }
    Ok(())
}

/// Whether the y coordinate is below p = 2^255 − 19, so that a point has one encoding.
fn is_canonical_field_element(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    !(last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *first >= 0xed)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.as_bytes().as_hex())
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
            Algorithm::WebauthnEs256 => Self::from_webauthn_es256(read_lower_hex_array(digits)?),
            Algorithm::WebauthnEddsa => Self::from_webauthn_eddsa(read_lower_hex_array(digits)?),
        }
    }
}

serde_as_text!(PublicKey);

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
