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
    /// A line is no label.
    #[error("line {line} is no label as BIP 329 has them")]
    NotALabel {
        /// Which line: 1, 2, 3, …
        line: usize,
    },
    /// The wallet has moved in.
    #[error("the wallet has moved in already")]
    MovedIn,
    /// No wallet ever moved in.
    #[error("no wallet moves into this vault")]
    NotMovingIn,
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
            Self::NotALabel { .. } => (
                "not_a_label",
                Class::Refused,
                "export the labels again as BIP 329 (one JSON object a line), or mend the line",
            ),
            Self::MovedIn => (
                "moved_in",
                Class::Conflict,
                "nothing is to be done: its coins are spent like any others, `coin label` names them",
            ),
            Self::NotMovingIn => (
                "not_moving_in",
                Class::NotFound,
                "begin with `chain move-in --from HEIGHT`, the height of the wallet's first transaction",
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
            Self::NotALabel { line } => json!({ "line": line }),
            Self::MovedIn | Self::NotMovingIn => Value::Null,
            Self::NotOfTheVault { entry, upto } => json!({ "entry": entry, "upto": upto }),
            Self::TooMany { entries, most } => json!({ "entries": entries, "most": most }),
        }
    }
}
