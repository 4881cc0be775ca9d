//! Signatures of requesters, approvers and journals (docs/formats.md F4).
//!
//! Invariant: a [`Signature`] has one encoding, and everything in it is bounded.

use std::fmt;
use std::str::FromStr;

use bitcoin::VarInt;
use bitcoin::consensus::encode::{deserialize_partial, serialize};
use bitcoin::hex::DisplayHex;

use super::key::{Algorithm, PublicKey};
use super::webauthn::AssertionError;
use crate::ids::{HexError, KeyId, read_lower_hex, serde_as_text};

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The algorithm byte is not known.
    #[error("a signature of an unknown algorithm")]
    UnknownAlgorithm,
    /// The bytes have another length.
    #[error("a signature of {found} bytes, expected {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A passkey's signature does not consist of three parts.
    #[error("a passkey's signature is cut off in its {part}")]
    CutOff {
        /// Which part.
        part: &'static str,
    },
    /// A part of a passkey's signature is longer than any that counts.
    #[error("{part} of {found} bytes, at most {most} are allowed")]
    PartTooLong {
        /// Which part.
        part: &'static str,
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// Bytes follow a passkey's signature.
    #[error("{excess} bytes follow the signature")]
    Trailing {
        /// How many.
        excess: usize,
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
    /// The signature is of another algorithm than the key.
    #[error("a signature of {found} by a key of {expected}")]
    OtherAlgorithm {
        /// The signature's.
        found: Algorithm,
        /// The key's.
        expected: Algorithm,
    },
    /// A passkey where no policy pins its origins.
    #[error("a passkey's signature counts only with the origins that a policy pins")]
    UnpinnedPasskey,
    /// What a passkey signed is not what counts.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    /// The signature is not the key's signature of this message.
    #[error("the signature is not the key's signature of this message")]
    Wrong,
}

impl SignatureError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownAlgorithm => "UNKNOWN_ALGORITHM",
            Self::Length { .. } => "LENGTH",
            Self::CutOff { .. } => "CUT_OFF",
            Self::PartTooLong { .. } => "PART_TOO_LONG",
            Self::Trailing { .. } => "TRAILING",
            Self::Hex(_) => "NOT_HEX",
            Self::OtherKey { .. } => "OTHER_KEY",
            Self::OtherAlgorithm { .. } => "OTHER_ALGORITHM",
            Self::UnpinnedPasskey => "UNPINNED_PASSKEY",
            Self::Assertion(error) => error.code(),
            Self::Wrong => "WRONG",
        }
    }
}

/// A key that signatures are verified with, together with all that must be known of it.
pub trait VerifyingParty {
    /// Its public key.
    fn public_key(&self) -> &PublicKey;

    /// Verifies a signature over a message of [`crate::hash::signing_message`].
    ///
    /// # Errors
    /// Why it does not count.
    fn verify_signature(
        &self,
        message: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), SignatureError>;
}

impl VerifyingParty for PublicKey {
    fn public_key(&self) -> &PublicKey {
        self
    }

    fn verify_signature(
        &self,
        message: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.verify(message, signature)
    }
}

/// What a passkey returns for a challenge (WebAuthn §6.3.3), not yet looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assertion {
    authenticator_data: Vec<u8>,
    client_data_json: Vec<u8>,
    signature: Vec<u8>,
}

impl Assertion {
    /// The most bytes of the authenticator's data: 37 and a few extensions.
    pub const MAX_AUTHENTICATOR_DATA: usize = 256;
    /// The most bytes of the client's data: challenge, origin and what browsers add.
    pub const MAX_CLIENT_DATA: usize = 1024;
    /// The most bytes of the signature itself: ECDSA over P-256 in DER.
    pub const MAX_SIGNATURE: usize = 72;

