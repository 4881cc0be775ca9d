//! The journal itself: a chain of lines, appended one by one, read back as hostile input.
//!
//! A line is the canonical JSON `{"counter":n,"entry":{…},"head":"…"}` and a line feed. The head commits
//! to the birth and every entry since, so that a line altered, moved, taken out or put in is noticed;
//! lines cut off at the end are noticed by comparing counter and head with the last receipt.

use bitcoin::Txid;
use bitcoin::hashes::{Hash, sha256};

use super::entry::{Birth, Entry, EntryError, SignedTransaction};
use super::history::{Fault, History};
use super::receipt::ReceiptBody;
use crate::hash::tagged;
use crate::ids::{HexError, JournalHead, VaultId};
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

/// Why a journal cannot be read, or an entry not be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// There is no line at all.
    #[error("the journal is empty")]
    Empty,
    /// The last line has no line feed: its writing was cut off, before any signature left.
    #[error("line {line}: the line is torn; its entry never took effect")]
    Torn {
        /// The line, from 0 as the counter.
        line: u64,
    },
    /// The line is no entry.
    #[error("line {line}: {source}")]
    Entry {
        /// The line.
        line: u64,
        /// What is wrong.
        source: EntryError,
    },
    /// The line's head is no hash.
    #[error("line {line}: head: {source}")]
    HeadText {
        /// The line.
        line: u64,
        /// What is wrong.
        source: HexError,
    },
    /// The counter is not the next one: a line is missing, moved or put in.
    #[error("line {line}: the counter is {found}")]
    Counter {
        /// The line.
        line: u64,
        /// The counter found.
        found: u64,
    },
    /// The head does not follow from the lines before: something was altered.
    #[error("line {line}: the head is {found}, expected {expected}")]
    Head {
        /// The line.
        line: u64,
        /// The head found.
        found: JournalHead,
        /// The head that follows.
        expected: JournalHead,
    },
    /// The first entry is not a birth.
    #[error("line 0: a journal begins with its birth")]
    NoBirth,
    /// A journal is born once.
    #[error("line {line}: a second birth")]
    SecondBirth {
        /// The line.
        line: u64,
    },
    /// Time runs backwards.
    #[error("line {line}: signed {at}, before {last}, when the entry before was written")]
    TimeRunsBackwards {
        /// The line.
        line: u64,
        /// The entry's time.
        at: UnixTime,
        /// The time of the entry before.
        last: UnixTime,
    },
    /// An intent of another vault.
    #[error("line {line}: an intent of vault {found}, the journal's is {expected}")]
    OtherVault {
        /// The line.
        line: u64,
        /// The intent's vault.
        found: VaultId,
        /// The journal's vault.
        expected: VaultId,
    },
    /// A transaction that the history before does not admit.
    #[error("line {line}: {source}")]
    NotAdmitted {
        /// The line.
        line: u64,
        /// What is wrong.
        source: Fault,
    },
    /// The line is longer than lines may be.
    #[error("line {line}: {found} bytes, at most {MAX_LINE_BYTES} are allowed")]
    LineTooLong {
        /// The line.
        line: u64,
        /// Bytes found.
        found: usize,
    },
}

/// A journal's state: who it is, where its chain stands, and what follows from its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    vault: VaultId,
    key: PublicKey,
    counter: u64,
    head: JournalHead,
    history: History,
}

impl Journal {
    /// Begins a journal. Birth zero is only for a freshly generated key that the vault's *first* policy
    /// version names; after a restore, birth is now, always.
    pub fn begin(
        vault: VaultId,
        key: PublicKey,
        birth: UnixTime,
    ) -> Result<(Self, Line), JournalError> {
        let birth = Birth { vault, key, birth };
        let object = checked_object(&Entry::Birth(birth.clone()), 0)?;
        let journal = Self::born(&birth);
        let line = line_of(0, object, journal.head)?;
        Ok((journal, line))
    }

    fn born(birth: &Birth) -> Self {
        let Birth { vault, key, birth } = *birth;
        let seconds = birth.as_secs().to_le_bytes();
        let head = tagged("birth", &[vault.as_bytes(), key.as_bytes(), &seconds]);
        let head = JournalHead::from_bytes(head);
        Self {
            vault,
            key,
            counter: 0,
            head,
            history: History::begin(birth),
        }
    }

    /// Reads a whole journal's bytes; every tampering is a named error.
    pub fn read(bytes: &[u8]) -> Result<Self, JournalError> {
        let Some(complete) = bytes.strip_suffix(b"\n") else {
            let line = bytes.split(|byte| *byte == b'\n').skip(1).count();
            let torn = JournalError::Torn {
                line: u64::try_from(line).unwrap_or(u64::MAX),
            };
            return Err(if bytes.is_empty() {
                JournalError::Empty
            } else {
                torn
            });
        };
        Self::replay(complete.split(|byte| *byte == b'\n'))
    }

