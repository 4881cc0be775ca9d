//! Statements about open lists, as a journal saw them.
//!
//! A journal keeps the moment at which it first saw that a destination was added: from then on the
//! cooling-off runs by this signer's own clock. The statement stands in the entry whole, as it was
//! signed; kind and subject are read from it, so that an entry cannot contradict itself.

use super::entry::{EntryError, time};
use crate::hash::statement_subject;
use crate::ids::read_lower_hex_array;
use crate::intent::canonical::Object;
use crate::time::UnixTime;

/// What a statement does to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeenKind {
    /// It adds a destination.
    Added,
    /// It removes the destination that the statement of this subject added.
    Removed {
        /// The subject of the adding statement.
        entry: [u8; 32],
    },
    /// It confirms the first payment to the destination that the statement of this subject added.
    Confirmed {
        /// The subject of the adding statement.
        entry: [u8; 32],
    },
}

/// A statement about an open list that verified when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    statement: Object,
    kind: SeenKind,
    subject: [u8; 32],
    at: UnixTime,
}

impl Seen {
    /// The entry of a statement's canonical JSON. Whether it is well signed is the review's question.
    ///
    /// # Errors
    /// When the bytes are no statement about an open list.
    pub fn of(statement: &[u8], at: UnixTime) -> Result<Self, EntryError> {
        Self::from_statement(Object::decode(statement)?, at)
    }

    fn from_statement(statement: Object, at: UnixTime) -> Result<Self, EntryError> {
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
        let kind = match format.as_str() {
            "countersign/list-add/1" => SeenKind::Added,
            "countersign/list-remove/1" => SeenKind::Removed { entry: entry()? },
            "countersign/list-confirm/1" => SeenKind::Confirmed { entry: entry()? },
            _ => return Err(wrong("a statement about an open list")),
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
        Object::new()
            .text("entry", "seen")
            .object("statement", self.statement.clone())
            .integer("at", self.at.as_secs())
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        let at = time(object, "at")?;
        Self::from_statement(object.take_object("statement")?, at)
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
