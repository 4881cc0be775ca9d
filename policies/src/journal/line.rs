//! One line of a journal: how it is written, taken apart, and chained to the one before.

use bitcoin::hashes::{Hash, sha256};

use super::entry::Entry;
use super::error::JournalError;
use crate::hash::tagged;
use crate::ids::{JournalHead, VaultId};
use crate::intent::PublicKey;
use crate::intent::canonical::{MAX_INTEGER, Object};
use crate::time::UnixTime;

/// The most bytes of a line, its line feed not counted.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// One line to be made durable before anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a line that is not made durable is a signature without a memory"]
pub struct Line(Vec<u8>);

impl Line {
    /// Its bytes, the line feed included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A line taken apart, before anything about it is believed.
pub(super) struct ReadLine {
    line: u64,
    pub(super) counter: u64,
    pub(super) head: JournalHead,
    pub(super) entry: Entry,
    pub(super) entry_bytes: Vec<u8>,
}

impl ReadLine {
    pub(super) fn read(bytes: &[u8], line: u64) -> Result<Self, JournalError> {
        let wrong = |source| JournalError::Entry { line, source };
        let mut object =
            Object::decode_nested(bytes, MAX_LINE_BYTES).map_err(|error| wrong(error.into()))?;
        let mut read = || {
            let counter = object.take_integer("counter")?;
            let head = object.take_text("head")?;
            let entry = object.take_object("entry")?;
            std::mem::take(&mut object).finish()?;
            Ok((counter, head, entry))
        };
        let (counter, head, entry) = read().map_err(wrong)?;
        let head = head
            .parse()
            .map_err(|source| JournalError::HeadText { line, source })?;
        let entry_bytes = entry.encode();
        let entry = Entry::from_object(entry).map_err(wrong)?;
        Ok(Self {
            line,
            counter,
            head,
            entry,
            entry_bytes,
        })
    }

    pub(super) fn expect_counter(&self, expected: u64) -> Result<(), JournalError> {
        let (line, found) = (self.line, self.counter);
        if found == expected {
            return Ok(());
        }
        Err(JournalError::Counter { line, found })
    }

    pub(super) fn expect_head(&self, expected: JournalHead) -> Result<(), JournalError> {
        if self.head == expected {
            return Ok(());
        }
        Err(JournalError::Head {
            line: self.line,
            found: self.head,
            expected,
        })
    }
}

/// head₀ = TH("birth", vault ‖ public key ‖ birth u64).
pub(super) fn birth_head(vault: VaultId, key: PublicKey, birth: UnixTime) -> JournalHead {
    let seconds = birth.as_secs().to_le_bytes();
    JournalHead::from_bytes(tagged(
        "birth",
        &[vault.as_bytes(), key.as_bytes(), &seconds],
    ))
}

/// headₙ = TH("entry", headₙ₋₁ ‖ n u64 ‖ SHA-256(entry's canonical JSON)).
pub(super) fn next_head(head: JournalHead, number: u64, entry: &[u8]) -> JournalHead {
    let entry = sha256::Hash::hash(entry).to_byte_array();
    JournalHead::from_bytes(tagged(
        "entry",
        &[head.as_bytes(), &number.to_le_bytes(), &entry],
    ))
}

/// The entry's object, once it is certain that a replay will read it.
pub(super) fn checked_object(entry: &Entry, line: u64) -> Result<Object, JournalError> {
    let object = entry.to_object();
    Entry::from_object(object.clone()).map_err(|source| JournalError::Entry { line, source })?;
    Ok(object)
}

pub(super) fn line_of(
    counter: u64,
    entry: Object,
    head: JournalHead,
) -> Result<Line, JournalError> {
    debug_assert!(counter <= MAX_INTEGER, "a journal of 2^53 entries");
    let object = Object::new()
        .integer("counter", counter)
        .object("entry", entry)
        .text("head", &head);
    let mut bytes = object.encode();
    if bytes.len() > MAX_LINE_BYTES {
        return Err(JournalError::LineTooLong {
            line: counter,
            found: bytes.len(),
        });
    }
    bytes.push(b'\n');
    Ok(Line(bytes))
}
