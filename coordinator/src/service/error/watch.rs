//! What is refused about scripts that are to be watched.

use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about scripts that are to be watched. Nothing of the list is watched then.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It is no address of the vault's network, and no script in hex.
    #[error("entry {entry} is no address of this network and no script in hex")]
    NotAScript {
        /// Which entry: 1, 2, 3, …
        entry: usize,
    },
    /// No keyset of the vault gives it.
    #[error("entry {entry} is of none of the vault's keysets, by its indexes up to {upto}")]
    NotOfTheVault {
        /// Which entry.
        entry: usize,
        /// The highest index that was looked at.
        upto: u32,
    },
    /// There are more of them than may be.
    #[error("{entries} entries are more than the {most} of one list")]
    TooMany {
        /// How many there are.
        entries: usize,
        /// How many may be.
        most: usize,
    },
}

impl WatchError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::NotAScript { .. } => (
                "not_a_script",
                Class::Refused,
                "write an address of the vault's network, or its script in hex",
            ),
            Self::NotOfTheVault { .. } => (
                "not_of_the_vault",
                Class::Refused,
                "see that it is the right vault; name the entry's index, or a higher one up to which to look",
            ),
            Self::TooMany { .. } => (
                "too_many_entries",
                Class::Refused,
                "hand them in in several lists",
            ),
        }
    }

    /// The facts that a program can use.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::NotAScript { entry } => json!({ "entry": entry }),
            Self::NotOfTheVault { entry, upto } => json!({ "entry": entry, "upto": upto }),
            Self::TooMany { entries, most } => json!({ "entries": entries, "most": most }),
        }
    }
}
