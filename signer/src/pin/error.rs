//! Why a home has no usable pinned policy, and what to do then.

use crate::failure::{Class, Explained, Facts, NO_REASON, Reason, reason};
use crate::home::HomeError;
use crate::keystore::{Kind, WriteError};
use crate::moving::MovingError;
use crate::passkey::PasskeyError;
use policies::succession::LineMistake;
use policies::words::count;
use policies::{Mistake, PolicyId, PublicKey};
use std::path::PathBuf;

/// Why a home has no usable pinned policy.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Nothing is pinned.
    #[error("no policy is pinned in this home")]
    NotPinned,
    /// A file of the pin cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// `pin.json` is not one of ours.
    #[error("{} is not a pin of this version", .0.display())]
    NotAPin(PathBuf),
    /// The document is not the one that was pinned.
    #[error("the policy file has the id {found}, pinned is {pinned}")]
    Altered {
        /// The id of the bytes found.
        found: PolicyId,
        /// The id that was pinned.
        pinned: PolicyId,
    },
    /// The document has mistakes.
    #[error("the policy has {}, first: {}", count(.0.len(), "mistake"), first(.0))]
    Mistakes(Vec<Mistake>),
    /// A version before the pinned one is not here.
    #[error("version {version} of the line is not in this home")]
    VersionMissing {
        /// The version.
        version: PolicyId,
    },
    /// The versions are no line.
    #[error(transparent)]
    Line(#[from] LineMistake),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A key of this home does not fit the policy.
    #[error(transparent)]
    Key(#[from] KeyNotNamed),
    /// The certificates of the journal's moves cannot be read.
    #[error(transparent)]
    Moves(#[from] MovingError),
    /// The home's keys cannot be listed.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A passkey's file.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
}

/// How a key of the home is missing in the policy, by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyNotNamed {
    /// The home holds no key at all.
    #[error("this home holds no key that a policy could name")]
    NoKeys,
    /// The signer's extended key is in no record.
    #[error("no signer of the policy holds this home's key {key}")]
    Signer {
        /// The key with its origin.
        key: String,
    },
    /// The signer's record has the key with another origin.
    #[error("signer {name} is recorded with the key {found}, this home's is {key}")]
    Origin {
        /// The signer.
        name: String,
        /// The key as the policy has it.
        found: String,
        /// The key of the home.
        key: String,
    },
    /// The signer's record names another journal.
    #[error("signer {name} is recorded with the journal {found}, this home's is {key}")]
    Journal {
        /// The signer.
        name: String,
        /// The journal key of the policy.
        found: PublicKey,
        /// The journal key of the home.
        key: String,
    },
    /// A person's key is in no record of its purpose.
    #[error("the policy names no {kind} key {key}")]
    Person {
        /// Its purpose.
        kind: Kind,
        /// The key.
        key: String,
    },
}

fn first(mistakes: &[Mistake]) -> String {
    mistakes.first().map(Mistake::to_string).unwrap_or_default()
}

/// A document's mistake as a reason.
pub(crate) fn mistake_reason(mistake: &Mistake) -> Reason {
    Reason {
        code: mistake.code(),
        message: mistake.to_string(),
        hint: mistake.hint(),
        facts: Facts::new(),
    }
}

impl Explained for PinError {
    fn class(&self) -> Class {
        match self {
            Self::NotPinned => Class::Usage,
            Self::Unreadable { .. } => Class::Device,
            Self::NotAPin(_)
            | Self::Altered { .. }
            | Self::Mistakes(_)
            | Self::VersionMissing { .. }
            | Self::Line(_)
            | Self::Key(_) => Class::Refused,
            Self::Write(error) => error.class(),
            Self::Moves(error) => error.class(),
            Self::Home(error) => error.class(),
            Self::Passkey(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotPinned => "NOT_PINNED",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::NotAPin(_) => "NOT_A_PIN",
            Self::Altered { .. } => "POLICY_ALTERED",
            Self::Mistakes(_) => "POLICY_MISTAKES",
            Self::VersionMissing { .. } | Self::Line(LineMistake::NotFirst { .. }) => {
                "VERSIONS_MISSING"
            }
            Self::Line(LineMistake::Empty | LineMistake::DoesNotFollow { .. }) => "NOT_A_LINE",
            Self::Write(error) => error.code(),
            Self::Key(KeyNotNamed::NoKeys) => "NO_KEY",
            Self::Key(KeyNotNamed::Signer { .. } | KeyNotNamed::Person { .. }) => {
                "KEY_NOT_IN_POLICY"
            }
            Self::Key(KeyNotNamed::Origin { .. }) => "KEY_ORIGIN_MISMATCH",
            Self::Key(KeyNotNamed::Journal { .. }) => "JOURNAL_NOT_IN_POLICY",
            Self::Moves(error) => error.code(),
            Self::Home(error) => error.code(),
            Self::Passkey(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotPinned => "pin one with init --policy FILE --id ID",
            Self::Altered { .. } => "do not sign with this home; find out who changed the file",
            Self::VersionMissing { .. } | Self::Line(LineMistake::NotFirst { .. }) => {
                "give the documents of all versions before it, the oldest first, with --before"
            }
            Self::Line(LineMistake::Empty | LineMistake::DoesNotFollow { .. }) => {
                "give the documents of this vault's versions in their order, without a gap"
            }
            Self::Write(error) => return error.hint(),
            Self::Key(KeyNotNamed::NoKeys) => "make a key with keygen, or bring one with import",
            Self::Key(
                KeyNotNamed::Signer { .. }
                | KeyNotNamed::Person { .. }
                | KeyNotNamed::Origin { .. }
                | KeyNotNamed::Journal { .. },
            ) => "every key of a home must stand in its policy: compare with the record of keygen",
            Self::Mistakes(mistakes) => {
                let first = mistakes.first().map(Mistake::hint);
                return first.unwrap_or_else(|| NO_REASON.to_owned());
            }
            Self::Moves(error) => return error.hint(),
            Self::Home(error) => return error.hint(),
            Self::Passkey(error) => return error.hint(),
            Self::Unreadable { .. } => "make the file readable for this user, then try again",
            Self::NotAPin(_) => {
                "bring the file back as init wrote it, or pin the policy in a new home folder"
            }
        }
        .to_owned()
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Mistakes(mistakes) => mistakes.iter().map(mistake_reason).collect(),
            Self::NotPinned
            | Self::Unreadable { .. }
            | Self::NotAPin(_)
            | Self::Altered { .. }
            | Self::VersionMissing { .. }
            | Self::Line(_)
            | Self::Write(_)
            | Self::Key(_)
            | Self::Moves(_)
            | Self::Home(_)
            | Self::Passkey(_) => vec![reason(self)],
        }
    }
}
