//! What a person saw before they said yes: a deed is done only as its preview said.
//!
//! Invariant: whoever agrees to a preview names it by its hash; what would be done under the lock is hashed again,
//! and where that differs nothing is done.

use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use serde::Serialize;

use super::{BatchError, Service, ServiceError};

/// A preview that was looked at, and its randomness, so that it can be built again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    seed: [u8; 32],
    /// The hash of what was shown; none while it is only shown.
    shown: Option<[u8; 32]>,
}

/// A text that names no preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a preview")]
pub struct AgreedError;

impl Agreed {
    /// For a preview that is yet to be shown.
    pub fn to_nothing(service: &Service) -> Self {
        Self {
            seed: service.random(),
            shown: None,
        }
    }

    /// The same, to what was shown with it.
    #[must_use]
    pub fn to(self, shown: &impl Serialize) -> Self {
        Self {
            seed: self.seed,
            shown: Some(digest(shown)),
        }
    }

    /// The randomness that the preview was built with.
    pub(super) const fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// Refuses what is not as it was shown.
    pub(super) fn expect(&self, now: &impl Serialize) -> Result<(), ServiceError> {
        match self.shown {
            Some(shown) if shown != digest(now) => Err(BatchError::PreviewChanged.into()),
            Some(_) | None => Ok(()),
        }
    }
}

fn digest(shown: &impl Serialize) -> [u8; 32] {
    let text = serde_json::to_vec(shown).expect("a view of texts and integers serializes");
    let mut engine = sha256::Hash::engine();
    engine.input(b"countersign/preview");
    engine.input(&text);
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// Seed and hash in hex, one after the other.
impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.shown.unwrap_or_default();
        write!(f, "{}{}", self.seed.as_hex(), shown.as_hex())
    }
}

impl FromStr for Agreed {
    type Err = AgreedError;

    fn from_str(text: &str) -> Result<Self, AgreedError> {
        let bytes = <[u8; 64]>::from_hex(text).map_err(|_| AgreedError)?;
        let (seed, shown) = bytes.split_at(32);
        Ok(Self {
            seed: seed.try_into().map_err(|_| AgreedError)?,
            shown: Some(shown.try_into().map_err(|_| AgreedError)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_to_reads_back_and_refuses_anything_else() {
        let agreed = Agreed {
            seed: [7; 32],
            shown: None,
        };
        agreed.expect(&"whatever").expect("nothing was shown yet");
        let agreed = agreed.to(&"pays alice");
        assert_eq!(agreed.to_string().parse(), Ok(agreed));
        agreed.expect(&"pays alice").expect("as shown");
        let refused = agreed.expect(&"pays mallory").expect_err("something else");
        assert_eq!(refused.code(), "preview_changed");
        assert_eq!("00".parse::<Agreed>(), Err(AgreedError));
    }
}