    /// The parts, as they are encoded, with the most bytes of each.
    const PARTS: [(&'static str, usize); 3] = [
        ("authenticatorData", Self::MAX_AUTHENTICATOR_DATA),
        ("clientDataJSON", Self::MAX_CLIENT_DATA),
        ("signature", Self::MAX_SIGNATURE),
    ];

    /// Takes the three parts that a browser hands over.
    ///
    /// # Errors
    /// [`SignatureError::PartTooLong`].
    pub fn new(
        authenticator_data: Vec<u8>,
        client_data_json: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<Self, SignatureError> {
        let parts = [&authenticator_data, &client_data_json, &signature];
        for (bytes, (part, most)) in parts.into_iter().zip(Self::PARTS) {
            check_length(part, u64::try_from(bytes.len()).unwrap_or(u64::MAX), most)?;
        }
        Ok(Self {
            authenticator_data,
            client_data_json,
            signature,
        })
    }

    /// The authenticator's data.
    pub fn authenticator_data(&self) -> &[u8] {
        &self.authenticator_data
    }

    /// The client's data, exactly as it was hashed.
    pub fn client_data_json(&self) -> &[u8] {
        &self.client_data_json
    }

    /// The signature itself.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        for part in [
            &self.authenticator_data,
            &self.client_data_json,
            &self.signature,
        ] {
            // Lossless: every part has at most 1,024 bytes.
            let length = VarInt(u64::try_from(part.len()).unwrap_or(u64::MAX));
            bytes.extend_from_slice(&serialize(&length));
            bytes.extend_from_slice(part);
        }
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, SignatureError> {
        let mut take = |(part, most): (&'static str, usize)| {
            let cut_off = SignatureError::CutOff { part };
            let (VarInt(length), prefix) =
                deserialize_partial::<VarInt>(bytes).map_err(|_| cut_off)?;
            let length = check_length(part, length, most)?;
            let rest = bytes.get(prefix..).ok_or(cut_off)?;
            let (taken, rest) = rest.split_at_checked(length).ok_or(cut_off)?;
            bytes = rest;
            Ok::<_, SignatureError>(taken.to_vec())
        };
        let [data, client, signature] = Self::PARTS;
        let assertion = Self {
            authenticator_data: take(data)?,
            client_data_json: take(client)?,
            signature: take(signature)?,
        };
        if bytes.is_empty() {
            return Ok(assertion);
        }
        let excess = bytes.len();
        Err(SignatureError::Trailing { excess })
    }
}

fn check_length(part: &'static str, found: u64, most: usize) -> Result<usize, SignatureError> {
    usize::try_from(found)
        .ok()
        .filter(|length| *length <= most)
        .ok_or(SignatureError::PartTooLong {
            part,
            found,
            most: u64::try_from(most).unwrap_or(u64::MAX),
        })
}

/// A signature: algorithm byte ‖ 64 bytes, or ‖ the three parts of an assertion; as text its lower hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    form: Form,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Ed25519([u8; 64]),
    WebauthnEs256(Assertion),
    WebauthnEddsa(Assertion),
}

impl Signature {
    /// Bytes of an encoded Ed25519 signature.
    pub const ED25519_LENGTH: usize = 65;

    /// Takes the 64 bytes of an Ed25519 signature.
    pub const fn from_ed25519(bytes: [u8; 64]) -> Self {
        let form = Form::Ed25519(bytes);
        Self { form }
    }

    /// Takes a passkey's assertion as a signature of this key; nothing is verified yet.
    ///
    /// # Errors
    /// [`SignatureError::OtherAlgorithm`] if the key is no passkey's.
    pub fn from_assertion(key: &PublicKey, assertion: Assertion) -> Result<Self, SignatureError> {
        let form = match key.algorithm() {
            Algorithm::WebauthnEs256 => Form::WebauthnEs256(assertion),
            Algorithm::WebauthnEddsa => Form::WebauthnEddsa(assertion),
            expected @ Algorithm::Ed25519 => {
                let found = Algorithm::WebauthnEs256;
                return Err(SignatureError::OtherAlgorithm { found, expected });
            }
        };
        Ok(Self { form })
    }

    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self.form {
            Form::Ed25519(_) => Algorithm::Ed25519,
            Form::WebauthnEs256(_) => Algorithm::WebauthnEs256,
            Form::WebauthnEddsa(_) => Algorithm::WebauthnEddsa,
        }
    }

    /// The 64 bytes, if it is a key file's.
    pub const fn as_ed25519(&self) -> Option<&[u8; 64]> {
        match &self.form {
            Form::Ed25519(bytes) => Some(bytes),
            Form::WebauthnEs256(_) | Form::WebauthnEddsa(_) => None,
        }
    }

    /// The assertion, if it is a passkey's.
    pub const fn as_assertion(&self) -> Option<&Assertion> {
        match &self.form {
            Form::Ed25519(_) => None,
            Form::WebauthnEs256(assertion) | Form::WebauthnEddsa(assertion) => Some(assertion),
        }
    }

    /// Its bytes, algorithm byte first.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.algorithm().to_byte()];
        match &self.form {
            Form::Ed25519(signature) => bytes.extend_from_slice(signature),
            Form::WebauthnEs256(assertion) | Form::WebauthnEddsa(assertion) => {
                assertion.encode_into(&mut bytes);
            }
        }
        bytes
    }

    /// Reads a signature.
    ///
    /// # Errors
    /// Whatever is not its one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, SignatureError> {
        let wrong_length = SignatureError::Length {
            found: bytes.len(),
            expected: Self::ED25519_LENGTH,
        };
        let (byte, signature) = bytes.split_first().ok_or(wrong_length)?;
        let form = match Algorithm::from_byte(*byte).ok_or(SignatureError::UnknownAlgorithm)? {
            Algorithm::Ed25519 => Form::Ed25519(signature.try_into().map_err(|_| wrong_length)?),
            Algorithm::WebauthnEs256 => Form::WebauthnEs256(Assertion::decode(signature)?),
            Algorithm::WebauthnEddsa => Form::WebauthnEddsa(Assertion::decode(signature)?),
        };
        Ok(Self { form })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.encode().as_hex())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field(
                "authenticator_data",
                &format_args!("{}", self.authenticator_data.as_hex()),
            )
            .field(
                "client_data_json",
                &String::from_utf8_lossy(&self.client_data_json),
            )
            .field("signature", &format_args!("{}", self.signature.as_hex()))
            .finish()
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        Self::decode(&read_lower_hex(text)?)
    }
}

serde_as_text!(Signature);
