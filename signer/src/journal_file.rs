//! The journal on disk: one file, locked while it is open, appended and never rewritten.
//!
//! Invariant: what [`JournalFile::remember`] returns exists only after the entry and the file's
//! length are on stable storage. Every open replays the whole file as hostile input.

mod error;
mod opening;

use bitcoin::Txid;
use policies::journal::{
    Adopted, Again, Entry, JournalError, MoveStatement, Moved, Proposed, ReceiptBody, Seen,
    SeenKind, Voided,
};
use policies::planted::steps::{Moment, Step, reach};
use policies::planted::{Bug, planted};
use policies::{History, Journal, PolicyId, PublicKey, SignedTransaction, UnixTime, VaultId};
use std::fs::File;
use std::io::{self, Write};

pub use error::JournalFileError;
pub use opening::{read_bytes, read_named};

use error::not_admitted;

/// The most bytes of a journal that are read: some hundred thousand transactions.
const MAX_BYTES: u64 = 1 << 30;

/// Of these, so many are left for the last entry of all: a full journal can still move.
const ROOM_TO_MOVE: u64 = 4 * 1024;

/// Of these, so many are left for stops, releases and promises never to sign: who fills a journal with transactions
/// cannot make it deaf. Of each key it keeps few stops at once, and promises are few a day.
const ROOM_TO_STOP: u64 = 32 * 1024 * 1024;

/// The most bytes that are read: a bundle is a whole journal and the lines that begin the next one.
pub(crate) const MOST_READ: u64 = MAX_BYTES + ROOM_TO_MOVE;

/// Where entries become durable.
pub trait AppendLog {
    /// Appends bytes and returns once they survive a power cut.
    ///
    /// # Errors
    /// The system's answer; then nobody knows how much was written.
    fn append_durably(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl AppendLog for File {
    fn append_durably(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_all()
    }
}

/// An open journal; nobody else can open it meanwhile.
#[derive(Debug)]
pub struct JournalFile<L = File> {
    log: L,
    journal: Journal,
    /// The bytes of all lines so far.
    length: u64,
    /// The most that they may become, and what of that is for some entries alone.
    most: u64,
    room_to_stop: u64,
    failed: bool,
}

/// Proof that a transaction is durable in the journal; only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is what allows a signature"]
pub struct Remembered {
    txid: Txid,
    receipt: Option<ReceiptBody>,
}

impl Remembered {
    /// The transaction remembered.
    pub fn txid(&self) -> Txid {
        self.txid
    }

    /// What its receipt says, durable as well, if it was to be remembered.
    pub fn receipt(&self) -> Option<&ReceiptBody> {
        self.receipt.as_ref()
    }
}

/// Whose journal is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The vault of the pinned policy.
    pub vault: VaultId,
    /// The home's journal key.
    pub key: PublicKey,
}

impl<L: AppendLog> JournalFile<L> {
    /// A journal over a log that holds its lines, which count as no bytes.
    pub fn over(log: L, journal: Journal) -> Self {
        Self {
            log,
            journal,
            length: 0,
            most: MAX_BYTES,
            room_to_stop: ROOM_TO_STOP,
            failed: false,
        }
    }

    /// The same, with so many bytes as the most, and of these for stops.
    #[cfg(test)]
    fn with_most(self, most: u64, room_to_stop: u64) -> Self {
        Self {
            most,
            room_to_stop,
            ..self
        }
    }

    /// Makes a transaction and what its receipt says durable before it is signed. One that is there
    /// already for the same intents is not recorded again; its receipt is, unless it is the one that the
    /// last entry gave, which then is given once more. Where no entry is needed, the disk is asked all the
    /// same: the entry may have been read from a process that was killed before the disk had it.
    ///
    /// # Errors
    /// When the journal does not admit it or the entry cannot be made durable; after that, nothing
    /// is remembered until the file is opened again.
    pub fn remember(&mut self, signed: SignedTransaction) -> Result<Remembered, JournalFileError> {
        if self.failed {
            return Err(JournalFileError::FailedBefore);
        }
        let txid = signed.txid;
        let entry = if self.journal.history().knows(&signed) {
            self.journal.history().admits(&signed).map_err(|source| {
                let line = self.journal.counter();
                not_admitted(JournalError::NotAdmitted { line, source })
            })?;
            self.again(&signed).map(Entry::Again)
        } else {
            Some(Entry::Signed(signed))
        };
        self.remember_entry(entry)?;
        let last = self.journal.last_receipt();
        let receipt = last.filter(|receipt| receipt.txid == txid).cloned();
        Ok(Remembered { txid, receipt })
    }

    /// The entry for another receipt of a transaction, unless the last entry gave the very same.
    fn again(&self, signed: &SignedTransaction) -> Option<Again> {
        let given = signed.given?;
        let again = Again {
            txid: signed.txid,
            given,
            at: self.journal.now(signed.at),
        };
        let last = self.journal.last_receipt();
        (!last.is_some_and(|receipt| receipt.says(&again))).then_some(again)
    }

