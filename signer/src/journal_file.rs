//! The journal on disk: one file, locked while it is open, appended and never rewritten.
//!
//! Invariant: what [`JournalFile::remember`] returns exists only after the entry and the file's
//! length are on stable storage. Every open replays the whole file as hostile input.

use crate::failure::{Class, Explained};
use crate::keystore::durable::{self, WriteError};
use bitcoin::Txid;
use policies::journal::{
    Adopted, Again, Entry, Fault, JournalError, Line, MoveStatement, Moved, Proposed, ReceiptBody,
    Seen, SeenKind, VersionFault, Voided,
};
use policies::planted::steps::{Moment, Step, reach};
use policies::planted::{Bug, planted};
use policies::{History, Journal, PolicyId, PublicKey, SignedTransaction, UnixTime, VaultId};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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

/// Why a journal does not open, or does not remember.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// There is no journal.
    #[error("there is no journal at {}", .0.display())]
    Missing(PathBuf),
    /// Another process has it open.
    #[error("the journal {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The system refused to read or write.
    #[error("journal {}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// The file is larger than a journal may be.
    #[error("the journal has {found} bytes, at most {MAX_BYTES} are read")]
    TooLarge {
        /// Bytes found.
        found: u64,
    },
    /// The file could not be created.
    #[error(transparent)]
    Create(#[from] WriteError),
    /// Another entry would make the file larger than a journal may be.
    #[error("the journal has {length} bytes, and at most {MAX_BYTES} are read")]
    Full {
        /// Bytes so far.
        length: u64,
    },
    /// A file that somebody named is not a journal at all.
    #[error("the named file is no journal")]
    NotAJournal,
    /// The content is not a journal: altered, or not written by this program.
    #[error("the journal does not prove itself: {0}")]
    Tampered(Box<JournalError>),
    /// The journal belongs to another key.
    #[error("the journal is of {found}, this home's journal key is {expected}")]
    OtherKey {
        /// The key in the journal.
        found: PublicKey,
        /// The home's journal key.
        expected: PublicKey,
    },
    /// The journal belongs to another vault.
    #[error("the journal is of vault {found}, the pinned policy of vault {expected}")]
    OtherVault {
        /// The vault in the journal.
        found: VaultId,
        /// The vault of the pinned policy.
        expected: VaultId,
    },
    /// An entry could not be added.
    #[error("the journal does not admit the transaction: {0}")]
    NotAdmitted(Box<JournalError>),
    /// An entry could not be made durable; nothing may be signed until the file is read again.
    #[error("the entry could not be made durable: {0}")]
    NotDurable(io::Error),
    /// An earlier entry was not made durable.
    #[error("an earlier entry could not be made durable; open the journal again")]
    FailedBefore,
}

/// Whose journal is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The vault of the pinned policy.
    pub vault: VaultId,
    /// The home's journal key.
    pub key: PublicKey,
}

impl JournalFile<File> {
    /// Begins a journal in a new file, complete or absent after a crash.
    ///
    /// # Errors
    /// When there is a file already or the system refuses.
    pub fn begin(path: &Path, owner: Owner, birth: UnixTime) -> Result<(), JournalFileError> {
        let (_, line): (Journal, Line) =
            Journal::begin(owner.vault, owner.key, birth).map_err(not_admitted)?;
        Ok(durable::write_new(path, line.as_bytes())?)
    }

    /// Opens a journal for signing: takes the lock, replays every line, drops a line whose writing
    /// was cut off (no signature left for it).
    ///
    /// # Errors
    /// When the file is missing, in use, altered, or somebody else's.
    pub fn open(path: &Path, owner: Owner) -> Result<Self, JournalFileError> {
        let io = |cause| JournalFileError::Io {
            path: path.to_owned(),
            cause,
        };
        let mut options = OpenOptions::new();
        let mut file = match options.read(true).append(true).open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(JournalFileError::Missing(path.to_owned()));
            }
            opened => opened.map_err(io)?,
        };
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalFileError::Locked(path.to_owned()),
            TryLockError::Error(cause) => io(cause),
        })?;
        let bytes = bounded(&mut file, path)?;
        let complete = Journal::complete_lines(&bytes);
        let journal = replay(&bytes, complete, owner)?;
        if complete < bytes.len() {
            let length =
                u64::try_from(complete).map_err(|_| io(io::ErrorKind::FileTooLarge.into()))?;
            file.set_len(length)
                .and_then(|()| file.sync_all())
                .and_then(|()| file.seek(SeekFrom::End(0)).map(drop))
                .map_err(io)?;
        }
        let length = u64::try_from(complete).unwrap_or(u64::MAX);
        Ok(Self {
            length,
            ..Self::over(file, journal)
        })
    }

    /// Reads a journal without locking it, to look at; a line being written is left out.
    ///
    /// # Errors
    /// When the file is missing, altered, or somebody else's.
    pub fn read(path: &Path, owner: Owner) -> Result<Journal, JournalFileError> {
        Self::read_lines(path, owner).map(|(journal, _)| journal)
    }

    /// As [`JournalFile::read`], with the complete lines that were replayed.
    ///
    /// # Errors
    /// As [`JournalFile::read`].
    pub fn read_lines(path: &Path, owner: Owner) -> Result<(Journal, Vec<u8>), JournalFileError> {
        let mut bytes = read_bytes(path)?;
        let complete = Journal::complete_lines(&bytes);
        let journal = replay(&bytes, complete, owner)?;
        bytes.truncate(complete);
        Ok((journal, bytes))
    }
}

