//! Statements: what persons and journals say beside withdrawals, in canonical bytes (docs/formats.md F1).
//!
//! A list's quorum adds a destination, one person removes it, and a named group confirms the first small
//! payment to it; one key stops a vault, a quorum releases that stop, a quorum lets automatic co-signers
//! go, and a journal acknowledges a policy version. Invariant: a [`Statement`] read from bytes encodes to
//! the same bytes, so that its subject is theirs.

use std::fmt;
use std::str::FromStr;

use bitcoin::ScriptBuf;
use bitcoin::hex::DisplayHex;

use super::canonical::{CanonicalError, FieldError, Object};
use crate::hash::{Purpose, statement_subject};
use crate::ids::{HexError, PolicyId, Subject, read_lower_hex, read_lower_hex_array};
use crate::time::UnixTime;

/// The format name of a statement that adds a destination.
pub const LIST_ADD_FORMAT: &str = "countersign/list-add/1";
/// The format name of a statement that removes one.
pub const LIST_REMOVE_FORMAT: &str = "countersign/list-remove/1";
/// The format name of a statement that confirms the first payment to one.
pub const LIST_CONFIRM_FORMAT: &str = "countersign/list-confirm/1";
/// The format name of a statement that stops a vault.
pub const STOP_FORMAT: &str = "countersign/stop/1";
/// The format name of a statement that releases a stop.
pub const RELEASE_FORMAT: &str = "countersign/release/1";
/// The format name of a statement that lets automatic co-signers sign.
pub const GO_FORMAT: &str = "countersign/go/1";
/// The format name of a statement that acknowledges a policy version.
pub const ACK_FORMAT: &str = "countersign/ack/1";
/// The most characters of a stop's reason.
pub const MAX_REASON: usize = 200;
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

/// Makes each stop and each go another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementNonce([u8; 16]);

/// A vault is to pay nobody until this stop is released.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stop {
    /// When it was said, by the clock of whoever said it.
    pub created: UnixTime,
    /// Makes it another stop than every one before: one that was released never comes back.
    pub nonce: StatementNonce,
    /// Why, at most 200 characters of printable ASCII.
    pub reason: String,
}

/// Automatic co-signers may sign for a while.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Go {
    /// When it was said; it counts from then for as long as the policy says.
    pub created: UnixTime,
    /// Makes it another go than every one before.
    pub nonce: StatementNonce,
}

/// What persons and journals say beside withdrawals.
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
    /// A vault pays nobody.
    Stop(Stop),
    /// A stop is over, for ever.
    Release {
        /// The subject of the stop.
        stop: Subject,
    },
    /// Automatic co-signers may sign for a while.
    Go(Go),
    /// A journal acknowledges a policy version: it follows that one and none before any more.
    Ack {
        /// The version's id.
        policy: PolicyId,
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
    /// The reason is too long.
    #[error("statement: a reason of {found} characters, at most {MAX_REASON} are allowed")]
    ReasonTooLong {
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
            Self::Stop(stop) => Object::new()
                .text("format", STOP_FORMAT)
                .integer("created", stop.created.as_secs())
                .text("nonce", &stop.nonce)
                .text("reason", &stop.reason),
            Self::Release { stop } => Object::new()
                .text("format", RELEASE_FORMAT)
                .text("stop", stop),
            Self::Go(go) => Object::new()
                .text("format", GO_FORMAT)
                .integer("created", go.created.as_secs())
                .text("nonce", &go.nonce),
            Self::Ack { policy } => Object::new()
                .text("format", ACK_FORMAT)
                .text("policy", policy),
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
                entry: hex(&mut object, "entry")?,
            },
            LIST_CONFIRM_FORMAT => Self::ListConfirm {
                entry: hex(&mut object, "entry")?,
            },
            STOP_FORMAT => Self::Stop(Stop::take(&mut object)?),
            RELEASE_FORMAT => Self::Release {
                stop: hex(&mut object, "stop")?,
            },
            GO_FORMAT => Self::Go(Go {
                created: UnixTime::from_secs(object.take_integer("created")?),
                nonce: hex(&mut object, "nonce")?,
            }),
            ACK_FORMAT => Self::Ack {
                policy: hex(&mut object, "policy")?,
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
            Self::Stop(_) => Purpose::Stop,
            Self::Release { .. } => Purpose::Release,
            Self::Go(_) => Purpose::Go,
            Self::Ack { .. } => Purpose::Ack,
        }
    }

    /// The subject of the entry of an open list that it is about: its own when it adds one, none when it
    /// is about no list.
    pub fn entry(&self) -> Option<Subject> {
        match self {
            Self::ListAdd(_) => Some(self.subject()),
            Self::ListRemove { entry } | Self::ListConfirm { entry } => Some(*entry),
            Self::Stop(_) | Self::Release { .. } | Self::Go(_) | Self::Ack { .. } => None,
        }
    }
}

impl StatementNonce {
    /// Takes 16 bytes; they must be fresh.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for StatementNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hex(), f)
    }
}

impl fmt::Debug for StatementNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementNonce({self})")
    }
}

impl FromStr for StatementNonce {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        read_lower_hex_array(text).map(Self)
    }
}

impl Stop {
    fn take(object: &mut Object) -> Result<Self, StatementError> {
        let stop = Self {
            created: UnixTime::from_secs(object.take_integer("created")?),
            nonce: hex(object, "nonce")?,
            reason: object.take_text("reason")?,
        };
        if stop.reason.len() > MAX_REASON {
            return Err(StatementError::ReasonTooLong {
                found: stop.reason.len(),
            });
        }
        Ok(stop)
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

fn hex<T: FromStr<Err = HexError>>(
    object: &mut Object,
    key: &'static str,
) -> Result<T, StatementError> {
    let text = object.take_text(key)?;
    text.parse()
        .map_err(|source| StatementError::Hex { key, source })
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
