//! The next version at one home: heard with its quorum, followed or pinned, and kept with those before it.
//!
//! Invariant: nothing is adopted that the pinned version's quorum did not approve, nor before its delay is over by
//! this journal's time, nor beside another successor; a version that alters keys only by a human who typed its id.
//! What is written first is what a crash can be mended from: document, journal, pin. A file that comes again takes
//! nothing away from the one that is kept.

mod acknowledging;
mod error;
mod given;

pub use acknowledging::{acknowledge, to_acknowledge};
pub use error::SucceedingError;
pub use given::{Given, approve};

use crate::home::Home;
use crate::journal_file::{AppendLog, JournalFile};
use crate::keystore::durable;
use crate::pin::{PinError, Pinned, document_of, write_pin};
use policies::succession::{
    Approved, Step, SuccessionFile, approved, approved_once, follows, ripe_at,
};
use policies::{History, Policy, PolicyId, UnixTime};
use std::fs::File;

/// A successor of the pinned version, and how far it is.
#[derive(Debug, Clone)]
pub struct Successor {
    /// The version, with the line before it.
    pub policy: Policy,
    /// Whether it alters rules or keys.
    pub step: Step,
    /// Who approved it.
    pub approved: Approved,
    /// When it may be adopted: where a journal holds it with its quorum.
    pub ripe: Option<UnixTime>,
}

/// Who adopts a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The automatic co-signer: only a step of rules, and only where nothing is in dispute.
    Itself,
    /// A human who follows a step of rules.
    Human,
    /// A human who typed the id, as at enrolment: approvals that ended since count, for nobody can be led to it by
    /// a file alone.
    Pin {
        /// What was typed.
        typed: PolicyId,
        /// Whether the human says that the home's signing key is not in it.
        leaving: bool,
    },
}

impl By {
    /// A human who typed the id of a version that the home's key stays in.
    pub const fn pin(typed: PolicyId) -> Self {
        Self::Pin {
            typed,
            leaving: false,
        }
    }
}

/// Judges a succession file under the pinned version.
///
/// # Errors
/// When its document is none or does not follow the pinned one, or that lets none follow.
pub fn judge(
    pinned: &Policy,
    file: &SuccessionFile,
    now: UnixTime,
) -> Result<Successor, SucceedingError> {
    judge_for(pinned, file, By::Human, now)
}

/// The same for whoever is to adopt it.
fn judge_for(
    pinned: &Policy,
    file: &SuccessionFile,
    by: By,
    now: UnixTime,
) -> Result<Successor, SucceedingError> {
    let next = file.policy().map_err(SucceedingError::Mistakes)?;
    let step = follows(pinned, &next).map_err(SucceedingError::DoesNotFollow)?;
    let signatures = file.approvals().values();
    let approved = match by {
        By::Itself | By::Human => approved(pinned, next.id, signatures, now),
        By::Pin { .. } => approved_once(pinned, next.id, signatures),
    };
    let approved = approved.ok_or(SucceedingError::NoSuccession)?;
    let policy = pinned.succeeded_by(next).map_err(PinError::Line)?;
    Ok(Successor {
        policy,
        step,
        approved,
        ripe: None,
    })
}

