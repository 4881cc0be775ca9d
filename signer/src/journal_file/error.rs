//! Why a journal does not open, or does not remember, and what to do then.

use super::MAX_BYTES;
use crate::failure::{Class, Explained};
use crate::keystore::durable::WriteError;
use policies::journal::{Fault, JournalError, VersionFault};
use policies::{PublicKey, VaultId};
use std::io;
use std::path::PathBuf;

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
                "nothing was signed; make room on the disk, or put its stick back in, then try again"
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

pub(super) fn not_admitted(error: JournalError) -> JournalFileError {
    JournalFileError::NotAdmitted(Box::new(error))
}
