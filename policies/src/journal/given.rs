//! The receipts that a journal gave, kept so that exactly they can be given again.
//!
//! Invariant: each receipt is of the entry that was written for it. Its counter, head and key are that
//! entry's place, its txid and time stand in the entry, and [`Given`] is the rest; a signature of Ed25519
//! has no randomness, so that the journal's key makes the same bytes of it at any time. Follows
//! docs/formats.md F7.

use bitcoin::Txid;
use bitcoin::hex::DisplayHex;

use super::entry::{Entry, EntryError, parse, time};
use super::error::JournalError;
use super::line::ReadLine;
use super::receipt::ReceiptBody;
use crate::ids::{JournalHead, read_lower_hex_array};
use crate::intent::PublicKey;
use crate::intent::canonical::Object;
use crate::time::UnixTime;

/// What an entry's receipt says that follows from nothing else in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// The hash of the manifest that was reviewed.
    pub manifest: [u8; 32],
    /// The challenge that asked for it, if any.
    pub nonce: Option<[u8; 32]>,
    /// The head of the coordinator's event chain as the signer was told it, if it was.
    pub event_head: Option<[u8; 32]>,
}

/// A transaction that was signed before got a receipt once more, which says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The transaction.
    pub txid: Txid,
    /// What the receipt says.
    pub given: Given,
    /// When, by the journal's time.
    pub at: UnixTime,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) journal: PublicKey,
    pub(super) counter: u64,
    pub(super) head: JournalHead,
}

/// A receipt that a journal gave, as its file remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenReceipt {
    /// The journal that gave it: this one, or one before it.
    pub journal: PublicKey,
    /// The number of the entry that it is of.
    pub counter: u64,
    /// When it was given.
    pub at: UnixTime,
    /// What it says; none where an earlier version of this program wrote the entry without it.
    pub body: Option<ReceiptBody>,
}

impl Given {
    const KEY: &'static str = "receipt";

    pub(super) fn add_to(self, object: Object) -> Object {
        let optional = |hash: Option<[u8; 32]>| {
            hash.map_or_else(String::new, |hash| hash.to_lower_hex_string())
        };
        let given = Object::new()
            .text("manifest", &self.manifest.as_hex())
            .text("nonce", &optional(self.nonce))
            .text("event_head", &optional(self.event_head));
        object.object(Self::KEY, given)
    }

    /// Takes it out, if it is there: the first journals were written without it.
    pub(super) fn take_if_there(object: &mut Object) -> Result<Option<Self>, EntryError> {
        if object.iter().any(|(key, _)| key == Self::KEY) {
            Self::take(object).map(Some)
        } else {
            Ok(None)
        }
    }

    fn take(object: &mut Object) -> Result<Self, EntryError> {
        let mut object = object.take_object(Self::KEY)?;
        let given = Self {
            manifest: hash(&object.take_text("manifest")?, "manifest")?,
            nonce: optional_hash(&object.take_text("nonce")?, "nonce")?,
            event_head: optional_hash(&object.take_text("event_head")?, "event_head")?,
        };
        object.finish()?;
        Ok(given)
    }

    fn receipt(self, place: Place, txid: Txid, now: UnixTime) -> ReceiptBody {
        ReceiptBody {
            counter: place.counter,
            head: place.head,
            journal: place.journal,
            txid,
            manifest: self.manifest,
            nonce: self.nonce,
            event_head: self.event_head,
            now,
        }
    }
}

fn hash(text: &str, key: &'static str) -> Result<[u8; 32], EntryError> {
    let expected = "64 lower hex digits";
    read_lower_hex_array(text).map_err(|_| EntryError::Text { key, expected })
}

fn optional_hash(text: &str, key: &'static str) -> Result<Option<[u8; 32]>, EntryError> {
    if text.is_empty() {
        Ok(None)
    } else {
        hash(text, key).map(Some)
    }
}

impl Again {
    pub(super) fn to_object(&self) -> Object {
        let object = Object::new()
            .text("entry", "again")
            .text("txid", &self.txid)
            .integer("at", self.at.as_secs());
        self.given.add_to(object)
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        Ok(Self {
            txid: parse(&object.take_text("txid")?, "txid", "a txid")?,
            given: Given::take(object)?,
            at: time(object, "at")?,
        })
    }
}

/// The receipt that was given with an entry, if one was and the entry says what it said.
pub(super) fn receipt_of(entry: &Entry, place: Place) -> Option<ReceiptBody> {
    let (txid, given, at) = given_with(entry)?;
    Some(given?.receipt(place, txid, at))
}

fn given_with(entry: &Entry) -> Option<(Txid, Option<Given>, UnixTime)> {
    match entry {
        Entry::Signed(signed) => Some((signed.txid, signed.given, signed.at)),
        Entry::Again(again) => Some((again.txid, Some(again.given), again.at)),
        Entry::Birth(_)
        | Entry::Seen(_)
        | Entry::Voided(_)
        | Entry::Proposed(_)
        | Entry::Adopted(_)
        | Entry::Moved(_)
        | Entry::Inherited(_) => None,
    }
}

/// Finds every receipt that was given for a transaction in a journal's complete lines, the first one
/// first. Only [`super::Journal::read`] proves that the lines belong together.
///
/// # Errors
/// When a line is no entry.
pub fn receipts_for(lines: &[u8], txid: Txid) -> Result<Vec<GivenReceipt>, JournalError> {
    let lines = lines.strip_suffix(b"\n").ok_or(JournalError::Empty)?;
    let mut journal = None;
    let mut found = Vec::new();
    for (number, line) in (0_u64..).zip(lines.split(|byte| *byte == b'\n')) {
        let read = ReadLine::read(line, number)?;
        if let Entry::Birth(birth) = &read.entry {
            journal = Some(birth.key);
        }
        let journal = journal.ok_or(JournalError::NoBirth)?;
        let place = Place {
            journal,
            counter: read.counter,
            head: read.head,
        };
        let given = given_with(&read.entry).filter(|(given, ..)| *given == txid);
        found.extend(given.map(|(txid, given, at)| GivenReceipt {
            journal,
            counter: read.counter,
            at,
            body: given.map(|given| given.receipt(place, txid, at)),
        }));
    }
    Ok(found)
}

#[cfg(all(test, feature = "signing"))]
#[path = "given_tests.rs"]
mod tests;
