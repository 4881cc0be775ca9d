//! Pinning a policy: the human's id, the home's own keys, and the birth of the journal.
//!
//! Birth zero is given once in a journal key's life, and only to a key that was drawn in this home
//! (a mark beside the keys says so until it is used up) and is named by the vault's first version;
//! every other journal, so one of keys from a backup, is born now and signs nothing which a journal
//! before it may have signed.

use crate::failure::{Class, Explained, Reason, reason};
use crate::home::{Home, HomeError};
use crate::journal_file::{JournalFile, JournalFileError, Owner};
use crate::keystore::WriteError;
use crate::pin::{PinError, Pinned, write_pin};
use crate::succeeding::is_kept;
use policies::{Policy, PolicyId, UnixTime};

/// What enrolment did.
#[derive(Debug)]
pub struct Enrolment {
    /// The pinned policy with the home's roles.
    pub pinned: Pinned,
    /// When the journal was born, if the home signs; zero for the journal of a first version.
    pub birth: Option<UnixTime>,
    /// Next versions that the journal holds with their quorum, and whose files did not come here with it.
    pub without_file: Vec<PolicyId>,
}

/// Why a policy is not pinned.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// The typed id is not the document's.
    #[error("the document's id is {found}, you gave {typed}")]
    IdMismatch {
        /// What the human gave.
        typed: PolicyId,
        /// The id of the document.
        found: PolicyId,
    },
    /// Another policy is pinned.
    #[error("this home has pinned {pinned} already")]
    OtherPinned {
        /// The pinned policy.
        pinned: PolicyId,
    },
    /// The journal adopted a version that the given line does not have.
    #[error(
        "the journal adopted version {adopted}, which is not among those you gave up to {typed}"
    )]
    JournalNewer {
        /// What the human gave.
        typed: PolicyId,
        /// What the journal adopted last.
        adopted: PolicyId,
    },
    /// The given version lies after the one that the journal adopted.
    #[error("the journal adopted version {adopted}, you gave a later one, {typed}")]
    JournalOlder {
        /// What the human gave.
        typed: PolicyId,
        /// What the journal adopted last.
        adopted: PolicyId,
    },
    /// The journal moved here, but its bundle was not taken in to the end.
    #[error("this home's journal comes from another machine, but its bundle is not here")]
    BundleMissing,
    /// The document or a key does not fit.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The journal cannot begin.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A key file cannot be read.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// Pins a policy that a human identified, and begins the journal of a signer.
///
/// Safe to run again after a crash: the pin is written last, and before it nothing is signed.
///
/// # Errors
/// When the id, the document or a key does not fit; then nothing is pinned.
pub fn enrol(
    home: &Home,
    document: &[u8],
    typed: PolicyId,
    now: UnixTime,
) -> Result<Enrolment, EnrolmentError> {
    enrol_in_line(home, &[], document, typed, now)
}

/// Pins a later version that a human identified, with the documents of all versions before it, the oldest first.
/// Each names the one before by its id, so that whoever typed the newest id typed all of them.
///
/// # Errors
/// As [`enrol`]; [`PinError::Line`] when the documents are no line.
pub fn enrol_in_line(
    home: &Home,
    before: &[Vec<u8>],
    document: &[u8],
    typed: PolicyId,
    now: UnixTime,
) -> Result<Enrolment, EnrolmentError> {
    let newest = identified(document, typed)?;
    let mut versions = Vec::new();
    for document in before {
        versions.push(Policy::parse(document).map_err(PinError::Mistakes)?);
    }
    versions.push(newest);
    match Pinned::load(home) {
        Err(PinError::NotPinned) => {}
        Err(PinError::Altered { pinned, .. }) if pinned == typed => {}
        Err(error) => return Err(error.into()),
        Ok(pinned) if pinned.policy().id == typed => {}
        Ok(pinned) => {
            return Err(EnrolmentError::OtherPinned {
                pinned: pinned.policy().id,
            });
        }
    }
    let pinned = Pinned::of_line(home, versions)?;
    let (birth, without_file) = match pinned.journal() {
        Some(owner) => {
            let (birth, proposed) = begin_journal(home, &pinned, owner, now)?;
            (Some(birth), proposed)
        }
        None => (None, Vec::new()),
    };
    pinned.keep_versions(home)?;
    write_pin(home, pinned.policy())?;
    Ok(Enrolment {
        pinned,
        birth,
        without_file,
    })
}

