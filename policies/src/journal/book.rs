//! The journal itself: a chain of lines, appended one by one, read back as hostile input.
//!
//! A line is the canonical JSON `{"counter":n,"entry":{…},"head":"…"}` and a line feed. The head commits
//! to the birth and every entry since, so that a line altered, moved, taken out or put in is noticed;
//! lines cut off at the end are noticed by comparing counter and head with the last receipt.
//!
//! The file of a journal that moved here begins with the lines of the journals before it, so that a
//! replay knows all that was ever signed. The new chain begins after them at counter 0.

use super::entry::{Birth, Entry};
use super::error::JournalError;
use super::given::{Place, receipt_of};
use super::history::History;
use super::line::{Line, ReadLine, birth_head, checked_object, line_of, next_head};
use super::moving::{Inherited, MoveCertificate, MoveStatement};
use super::receipt::ReceiptBody;
use super::version;
use crate::ids::{JournalHead, VaultId};
use crate::intent::PublicKey;
use crate::time::UnixTime;

/// A journal's state: who it is, where its chain stands, and what follows from its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    vault: VaultId,
    key: PublicKey,
    /// Lines before the birth of this journal: those of the journals before it.
    before: u64,
    counter: u64,
    head: JournalHead,
    history: History,
    /// The moves that led here.
    moves: Vec<MoveCertificate>,
    /// What must be inherited next: the journal was born to go on for another.
    awaits: Option<MoveStatement>,
    /// The receipt of the last entry, if it is one of a signature.
    receipt: Option<ReceiptBody>,
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
        let head = birth_head(vault, key, birth);
        let mut history = History::begin(birth);
        history.begin_chain(key, head);
        Self {
            vault,
            key,
            before: 0,
            counter: 0,
            head,
            history,
            moves: Vec::new(),
            awaits: None,
            receipt: None,
        }
    }

    /// Goes on for this journal, which moved, under the key that it named; gives the two lines to write
    /// after its own.
    ///
    /// # Errors
    /// When the journal did not move, or the certificate is not that of its move.
    pub fn go_on(self, certificate: &MoveCertificate) -> Result<(Self, [Line; 2]), JournalError> {
        let birth = Birth {
            vault: self.vault,
            key: certificate.statement.to,
            birth: self.history.birth(),
        };
        let mut journal = self.reborn(&birth)?;
        let object = checked_object(&Entry::Birth(birth), journal.line())?;
        let born = line_of(0, object, journal.head)?;
        let MoveStatement {
            from,
            counter,
            head,
            ..
        } = certificate.statement;
        let inherited = journal.append(Entry::Inherited(Inherited {
            from,
            counter,
            head,
            certificate: certificate.signature.clone(),
        }))?;
        Ok((journal, [born, inherited]))
    }

    /// The journal that is born after this one moved.
    fn reborn(self, birth: &Birth) -> Result<Self, JournalError> {
        let line = self.line().saturating_add(1);
        let statement = self
            .move_statement()
            .ok_or(JournalError::SecondBirth { line })?;
        let expected = Birth {
            vault: self.vault,
            key: statement.to,
            birth: statement.birth,
        };
        if *birth != expected || self.awaits.is_some() {
            return Err(JournalError::NotInherited { line });
        }
        let mut history = self.history;
        let head = birth_head(birth.vault, birth.key, birth.birth);
        history.begin_chain(birth.key, head);
        Ok(Self {
            key: birth.key,
            before: line,
            counter: 0,
            head,
            history,
            awaits: Some(statement),
            receipt: None,
            ..self
        })
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
        first.expect_counter(0)?;
        let Entry::Birth(birth) = &first.entry else {
            return Err(JournalError::NoBirth);
        };
        let mut journal = Self::born(birth);
        first.expect_head(journal.head)?;
        for line in lines {
            let number = journal.line().saturating_add(1);
            let read = ReadLine::read(line.as_ref(), number)?;
            if let (Entry::Birth(birth), Some(_)) = (&read.entry, journal.history.moved_to()) {
                read.expect_counter(0)?;
                journal = journal.reborn(birth)?;
                read.expect_head(journal.head)?;
                continue;
            }
            let counter = journal.counter.saturating_add(1);
            read.expect_counter(counter)?;
            journal.admit(&read.entry)?;
            let head = next_head(journal.head, counter, &read.entry_bytes);
            read.expect_head(head)?;
            journal.advance(head, read.entry);
        }
        if journal.awaits.is_some() {
            let line = journal.line().saturating_add(1);
            return Err(JournalError::NotInherited { line });
        }
        Ok(journal)
    }

    /// The entries of complete lines, each with its counter, for reading. Only [`Journal::read`] proves
    /// that they belong together.
    ///
    /// # Errors
    /// When a line is no entry.
    pub fn entries(lines: &[u8]) -> Result<Vec<(u64, Entry)>, JournalError> {
        let lines = lines.strip_suffix(b"\n").ok_or(JournalError::Empty)?;
        (0_u64..)
            .zip(lines.split(|byte| *byte == b'\n'))
            .map(|(number, line)| {
                let read = ReadLine::read(line, number)?;
                Ok((read.counter, read.entry))
            })
            .collect()
    }

    /// Appends an entry and gives the line that must be durable before a signature leaves. If making it
    /// durable fails, this journal is ahead of its file: drop it and read the file again.
    pub fn append(&mut self, entry: Entry) -> Result<Line, JournalError> {
        let line = self.append_within(entry, u64::MAX)?;
        Ok(line.expect("every line is shorter than 2^64 bytes"))
    }

    /// The same, unless its line is longer than `most` bytes: then nothing is appended, and none is given.
    ///
    /// # Errors
    /// When the entry may not follow.
    pub fn append_within(&mut self, entry: Entry, most: u64) -> Result<Option<Line>, JournalError> {
        let counter = self.counter.saturating_add(1);
        let object = checked_object(&entry, self.line().saturating_add(1))?;
        self.admit(&entry)?;
        let head = next_head(self.head, counter, &object.encode());
        let line = line_of(counter, object, head)?;
        if u64::try_from(line.as_bytes().len()).is_ok_and(|length| length <= most) {
            self.advance(head, entry);
            return Ok(Some(line));
        }
        Ok(None)
    }

    /// Checks that an entry may follow.
    fn admit(&self, entry: &Entry) -> Result<(), JournalError> {
        let line = self.line().saturating_add(1);
        if let Some(to) = self.history.moved_to() {
            return Err(JournalError::Moved { line, to });
        }
        let at = match (entry, &self.awaits) {
            (Entry::Birth(_), _) => return Err(JournalError::SecondBirth { line }),
            (Entry::Inherited(inherited), Some(expected)) => {
                let certificate = certificate_of(inherited, expected);
                if certificate.statement != *expected {
                    return Err(JournalError::NotInherited { line });
                }
                return certificate
                    .verify(self.vault)
                    .map_err(|source| JournalError::Certificate { line, source });
            }
            (Entry::Inherited(_), None) | (_, Some(_)) => {
                return Err(JournalError::NotInherited { line });
            }
            (Entry::Signed(signed), None) => signed.at,
            (Entry::Again(again), None) => again.at,
            (Entry::Seen(seen), None) => seen.at(),
            (Entry::Voided(voided), None) => voided.at,
            (Entry::Proposed(proposed), None) => proposed.at,
            (Entry::Adopted(adopted), None) => adopted.at,
            (Entry::Moved(moved), None) => moved.at,
        };
        let last = self.history.last();
        if at < last {
            return Err(JournalError::TimeRunsBackwards { line, at, last });
        }
        match entry {
            Entry::Signed(signed) => {
                let intents = signed.intents.iter().chain(&signed.replaced);
                let mut vaults = intents.map(|intent| intent.vault);
                if let Some(found) = vaults.find(|vault| *vault != self.vault) {
                    let expected = self.vault;
                    return Err(JournalError::OtherVault {
                        line,
                        found,
                        expected,
                    });
                }
                self.history
                    .admits(signed)
                    .map_err(|source| JournalError::NotAdmitted { line, source })
            }
            Entry::Again(again) => {
                let txid = again.txid;
                if !self.history.contains(&txid) {
                    return Err(JournalError::NeverSigned { line, txid });
                }
                Ok(())
            }
            Entry::Voided(voided) => {
                let txid = voided.txid;
                if self.history.contains(&txid) || self.history.voided(&txid).is_some() {
                    return Err(JournalError::VoidsAnswered { line, txid });
                }
                Ok(())
            }
            Entry::Moved(moved) => {
                let to = moved.to;
                let mut before = self.moves.iter().map(|earlier| earlier.statement.from);
                if to == self.key || before.any(|key| key == to) {
                    return Err(JournalError::MovedBack { line, to });
                }
                Ok(())
            }
            Entry::Proposed(proposed) => (self.history.versions())
                .check_proposed(proposed)
                .map_err(version::at_line(line)),
            Entry::Adopted(adopted) => (self.history.versions())
                .check_adopted(adopted)
                .map_err(version::at_line(line)),
            Entry::Seen(_) | Entry::Birth(_) | Entry::Inherited(_) => Ok(()),
        }
    }

    /// Takes in an entry that was admitted.
    fn advance(&mut self, head: JournalHead, entry: Entry) {
        self.counter = self.counter.saturating_add(1);
        self.head = head;
        self.history.extend_chain(head);
        let place = Place {
            journal: self.key,
            counter: self.counter,
            head,
        };
        self.receipt = receipt_of(&entry, place);
        match entry {
            Entry::Signed(signed) => self.history.record(signed),
            Entry::Again(again) => self.history.receipt_again(&again),
            Entry::Seen(seen) => self.history.see(&seen),
            Entry::Voided(voided) => self.history.void(voided.txid, voided.at),
            Entry::Proposed(proposed) => self.history.propose(proposed),
            Entry::Adopted(adopted) => self.history.adopt(adopted),
            Entry::Moved(moved) => {
                self.history.pass(moved.at);
                self.history.move_to(moved.to);
            }
            Entry::Inherited(inherited) => {
                if let Some(expected) = self.awaits.take() {
                    self.moves.push(certificate_of(&inherited, &expected));
                }
            }
            Entry::Birth(_) => {}
        }
    }

    /// The number of the last line in the file, from 0.
    fn line(&self) -> u64 {
        self.before.saturating_add(self.counter)
    }

    /// What the key of this journal says about its move, if it moved.
    pub fn move_statement(&self) -> Option<MoveStatement> {
        Some(MoveStatement {
            from: self.key,
            to: self.history.moved_to()?,
            birth: self.history.birth(),
            counter: self.counter,
            head: self.head,
        })
    }

    /// The moves that led here, the first one first.
    pub fn moves(&self) -> &[MoveCertificate] {
        &self.moves
    }

    /// The receipt that is given with the last entry, if that is one of a signature.
    pub const fn last_receipt(&self) -> Option<&ReceiptBody> {
        self.receipt.as_ref()
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

/// What an entry says was inherited, under the birth and the key that are expected.
fn certificate_of(inherited: &Inherited, expected: &MoveStatement) -> MoveCertificate {
    MoveCertificate {
        statement: MoveStatement {
            from: inherited.from,
            counter: inherited.counter,
            head: inherited.head,
            ..expected.clone()
        },
        signature: inherited.certificate.clone(),
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
