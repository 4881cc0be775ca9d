//! A journal's file is begun, opened to sign with, or read to look at.
//!
//! Invariant: whoever gets a journal from here gets it replayed line by line, of the expected key and vault.

use super::error::not_admitted;
use super::{JournalFile, JournalFileError, MOST_READ, Owner};
use crate::keystore::durable;
use policies::journal::{JournalError, Line};
use policies::{Journal, UnixTime};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

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