/// The policy of a document that a human identified.
///
/// # Errors
/// When the document is none, or another one than was typed.
pub fn identified(document: &[u8], typed: PolicyId) -> Result<Policy, EnrolmentError> {
    let policy = Policy::parse(document).map_err(PinError::Mistakes)?;
    if policy.id == typed {
        return Ok(policy);
    }
    let found = policy.id;
    Err(EnrolmentError::IdMismatch { typed, found })
}

/// Begins the journal if there is none, and gives its birth and the proposals in it whose files are not here.
fn begin_journal(
    home: &Home,
    pinned: &Pinned,
    owner: Owner,
    now: UnixTime,
) -> Result<(UnixTime, Vec<PolicyId>), EnrolmentError> {
    match JournalFile::open(&home.journal_file(), owner) {
        Ok(open) => {
            let versions = open.history().versions();
            let typed = pinned.policy().id;
            // Where a journal stands it goes on: what it adopted is never left behind, nor its next version pinned
            // without its delay.
            if let Some(adopted) = versions.newest().filter(|adopted| *adopted != typed) {
                let is_before = pinned.versions().iter().any(|one| one.id == adopted);
                return Err(if is_before {
                    EnrolmentError::JournalOlder { typed, adopted }
                } else {
                    EnrolmentError::JournalNewer { typed, adopted }
                });
            }
            let proposals = versions.proposals_after(typed).into_iter();
            let proposals = proposals.map(|proposed| proposed.policy);
            let without_file = proposals.filter(|one| !is_kept(home, *one)).collect();
            // A bundle that was just taken in is never taken in again.
            home.use_up_freshness(&owner.key.to_string())?;
            return Ok((open.history().birth(), without_file));
        }
        Err(JournalFileError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    // A journal that moved here holds what was signed before it, which this home must not begin without.
    let moved_here = (pinned.policy().signer_of_journal(&owner.key)).is_none();
    if moved_here && home.is_fresh(&owner.key.to_string())? {
        return Err(EnrolmentError::BundleMissing);
    }
    // The mark is gone for good before the journal is there: a journal lost later, or one of restored
    // keys, never comes back with birth zero.
    let fresh = home.use_up_freshness(&owner.key.to_string())?;
    let with_the_vault = |first: &Policy| first.signer_of_journal(&owner.key).is_some();
    let birth = if fresh && pinned.versions().first().is_some_and(with_the_vault) {
        UnixTime::ZERO
    } else {
        now
    };
    JournalFile::begin(&home.journal_file(), owner, birth)?;
    Ok((birth, Vec::new()))
}

impl Explained for EnrolmentError {
    fn class(&self) -> Class {
        match self {
            Self::IdMismatch { .. }
            | Self::OtherPinned { .. }
            | Self::JournalNewer { .. }
            | Self::JournalOlder { .. }
            | Self::BundleMissing => Class::Refused,
            Self::Pin(error) => error.class(),
            Self::Journal(error) => error.class(),
            Self::Write(error) => error.class(),
            Self::Home(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::IdMismatch { .. } => "POLICY_ID_MISMATCH",
            Self::OtherPinned { .. } => "OTHER_POLICY_PINNED",
            Self::JournalNewer { .. } => "PIN_BEHIND_JOURNAL",
            Self::JournalOlder { .. } => "PIN_AHEAD_OF_JOURNAL",
            Self::BundleMissing => "BUNDLE_MISSING",
            Self::Pin(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Write(error) => error.code(),
            Self::Home(error) => error.code(),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::IdMismatch { .. } => {
                "do not pin it: have the id read out by another person who reviewed the document"
                    .to_owned()
            }
            Self::OtherPinned { .. } => {
                "use one home folder for each vault; a next version is followed or pinned with `policy`".to_owned()
            }
            Self::JournalOlder { .. } => {
                "pin the version that the journal adopted, then let `policy follow` or `policy pin` lead on from it"
                    .to_owned()
            }
            Self::JournalNewer { .. } => {
                "pin the version that the journal adopted, with the documents before it as --before".to_owned()
            }
            Self::BundleMissing => {
                "take the bundle in again with `journal move import`, then pin the policy"
                    .to_owned()
            }
            Self::Pin(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Home(error) => error.hint(),
        }
    }

    fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Pin(error) => error.reasons(),
            Self::IdMismatch { .. }
            | Self::OtherPinned { .. }
            | Self::JournalNewer { .. }
            | Self::JournalOlder { .. }
            | Self::BundleMissing
            | Self::Journal(_)
            | Self::Write(_)
            | Self::Home(_) => vec![reason(self)],
        }
    }
}
