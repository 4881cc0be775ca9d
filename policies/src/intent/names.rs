//! The names an intent is known by: its requester's and its own.

use std::fmt;
use std::str::FromStr;

use crate::ids::serde_as_text;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty or too long.
    #[error("must have 1 to {max} characters, has {found}")]
    Length {
        /// Characters found.
        found: usize,
        /// Characters allowed.
        max: usize,
    },
    /// A character that names do not have.
    #[error("the character at position {position} is not one of {allowed}")]
    Character {
        /// Position, from 0.
        position: usize,
        /// What is allowed.
        allowed: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:literal, $allowed:literal, $pattern:pat) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Borrows the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if let Some(position) = text.bytes().position(|byte| !matches!(byte, $pattern)) {
                    return Err(NameError::Character { position, allowed: $allowed });
                }
                if text.is_empty() || text.len() > $max {
                    return Err(NameError::Length { found: text.len(), max: $max });
                }
                Ok(Self(text.to_owned()))
            }
        }

        serde_as_text!($name);
    };
}

name! {
    /// A requester's name in the policy: `[a-z0-9-]{1,32}`.
    RequesterName, 32, "[a-z0-9-]", b'a'..=b'z' | b'0'..=b'9' | b'-'
}

name! {
    /// The id a requester gives to a withdrawal: `[A-Za-z0-9._:-]{1,64}`; unique for the requester.
    WithdrawalId, 64, "[A-Za-z0-9._:-]",
    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_characters_and_lengths() {
        assert!("exchange-1".parse::<RequesterName>().is_ok());
        assert!("W.1_a:b-C".parse::<WithdrawalId>().is_ok());
        assert!("w".repeat(64).parse::<WithdrawalId>().is_ok());
        assert_eq!(
            "".parse::<WithdrawalId>(),
            Err(NameError::Length { found: 0, max: 64 })
        );
        assert_eq!(
            "w".repeat(65).parse::<WithdrawalId>(),
            Err(NameError::Length { found: 65, max: 64 })
        );
        assert_eq!(
            "r".repeat(33).parse::<RequesterName>(),
            Err(NameError::Length { found: 33, max: 32 })
        );
        for (text, position) in [("Exchange", 0), ("a b", 1), ("a\u{e9}", 1), ("a_b", 1)] {
            assert_eq!(
                text.parse::<RequesterName>(),
                Err(NameError::Character {
                    position,
                    allowed: "[a-z0-9-]"
                })
            );
        }
        assert!("w/1".parse::<WithdrawalId>().is_err());
    }
}