    /// How many of the bytes are complete lines. What follows them was cut off while it was written,
    /// so no signature left for it, and it may be dropped.
    pub fn complete_lines(bytes: &[u8]) -> usize {
        bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at.saturating_add(1))
    }

    /// Replays lines, given without their line feeds.
    pub fn replay<L: AsRef<[u8]>>(
        lines: impl IntoIterator<Item = L>,
    ) -> Result<Self, JournalError> {
        let mut lines = lines.into_iter();
        let first = lines.next().ok_or(JournalError::Empty)?;
        let first = ReadLine::read(first.as_ref(), 0)?;
        let Entry::Birth(birth) = &first.entry else {
            return Err(JournalError::NoBirth);
        };
        let mut journal = Self::born(birth);
        first.expect_head(journal.head)?;
        for line in lines {
            let number = journal.counter.saturating_add(1);
            let read = ReadLine::read(line.as_ref(), number)?;
            let signed = journal.admit(read.entry.clone(), number)?;
            let head = next_head(journal.head, number, &read.entry_bytes);
            read.expect_head(head)?;
            journal.advance(number, head, signed);
        }
        Ok(journal)
    }

    /// Appends an entry and gives the line that must be durable before a signature leaves. If making it
    /// durable fails, this journal is ahead of its file: drop it and read the file again.
    pub fn append(&mut self, entry: Entry) -> Result<Line, JournalError> {
        let number = self.counter.saturating_add(1);
        let object = checked_object(&entry, number)?;
        let signed = self.admit(entry, number)?;
        let head = next_head(self.head, number, &object.encode());
        let line = line_of(number, object, head)?;
        self.advance(number, head, signed);
        Ok(line)
    }

    fn admit(&self, entry: Entry, line: u64) -> Result<SignedTransaction, JournalError> {
        let signed = match entry {
            Entry::Birth(_) => return Err(JournalError::SecondBirth { line }),
            Entry::Signed(signed) => signed,
        };
        let (at, last) = (signed.at, self.history.last());
        if at < last {
            return Err(JournalError::TimeRunsBackwards { line, at, last });
        }
        let mut vaults = signed
            .intents
            .iter()
            .chain(&signed.replaced)
            .map(|intent| intent.vault);
        if let Some(found) = vaults.find(|vault| *vault != self.vault) {
            return Err(JournalError::OtherVault {
                line,
                found,
                expected: self.vault,
            });
        }
        self.history
            .admits(&signed)
            .map_err(|source| JournalError::NotAdmitted { line, source })?;
        Ok(signed)
    }

    fn advance(&mut self, number: u64, head: JournalHead, signed: SignedTransaction) {
        self.counter = number;
        self.head = head;
        self.history.record(signed);
    }

    /// What a receipt says after the last entry.
    pub fn receipt(
        &self,
        txid: Txid,
        manifest: [u8; 32],
        nonce: Option<[u8; 32]>,
        event_head: Option<[u8; 32]>,
        now: UnixTime,
    ) -> ReceiptBody {
        ReceiptBody {
            counter: self.counter,
            head: self.head,
            journal: self.key,
            txid,
            manifest,
            nonce,
            event_head,
            now,
        }
    }

    /// The vault it serves.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Its own key.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The number of entries after the birth.
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// Its head.
    pub const fn head(&self) -> JournalHead {
        self.head
    }

    /// What follows from its entries.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The journal's time for a clock: never before the last entry.
    pub fn now(&self, clock: UnixTime) -> UnixTime {
        self.history.now(clock)
    }
}

/// A line taken apart, before anything about it is believed.
struct ReadLine {
    line: u64,
    head: JournalHead,
    entry: Entry,
    entry_bytes: Vec<u8>,
}

impl ReadLine {
    fn read(bytes: &[u8], line: u64) -> Result<Self, JournalError> {
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
        if counter != line {
            return Err(JournalError::Counter {
                line,
                found: counter,
            });
        }
        let head = head
            .parse()
            .map_err(|source| JournalError::HeadText { line, source })?;
        let entry_bytes = entry.encode();
        let entry = Entry::from_object(entry).map_err(wrong)?;
        Ok(Self {
            line,
            head,
            entry,
            entry_bytes,
        })
    }

    fn expect_head(&self, expected: JournalHead) -> Result<(), JournalError> {
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

/// headₙ = TH("entry", headₙ₋₁ ‖ n u64 ‖ SHA-256(entry's canonical JSON)).
fn next_head(head: JournalHead, number: u64, entry: &[u8]) -> JournalHead {
    let entry = sha256::Hash::hash(entry).to_byte_array();
    JournalHead::from_bytes(tagged(
        "entry",
        &[head.as_bytes(), &number.to_le_bytes(), &entry],
    ))
}

/// The entry's object, once it is certain that a replay will read it.
fn checked_object(entry: &Entry, line: u64) -> Result<Object, JournalError> {
    let object = entry.to_object();
    Entry::from_object(object.clone()).map_err(|source| JournalError::Entry { line, source })?;
    Ok(object)
}

fn line_of(counter: u64, entry: Object, head: JournalHead) -> Result<Line, JournalError> {
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

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