/// Takes a succession file in: with its quorum it is kept, and the journal remembers when it was first held. From
/// then on the delay runs.
///
/// # Errors
/// As [`judge`]; when the quorum is not there, or the journal or the disk refuses.
pub fn hear<L: AppendLog>(
    home: &Home,
    pinned: &Policy,
    file: &SuccessionFile,
    journal: Option<&mut JournalFile<L>>,
    by: By,
    clock: UnixTime,
) -> Result<Successor, SucceedingError> {
    let now = journal
        .as_ref()
        .map_or(clock, |journal| journal.history().now(clock));
    let version = file.version();
    if let By::Pin { typed, .. } = by
        && typed != version
    {
        return Err(SucceedingError::IdMismatch {
            typed,
            found: version,
        });
    }
    // Before anything is kept: whoever has no document that follows may not fill this disk.
    judge_for(pinned, file, by, now)?;
    let mut joined = file.clone();
    match kept(home, version) {
        Ok(before) => {
            joined.join(&before, pinned);
        }
        Err(SucceedingError::NotHeard { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut successor = judge_for(pinned, &joined, by, now)?;
    let known = journal
        .as_ref()
        .and_then(|journal| journal.history().versions().proposed(version));
    // What was held with its quorum once stays held, also when approvals end later.
    if known.is_none() && !successor.approved.is_met() {
        return Err(SucceedingError::TooFewApprovals(successor.approved));
    }
    durable::make_folder(&home.proposals())?;
    durable::replace(&home.proposal_file(version), &joined.write())?;
    if let Some(journal) = journal {
        let at = journal.remember_proposed(version, pinned.id, clock)?;
        successor.ripe = ripe_at(pinned, at);
    }
    Ok(successor)
}

/// The successor that was kept under an id.
///
/// # Errors
/// When none was, or it is not what it was.
pub fn kept(home: &Home, version: PolicyId) -> Result<SuccessionFile, SucceedingError> {
    let path = home.proposal_file(version);
    match std::fs::read(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            Err(SucceedingError::NotHeard { version })
        }
        Err(cause) => Err(PinError::Unreadable { path, cause }.into()),
        Ok(bytes) => SuccessionFile::read(&bytes)
            .ok()
            .filter(|file| file.version() == version)
            .ok_or(SucceedingError::NotHeard { version }),
    }
}

/// Adopts a successor that was heard: it is what this home reviews under from now on.
///
/// # Errors
/// Why it may not be adopted (yet); then nothing changed.
pub fn adopt<L: AppendLog>(
    home: &Home,
    pinned: &Pinned,
    journal: Option<&mut JournalFile<L>>,
    version: PolicyId,
    by: By,
    clock: UnixTime,
) -> Result<Pinned, SucceedingError> {
    let file = kept(home, version)?;
    let before = pinned.policy();
    let successor = judge_for(before, &file, by, clock)?;
    match (by, successor.step) {
        (By::Itself | By::Human, Step::Keyset) => {
            return Err(SucceedingError::NeedsPin { version });
        }
        (By::Pin { typed, .. }, _) if typed != version => {
            return Err(SucceedingError::IdMismatch {
                typed,
                found: version,
            });
        }
        (By::Itself | By::Human, Step::Rules) | (By::Pin { .. }, Step::Rules | Step::Keyset) => {}
    }
    // That the home's own keys are in it is checked before anything is written.
    let mut versions = pinned.versions().to_vec();
    versions.push(file.policy().map_err(SucceedingError::Mistakes)?);
    let adopted = Pinned::of_line(home, versions)?;
    let says_leaving = matches!(by, By::Pin { leaving: true, .. });
    match (adopted.is_leaving(), says_leaving) {
        (true, false) if !pinned.is_leaving() => return Err(SucceedingError::Leaves { version }),
        (false, true) => return Err(SucceedingError::Stays { version }),
        (true, _) | (false, false) => {}
    }
    match journal {
        // Who keeps no journal signs nothing that could be taken back: the quorum is enough.
        None if !successor.approved.is_met() => {
            return Err(SucceedingError::TooFewApprovals(successor.approved));
        }
        None => adopted.keep_versions(home)?,
        Some(journal) => {
            let now = journal.history().now(clock);
            let held = journal.history().versions();
            let proposed = held.proposed(version);
            let proposed = proposed.ok_or(SucceedingError::NotHeard { version })?;
            let others = held.proposals_after(before.id).len();
            if by == By::Itself && others > 1 {
                return Err(SucceedingError::Disputed {
                    previous: before.id,
                });
            }
            let ripe = ripe_at(before, proposed).ok_or(SucceedingError::NoSuccession)?;
            if now < ripe {
                return Err(SucceedingError::NotRipe { version, ripe });
            }
            adopted.keep_versions(home)?;
            journal.remember_adopted(version, before.id, clock)?;
        }
    }
    write_pin(home, adopted.policy())?;
    Ok(adopted)
}

/// Opens what a home pinned and, if it signs, its journal, with the pin caught up to it.
///
/// # Errors
/// When the pin or the journal does not hold, or they do not agree.
pub fn opened(home: &Home) -> Result<(Pinned, Option<JournalFile<File>>), SucceedingError> {
    let pinned = Pinned::load(home)?;
    let Some(owner) = pinned.journal() else {
        return Ok((pinned, None));
    };
    let journal = JournalFile::open(&home.journal_file(), owner)?;
    let pinned = catch_up(home, pinned, journal.history())?;
    Ok((pinned, Some(journal)))
}

/// Whether a version that a journal holds with its quorum is kept here, so that it can be adopted.
pub fn is_kept(home: &Home, version: PolicyId) -> bool {
    kept(home, version).is_ok()
}

/// Mends what a crash left between journal and pin: the journal's word counts.
///
/// # Errors
/// When the journal adopted a version that this home does not have, or is itself behind the pin: one of the two
/// comes from a backup.
pub fn catch_up(home: &Home, pinned: Pinned, history: &History) -> Result<Pinned, SucceedingError> {
    let here = pinned.policy().id;
    let Some(newest) = history.versions().newest() else {
        return Ok(pinned);
    };
    if newest == here {
        return Ok(pinned);
    }
    let behind = || SucceedingError::PinBehindJournal {
        pinned: here,
        adopted: newest,
    };
    let mut missing = Vec::new();
    let mut at = newest;
    while at != here {
        let document = document_of(home, at)?.ok_or_else(behind)?;
        let policy = Policy::parse(&document).map_err(SucceedingError::Mistakes)?;
        at = policy.previous.ok_or_else(behind)?;
        missing.push(policy);
    }
    let mut versions = pinned.versions().to_vec();
    versions.extend(missing.into_iter().rev());
    let adopted = Pinned::of_line(home, versions)?;
    write_pin(home, adopted.policy())?;
    Ok(adopted)
}
