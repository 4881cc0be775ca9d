//! The 32-byte identities of the system, each a type of its own.
//!
//! Their text is 64 lower hex digits in the order of the bytes; any other spelling is refused, so that
//! one identity has one text.

use std::fmt;
use std::str::FromStr;

use bitcoin::hex::DisplayHex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not the lower hex of the bytes it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// The text has another length.
    #[error("expected {expected} hex digits, found {found} characters")]
    WrongLength {
        /// Digits wanted.
        expected: usize,
        /// Bytes of the text found.
        found: usize,
    },
    /// The text has an odd number of digits.
    #[error("an odd number of hex digits ({found})")]
    OddLength {
        /// Bytes of the text found.
        found: usize,
    },
    /// A character is no lower hex digit.
    #[error("not a lower hex digit at position {position}")]
    NotLowerHex {
        /// Position in the text, from 0.
        position: usize,
    },
}

/// Reads lower hex of any even length.
pub(crate) fn read_lower_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let digits = text
        .bytes()
        .enumerate()
        .map(|(position, byte)| digit(byte).ok_or(HexError::NotLowerHex { position }))
        .collect::<Result<Vec<u8>, _>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexError::OddLength { found: text.len() });
    }
    Ok(pairs.iter().map(|[high, low]| (high << 4) | low).collect())
}

/// Reads lower hex of exactly `N` bytes.
pub(crate) fn read_lower_hex_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let wrong_length = HexError::WrongLength {
        expected: N.saturating_mul(2),
        found: text.len(),
    };
    if text.len() != N.saturating_mul(2) {
        return Err(wrong_length);
    }
    <[u8; N]>::try_from(read_lower_hex(text)?).map_err(|_| wrong_length)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

/// Gives a type with `Display` and `FromStr` its serde form: the text.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text =
                    <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes the 32 bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Gives the 32 bytes.
            pub const fn to_bytes(self) -> [u8; 32] {
                self.0
            }

            /// Borrows the 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hex(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                read_lower_hex_array(text).map(Self)
            }
        }

        serde_as_text!($name);
    };
}

id! {
    /// The id of one policy version: the SHA-256 of its bytes.
    PolicyId
}
id! {
    /// The identity of a vault: the id of its first policy version.
    VaultId
}
id! {
    /// The id of the policy version that introduced the current signers and descriptor.
    Keyset
}
id! {
    /// The tagged hash of an intent's canonical bytes.
    IntentHash
}
id! {
    /// The id of a signing key: the SHA-256 of its key record.
    KeyId
}
id! {
    /// The root of a Merkle tree of subjects, what an approval signs.
    MerkleRoot
}

id! {
    /// What a person's signature is about: a Merkle root, a statement's or a transaction's hash.
    Subject
}

id! {
    /// The head of a journal: a hash over its birth and every entry since.
    JournalHead
}

impl From<MerkleRoot> for Subject {
    fn from(root: MerkleRoot) -> Self {
        Self(root.0)
    }
}

impl Subject {
    /// The root of these bytes, for signatures that approve or reject.
    pub const fn to_root(self) -> MerkleRoot {
        MerkleRoot(self.0)
    }
}

impl VaultId {
    /// The vault whose first policy version has this id.
    pub const fn of_first_version(id: PolicyId) -> Self {
        Self(id.0)
    }
}

impl Keyset {
    /// The keyset that the policy version of this id introduced.
    pub const fn introduced_by(id: PolicyId) -> Self {
        Self(id.0)
    }
}

/// One of the two branches of a vault's descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keychain {
    /// Addresses given out for deposits, branch 0.
    External,
    /// Change, branch 1.
    Internal,
}

impl Keychain {
    /// Both keychains, in the order of their branches.
    pub const BOTH: [Self; 2] = [Self::External, Self::Internal];

    /// The branch number in a `<0;1>` descriptor, also the byte and the column value.
    pub const fn branch(self) -> u8 {
        match self {
            Self::External => 0,
            Self::Internal => 1,
        }
    }

    /// The keychain of a branch number.
    pub const fn of_branch(branch: u32) -> Option<Self> {
        match branch {
            0 => Some(Self::External),
            1 => Some(Self::Internal),
            _ => None,
        }
    }

    /// Its name in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Keychain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Keychain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        Self::BOTH
            .into_iter()
            .find(|keychain| keychain.name() == text)
            .ok_or_else(|| de::Error::unknown_variant(&text, &["external", "internal"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = PolicyId::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).expect("small")));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("00070e15"));
        let json = serde_json::to_string(&id).expect("serializes");
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<PolicyId>(&json).expect("reads"), id);
    }

    #[test]
    fn an_id_of_another_spelling_is_refused() {
        let lower = "ab".repeat(32);
        assert!(lower.parse::<VaultId>().is_ok());
        assert_eq!(
            lower.to_uppercase().parse::<VaultId>(),
            Err(HexError::NotLowerHex { position: 0 })
        );
        assert_eq!(
            "ab".parse::<VaultId>(),
            Err(HexError::WrongLength {
                expected: 64,
                found: 2
            })
        );
        assert_eq!(
            format!("{}é", "a".repeat(62)).parse::<VaultId>(),
            Err(HexError::NotLowerHex { position: 62 })
        );
        assert_eq!(read_lower_hex("abc"), Err(HexError::OddLength { found: 3 }));
    }

    #[test]
    fn a_keychain_is_named_in_json_and_numbered_in_descriptors() {
        for keychain in Keychain::BOTH {
            assert_eq!(
                Keychain::of_branch(u32::from(keychain.branch())),
                Some(keychain)
            );
            let json = serde_json::to_string(&keychain).expect("serializes");
            assert_eq!(
                serde_json::from_str::<Keychain>(&json).expect("reads"),
                keychain
            );
        }
        assert_eq!(Keychain::of_branch(2), None);
    }
}
