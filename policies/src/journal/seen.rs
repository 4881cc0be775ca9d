//! Statements about open lists, stops and their releases, as a journal saw them.
//!
//! A stop that a journal saw holds until it sees its release; no carrier that leaves it out later undoes
//! it. Of each key only so many stops are kept at once, so that one stolen key cannot fill a journal, nor
//! take the room of another's stop.
//!
//! A journal keeps the moment at which it first saw that a destination was added: from then on the
//! cooling-off runs by this signer's own clock. The statement stands in the entry whole, as it was
//! signed; kind and subject are read from it, so that an entry cannot contradict itself.

use super::entry::{EntryError, parse, time};
use super::history::History;
use crate::hash::statement_subject;
use crate::ids::{KeyId, read_lower_hex_array};
use crate::intent::canonical::Object;
use crate::intent::statement::{RELEASE_FORMAT, STOP_FORMAT};
use crate::intent::{Statement, Stop};
use crate::time::UnixTime;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeenKind {
    /// It adds a destination.
    Added,
    /// It removes the destination that the statement of this subject added.
    Removed {
        /// The subject of the adding statement.
        entry: [u8; 32],
    },
    /// It stops the vault.
    Stopped {
        /// The key that said so.
        by: KeyId,
    },
    /// It releases the stop of this subject.
    Released {
        /// The subject of the stop.
        stop: [u8; 32],
    },
    /// It confirms the first payment to the destination that the statement of this subject added.
    Confirmed {
        /// The subject of the adding statement.
        entry: [u8; 32],
    },
}

/// A statement that verified when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    statement: Object,
    kind: SeenKind,
    subject: [u8; 32],
    at: UnixTime,
}

impl Seen {
    /// The entry of a stop, and of the key that said it. Whether it is well signed is the caller's question.
    pub fn stop(stop: &Stop, by: KeyId, at: UnixTime) -> Self {
        let bytes = Statement::Stop(stop.clone()).encode();
        Self {
            statement: Object::decode(&bytes).expect("a stop is canonical JSON"),
            kind: SeenKind::Stopped { by },
            subject: statement_subject(&bytes),
            at,
        }
    }

    /// The entry of a statement's canonical JSON. Whether it is well signed is the review's question.
    ///
    /// # Errors
    /// When the bytes are no statement about an open list, and release no stop.
    pub fn of(statement: &[u8], at: UnixTime) -> Result<Self, EntryError> {
        Self::from_statement(Object::decode(statement)?, None, at)
    }

    fn from_statement(
        statement: Object,
        by: Option<KeyId>,
        at: UnixTime,
    ) -> Result<Self, EntryError> {
        let wrong = |expected| EntryError::Text {
            key: "statement",
            expected,
        };
        let mut object = statement.clone();
        let format = object.take_text("format")?;
        let mut entry = || {
            read_lower_hex_array(&object.take_text("entry")?)
                .map_err(|_| wrong("the subject of an added destination"))
        };
        let read = || Statement::decode(&statement.encode()).map_err(|_| wrong("a statement"));
        let kind = match format.as_str() {
            STOP_FORMAT => {
                read()?;
                let by = by.ok_or_else(|| wrong("a stop with the key that said it"))?;
                SeenKind::Stopped { by }
            }
            _ if by.is_some() => return Err(wrong("a stop")),
            RELEASE_FORMAT => match read()? {
                Statement::Release { stop } => SeenKind::Released {
                    stop: stop.to_bytes(),
                },
                Statement::ListAdd(_)
                | Statement::ListRemove { .. }
                | Statement::ListConfirm { .. }
                | Statement::Stop(_)
                | Statement::Go(_)
                | Statement::Ack { .. } => return Err(wrong("a release")),
            },
            "countersign/list-add/1" => SeenKind::Added,
            "countersign/list-remove/1" => SeenKind::Removed { entry: entry()? },
            "countersign/list-confirm/1" => SeenKind::Confirmed { entry: entry()? },
            _ => return Err(wrong("a statement that journals keep")),
        };
        // What is nested in a line must be as flat and short as what was signed.
        let bytes = statement.encode();
        if Object::decode(&bytes)? != statement {
            return Err(EntryError::NotCanonical);
        }
        let subject = statement_subject(&bytes);
        Ok(Self {
            statement,
            kind,
            subject,
            at,
        })
    }

    pub(super) fn to_object(&self) -> Object {
        let object = Object::new()
            .text("entry", "seen")
            .object("statement", self.statement.clone())
            .integer("at", self.at.as_secs());
        match self.kind {
            SeenKind::Stopped { by } => object.text("by", &by),
            SeenKind::Added
            | SeenKind::Removed { .. }
            | SeenKind::Confirmed { .. }
            | SeenKind::Released { .. } => object,
        }
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        let at = time(object, "at")?;
        let by = if object.iter().any(|(key, _)| key == "by") {
            Some(parse(&object.take_text("by")?, "by", "the id of a key")?)
        } else {
            None
        };
        Self::from_statement(object.take_object("statement")?, by, at)
    }

    /// The statement's canonical JSON.
    pub fn statement(&self) -> Vec<u8> {
        self.statement.encode()
    }

    /// What it does.
    pub const fn kind(&self) -> SeenKind {
        self.kind
    }

    /// Its subject: what signatures over it are about.
    pub const fn subject(&self) -> [u8; 32] {
        self.subject
    }

    /// When it was seen, by the journal's time.
    pub const fn at(&self) -> UnixTime {
        self.at
    }
}

/// The most stops of one key that a journal keeps before they are released.
pub const MAX_STOPS_OF_KEY: usize = 16;

/// A statement that counts: its signatures were verified, and enough persons said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What is said.
    pub statement: Statement,
    /// The keys whose signatures count.
    pub by: Vec<KeyId>,
}

impl Heard {
    /// What a journal with this history writes down of it now; nothing where it knows it already, never
    /// keeps it, or keeps as many stops of those keys as it does of any. Such a stop is only as good as its
    /// carrier until some of those before are released.
    pub fn seen(&self, history: &History, at: UnixTime) -> Option<Seen> {
        if history.seen(self.statement.subject().as_bytes()).is_some() {
            return None;
        }
        match &self.statement {
            Statement::Stop(stop) => {
                let room = |key: &&KeyId| history.stops_of(**key) < MAX_STOPS_OF_KEY;
                let by = self.by.iter().find(room)?;
                Some(Seen::stop(stop, *by, at))
            }
            Statement::ListAdd(_)
            | Statement::ListRemove { .. }
            | Statement::ListConfirm { .. }
            | Statement::Release { .. } => Seen::of(&self.statement.encode(), at).ok(),
            Statement::Go(_) | Statement::Ack { .. } => None,
        }
    }
}