    /// Makes durable that a statement about an open list was seen; one that was seen before needs no
    /// entry. Says when it was first seen.
    ///
    /// # Errors
    /// As [`JournalFile::remember`].
    pub fn remember_statement(&mut self, seen: Seen) -> Result<UnixTime, JournalFileError> {
        let (subject, at) = (seen.subject(), seen.at());
        let known = self.journal.history().seen(&subject);
        self.remember_entry(known.is_none().then_some(Entry::Seen(seen)))?;
        Ok(known.unwrap_or(at))
    }

    /// Makes durable that a transaction will never be signed here; promised before, it needs no entry. Whether it may be
    /// promised is the caller's question, and asked by the journal again.
    ///
    /// # Errors
    /// When the journal signed it, or as [`JournalFile::remember`].
    pub fn remember_void(&mut self, txid: Txid, clock: UnixTime) -> Result<(), JournalFileError> {
        let at = self.journal.now(clock);
        let known = self.journal.history().voided(&txid).is_some();
        self.remember_entry((!known).then_some(Entry::Voided(Voided { txid, at })))
    }

    /// Makes durable that the next version is held with its quorum; says when it first was.
    ///
    /// # Errors
    /// When it does not go on from what was adopted, or as [`JournalFile::remember`].
    pub fn remember_proposed(
        &mut self,
        policy: PolicyId,
        previous: PolicyId,
        clock: UnixTime,
    ) -> Result<UnixTime, JournalFileError> {
        let at = self.journal.now(clock);
        let known = self.journal.history().versions().proposed(policy);
        let proposed = Proposed {
            policy,
            previous,
            at,
        };
        self.remember_entry(known.is_none().then_some(Entry::Proposed(proposed)))?;
        Ok(known.unwrap_or(at))
    }

    /// Makes durable that a version is what this signer reviews under from now on.
    ///
    /// # Errors
    /// As [`JournalFile::remember_proposed`].
    pub fn remember_adopted(
        &mut self,
        policy: PolicyId,
        previous: PolicyId,
        clock: UnixTime,
    ) -> Result<(), JournalFileError> {
        let at = self.journal.now(clock);
        self.remember_entry(Some(Entry::Adopted(Adopted {
            policy,
            previous,
            at,
        })))
    }

    /// Ends the journal: makes durable that another one goes on, and says what the move's certificate
    /// must say. Asked again for the same key it says the same, so that a crash loses nothing.
    ///
    /// # Errors
    /// When the journal moved to another key, or as [`JournalFile::remember`].
    pub fn move_to(
        &mut self,
        to: PublicKey,
        clock: UnixTime,
    ) -> Result<MoveStatement, JournalFileError> {
        let at = self.journal.now(clock);
        let moved = self.journal.history().moved_to() == Some(to);
        self.remember_entry((!moved).then_some(Entry::Moved(Moved { to, at })))?;
        let statement = self.journal.move_statement();
        statement.ok_or(JournalFileError::FailedBefore)
    }

    /// Appends an entry, if there is one; either way all entries are durable afterwards.
    fn remember_entry(&mut self, entry: Option<Entry>) -> Result<(), JournalFileError> {
        if self.failed {
            return Err(JournalFileError::FailedBefore);
        }
        let Some(entry) = entry else {
            return self.append(&[]);
        };
        // A journal that could not be read again would be lost.
        let most = self.most.saturating_sub(self.room_kept_from(&entry));
        let left = most.saturating_sub(self.length);
        match self.journal.append_within(entry, left) {
            Ok(Some(line)) => self.append(line.as_bytes()),
            Ok(None) => Err(JournalFileError::Full {
                length: self.length,
            }),
            Err(error) => Err(not_admitted(error)),
        }
    }

    /// The bytes that are left for other entries than this one.
    fn room_kept_from(&self, entry: &Entry) -> u64 {
        let stops = match entry {
            Entry::Moved(_) => return 0,
            Entry::Voided(_) => true,
            Entry::Seen(seen) => match seen.kind() {
                SeenKind::Stopped { .. } | SeenKind::Released { .. } => true,
                SeenKind::Added | SeenKind::Removed { .. } | SeenKind::Confirmed { .. } => false,
            },
            Entry::Birth(_)
            | Entry::Signed(_)
            | Entry::Again(_)
            | Entry::Proposed(_)
            | Entry::Adopted(_)
            | Entry::Inherited(_) => false,
        };
        let room_to_stop = if stops { 0 } else { self.room_to_stop };
        ROOM_TO_MOVE.saturating_add(room_to_stop)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), JournalFileError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = self.length.saturating_add(length);
        reach(Step::Journal, Moment::Before);
        match self.log.append_durably(bytes) {
            Err(cause) if !planted(Bug::JournalDurability) => {
                self.failed = true;
                Err(JournalFileError::NotDurable(cause))
            }
            Err(_) | Ok(()) => {
                reach(Step::Journal, Moment::After);
                self.length = length;
                Ok(())
            }
        }
    }

    /// The journal's state.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What follows from its entries.
    pub fn history(&self) -> &History {
        self.journal.history()
    }
}

#[cfg(test)]
mod tests;