/// Reads a journal in a file that somebody named.
///
/// # Errors
/// [`JournalFileError::NotAJournal`] where its first line is no journal's birth, so that nothing was altered: another
/// file was named. Else as [`Journal::read`].
pub fn read_named(bytes: &[u8]) -> Result<Journal, JournalFileError> {
    Journal::read(bytes).map_err(|error| {
        let first = bytes.split(|byte| *byte == b'\n').take(1);
        let altered = matches!(
            Journal::replay(first),
            Ok(_)
                | Err(JournalError::Counter { .. }
                    | JournalError::HeadText { .. }
                    | JournalError::Head { .. })
        );
        if altered {
            JournalFileError::Tampered(Box::new(error))
        } else {
            JournalFileError::NotAJournal
        }
    })
}

fn has_moved(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Moved { .. }
            | JournalError::NotAdmitted {
                source: Fault::Moved { .. },
                ..
            }
    )
}

/// What is wrong with a version, if that is why.
fn version_fault(error: &JournalError) -> Option<&VersionFault> {
    if let JournalError::Version { source, .. } = error {
        Some(source)
    } else {
        None
    }
}

fn not_admitted(error: JournalError) -> JournalFileError {
    JournalFileError::NotAdmitted(Box::new(error))
}

/// The bytes of a journal file.
///
/// # Errors
/// When it is missing, too large, or cannot be read.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, JournalFileError> {
    match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Err(JournalFileError::Missing(path.to_owned()))
        }
        Err(cause) => Err(JournalFileError::Io {
            path: path.to_owned(),
            cause,
        }),
        Ok(mut file) => bounded(&mut file, path),
    }
}

fn bounded(file: &mut File, path: &Path) -> Result<Vec<u8>, JournalFileError> {
    let io = |cause| JournalFileError::Io {
        path: path.to_owned(),
        cause,
    };
    let found = file.metadata().map_err(io)?.len();
    if found > MOST_READ {
        return Err(JournalFileError::TooLarge { found });
    }
    let mut bytes = Vec::new();
    file.take(MOST_READ).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn replay(bytes: &[u8], complete: usize, owner: Owner) -> Result<Journal, JournalFileError> {
    let lines = bytes.get(..complete).unwrap_or_default();
    let journal =
        Journal::read(lines).map_err(|error| JournalFileError::Tampered(Box::new(error)))?;
    let Owner { vault, key } = owner;
    if journal.key() != key {
        return Err(JournalFileError::OtherKey {
            found: journal.key(),
            expected: key,
        });
    }
    if journal.vault() != vault {
        return Err(JournalFileError::OtherVault {
            found: journal.vault(),
            expected: vault,
        });
    }
    Ok(journal)
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

impl Explained for JournalFileError {
    fn class(&self) -> Class {
        match self {
            Self::Tampered(_)
            | Self::OtherKey { .. }
            | Self::OtherVault { .. }
            | Self::TooLarge { .. }
            | Self::Full { .. }
            | Self::NotAdmitted(_) => Class::Refused,
            Self::Missing(_) | Self::NotAJournal | Self::Create(WriteError::Exists(_)) => {
                Class::Usage
            }
            Self::Locked(_)
            | Self::Io { .. }
            | Self::Create(WriteError::Io { .. })
            | Self::NotDurable(_)
            | Self::FailedBefore => Class::Device,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "JOURNAL_MISSING",
            Self::Locked(_) => "JOURNAL_LOCKED",
            Self::Io { .. } | Self::TooLarge { .. } => "JOURNAL_UNREADABLE",
            Self::Full { .. } => "JOURNAL_FULL",
            Self::Create(_) => "JOURNAL_EXISTS",
            Self::NotAJournal => "NOT_A_JOURNAL",
            Self::Tampered(_) => "JOURNAL_TAMPERED",
            Self::OtherKey { .. } | Self::OtherVault { .. } => "JOURNAL_FOREIGN",
            Self::NotAdmitted(error) if has_moved(error) => "JOURNAL_MOVED",
            Self::NotAdmitted(error) if version_fault(error).is_some() => "VERSION_NOT_ADMITTED",
            Self::NotAdmitted(_) => "JOURNAL_NOT_ADMITTED",
            Self::NotDurable(_) | Self::FailedBefore => "JOURNAL_NOT_DURABLE",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing(_) => {
                "pin the policy with init; if a journal was lost, init begins one that signs only \
                 what is requested from now on"
            }
            Self::Locked(_) => "stop the other countersign-signer of this home",
            Self::NotAJournal => {
                "give what `journal export` or `journal move export` wrote, or no file for this home's own journal"
            }
            Self::Tampered(_) => "do not sign with this home; find out who changed the file",
            Self::OtherKey { .. } | Self::OtherVault { .. } => {
                "a journal belongs to one home and is never copied"
            }
            Self::NotAdmitted(error) if has_moved(error) => {
                "sign on the machine that the journal moved to; this home's work is done"
            }
            Self::NotDurable(_) | Self::FailedBefore => {
                "nothing was signed; make room on the disk, then try again"
            }
            Self::Full { .. } => {
                "nothing was signed and the journal is whole; find out who asked for so much, then \
                 sign on in a new home with this signer's key, whose journal is born again now"
            }
            Self::Io { .. } => "make the journal's file readable and writable for this user",
            Self::TooLarge { .. } => {
                "do not sign with this home: no journal of ours grows so large"
            }
            Self::Create(WriteError::Exists(_)) => {
                "nothing is to be done: this home has its journal already"
            }
            Self::Create(WriteError::Io { .. }) => {
                "make room on the disk and the folder writable, then try again"
            }
            Self::NotAdmitted(error) if version_fault(error).is_some() => {
                version_fault(error).map_or("tell the approvers", VersionFault::hint)
            }
            Self::NotAdmitted(_) => {
                "do not sign it: the journal holds what this transaction would contradict"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
#[path = "journal_file_tests.rs"]
mod tests;
