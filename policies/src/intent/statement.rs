//! Statements: what persons say about open lists of destinations, in canonical bytes (docs/formats.md F1).
//!
//! A list's quorum adds a destination, one person removes it, and a named group confirms the first small
//! payment to it. Invariant: a [`Statement`] read from bytes encodes to the same bytes, so that its subject
//! is theirs.

use bitcoin::ScriptBuf;

use super::canonical::{CanonicalError, FieldError, Object};
use crate::hash::{Purpose, statement_subject};
use crate::ids::{HexError, Subject, read_lower_hex};
use crate::time::UnixTime;

/// The format name of a statement that adds a destination.
pub const LIST_ADD_FORMAT: &str = "countersign/list-add/1";
/// The format name of a statement that removes one.
pub const LIST_REMOVE_FORMAT: &str = "countersign/list-remove/1";
/// The format name of a statement that confirms the first payment to one.
pub const LIST_CONFIRM_FORMAT: &str = "countersign/list-confirm/1";
/// The most characters of a label.
pub const MAX_LABEL: usize = 64;
/// The most characters of a list's name.
const MAX_LIST_NAME: usize = 32;

/// One destination of an open list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListAdd {
    /// The list's name in the policy.
    pub list: String,
    /// The destination.
    pub script_pubkey: ScriptBuf,
    /// Who that is, in words, at most 64 characters of printable ASCII.
    pub label: String,
    /// The first moment at which it is on the list.
    pub not_before: UnixTime,
    /// The first moment at which it is not any more.
    pub expires: UnixTime,
}

/// What persons say about an open list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Statement {
    /// A destination belongs on a list.
    ListAdd(ListAdd),
    /// An entry does not any more; final.
    ListRemove {
        /// The subject of the statement that added it.
        entry: Subject,
    },
    /// The first payment to an entry arrived.
    ListConfirm {
        /// The subject of the statement that added it.
        entry: Subject,
    },
}

/// Why bytes are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The bytes are not canonical JSON.
    #[error("statement: {0}")]
    Canonical(#[from] CanonicalError),
    /// The keys are not exactly those of the statement.
    #[error("statement: {0}")]
    Field(#[from] FieldError),
    /// The format is none that is known.
    #[error("statement: an unknown format")]
    Format,
    /// A script or subject is not lower hex.
    #[error("statement: {key}: {source}")]
    Hex {
        /// The key.
        key: &'static str,
        /// What is wrong.
        source: HexError,
    },
    /// The script is empty.
    #[error("statement: script_pubkey is empty")]
    EmptyScript,
    /// The list's name is none.
    #[error("statement: list is not a name of 1 to 32 characters a-z, 0-9 and -")]
    ListName,
    /// The label is too long.
    #[error("statement: a label of {found} characters, at most {MAX_LABEL} are allowed")]
    LabelTooLong {
        /// Characters found.
        found: usize,
    },
    /// It ends before it begins.
    #[error("statement: expires {expires} is not after not_before {not_before}")]
    ExpiresBeforeBeginning {
        /// When it begins.
        not_before: UnixTime,
        /// When it ends.
        expires: UnixTime,
    },
    /// The bytes do not encode to themselves.
    #[error("statement: encoding it again gives other bytes")]
    NotCanonical,
}

impl Statement {
    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let about = |format: &str, entry: &Subject| {
            Object::new().text("format", format).text("entry", entry)
        };
        match self {
            Self::ListAdd(add) => Object::new()
                .text("format", LIST_ADD_FORMAT)
                .text("list", &add.list)
                .text("script_pubkey", &add.script_pubkey.to_hex_string())
                .text("label", &add.label)
                .integer("not_before", add.not_before.as_secs())
                .integer("expires", add.expires.as_secs()),
            Self::ListRemove { entry } => about(LIST_REMOVE_FORMAT, entry),
            Self::ListConfirm { entry } => about(LIST_CONFIRM_FORMAT, entry),
        }
        .encode()
    }

    /// Reads canonical bytes; refuses everything that does not encode to the same bytes.
    ///
    /// # Errors
    /// Why the bytes are no statement.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let mut object = Object::decode(bytes)?;
        let statement = match object.take_text("format")?.as_str() {
            LIST_ADD_FORMAT => Self::ListAdd(ListAdd::take(&mut object)?),
            LIST_REMOVE_FORMAT => Self::ListRemove {
                entry: entry(&mut object)?,
            },
            LIST_CONFIRM_FORMAT => Self::ListConfirm {
                entry: entry(&mut object)?,
            },
            _ => return Err(StatementError::Format),
        };
        object.finish()?;
        if statement.encode() != bytes {
            return Err(StatementError::NotCanonical);
        }
        Ok(statement)
    }

    /// What signatures on it are about.
    pub fn subject(&self) -> Subject {
        Subject::from_bytes(statement_subject(&self.encode()))
    }

    /// The purpose of signatures on it.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::ListAdd(_) => Purpose::ListAdd,
            Self::ListRemove { .. } => Purpose::ListRemove,
            Self::ListConfirm { .. } => Purpose::ListConfirm,
        }
    }

    /// The subject of the entry that it is about: its own when it adds one.
    pub fn entry(&self) -> Subject {
        match self {
            Self::ListAdd(_) => self.subject(),
            Self::ListRemove { entry } | Self::ListConfirm { entry } => *entry,
        }
    }
}

impl ListAdd {
    /// What signatures on it are about.
    pub fn subject(&self) -> Subject {
        Statement::ListAdd(self.clone()).subject()
    }

    fn take(object: &mut Object) -> Result<Self, StatementError> {
        let add = Self {
            list: object.take_text("list")?,
            script_pubkey: read_lower_hex(&object.take_text("script_pubkey")?)
                .map(ScriptBuf::from_bytes)
                .map_err(|source| StatementError::Hex {
                    key: "script_pubkey",
                    source,
                })?,
            label: object.take_text("label")?,
            not_before: UnixTime::from_secs(object.take_integer("not_before")?),
            expires: UnixTime::from_secs(object.take_integer("expires")?),
        };
        let named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=MAX_LIST_NAME).contains(&add.list.len()) || !add.list.bytes().all(named) {
            return Err(StatementError::ListName);
        }
        if add.script_pubkey.is_empty() {
            return Err(StatementError::EmptyScript);
        }
        if add.label.len() > MAX_LABEL {
            return Err(StatementError::LabelTooLong {
                found: add.label.len(),
            });
        }
        if add.expires <= add.not_before {
            return Err(StatementError::ExpiresBeforeBeginning {
                not_before: add.not_before,
                expires: add.expires,
            });
        }
        Ok(add)
    }
}

fn entry(object: &mut Object) -> Result<Subject, StatementError> {
    object
        .take_text("entry")?
        .parse()
        .map_err(|source| StatementError::Hex {
            key: "entry",
            source,
        })
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
