//! What an auditor has signed along, so that nobody can have signed it before.

use std::fmt;
use std::str::FromStr;

/// The most characters of a challenge.
const MAX: usize = 200;

/// A text of 1 to 200 printable ASCII characters, which stands last in a message: it can pass for no other part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Challenge(String);

/// Why a text is no challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// It has no characters, or too many.
    #[error("a challenge has 1 to {} characters, found {found}", MAX)]
    Length {
        /// Characters found.
        found: usize,
    },
    /// A character is no printable ASCII.
    #[error("a challenge is printable ASCII: not so the character at position {position}")]
    Character {
        /// Position in the text, from 1.
        position: usize,
    },
    /// It begins or ends with a space, which nobody sees.
    #[error("a challenge neither begins nor ends with a space")]
    Space,
}

impl Challenge {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Challenge {
    type Err = ChallengeError;

    fn from_str(text: &str) -> Result<Self, ChallengeError> {
        let found = text.chars().count();
        if found == 0 || found > MAX {
            return Err(ChallengeError::Length { found });
        }
        let printable = |letter: char| letter == ' ' || letter.is_ascii_graphic();
        if let Some((position, _)) = (1..).zip(text.chars()).find(|(_, one)| !printable(*one)) {
            return Err(ChallengeError::Character { position });
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(ChallengeError::Space);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
