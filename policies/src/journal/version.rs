//! Policy versions in a journal: when the next one was first held with its quorum, and which were adopted.
//!
//! The delay of a version runs by this journal's time from [`Proposed`]. Invariant: what is adopted is one line,
//! forwards only: each version that was adopted follows the one adopted before it, was proposed before, and has no
//! brother.

use std::collections::BTreeMap;

use super::entry::{EntryError, parse, time};
use super::error::JournalError;
use crate::ids::PolicyId;
use crate::intent::canonical::Object;
use crate::planted::{Bug, planted};
use crate::time::UnixTime;

/// A version was held for the first time with the quorum of the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// The version.
    pub policy: PolicyId,
    /// The version that it follows.
    pub previous: PolicyId,
    /// When, by the journal's time.
    pub at: UnixTime,
}

/// A version was adopted: from now on the signer reviews under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// The version.
    pub policy: PolicyId,
    /// The version that it follows.
    pub previous: PolicyId,
    /// When, by the journal's time.
    pub at: UnixTime,
}

/// Why a version cannot be proposed or adopted after what a journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionFault {
    /// It follows a version that is not the newest adopted one.
    #[error("version {policy} follows {previous}, but {newest} is the newest adopted one")]
    NotNewest {
        /// The version.
        policy: PolicyId,
        /// The version that it follows.
        previous: PolicyId,
        /// The newest adopted one.
        newest: PolicyId,
    },
    /// It was adopted, or is one that was followed.
    #[error("version {policy} lies behind: the line goes forwards only")]
    Backwards {
        /// The version.
        policy: PolicyId,
    },
    /// It was never proposed here as the successor of that version.
    #[error("version {policy} was not proposed here after {previous}")]
    NotProposed {
        /// The version.
        policy: PolicyId,
        /// The version that it follows.
        previous: PolicyId,
    },
    /// It is proposed already.
    #[error("version {policy} is proposed already")]
    ProposedTwice {
        /// The version.
        policy: PolicyId,
    },
    /// Another version was adopted in its place.
    #[error("version {previous} has a successor already, {adopted}: each has one")]
    SecondSuccessor {
        /// The version that both follow.
        previous: PolicyId,
        /// The one that was adopted.
        adopted: PolicyId,
    },
}

impl VersionFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotNewest { .. } => "VERSION_NOT_NEWEST",
            Self::Backwards { .. } => "VERSION_BACKWARDS",
            Self::NotProposed { .. } => "VERSION_NOT_PROPOSED",
            Self::ProposedTwice { .. } => "VERSION_PROPOSED_TWICE",
            Self::SecondSuccessor { .. } => "SECOND_SUCCESSOR",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotNewest { .. } => "follow the versions between first, in their order",
            Self::Backwards { .. } => {
                "to undo a version, propose a next one that says what the old one said"
            }
            Self::NotProposed { .. } => {
                "give the file with the quorum's approvals to `policy follow` first"
            }
            Self::ProposedTwice { .. } => "nothing is to be done: its delay runs already",
            Self::SecondSuccessor { .. } => {
                "two successors of one version were approved: tell the approvers, for other signers may have followed \
                 the other one"
            }
        }
    }
}

/// The versions that a journal holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    proposed: BTreeMap<PolicyId, Proposed>,
    /// In the order of adoption.
    adopted: Vec<Adopted>,
}

impl Versions {
    /// When a version was first held with its quorum.
    pub fn proposed(&self, version: PolicyId) -> Option<UnixTime> {
        self.proposed.get(&version).map(|proposed| proposed.at)
    }

    /// The proposals that follow a version, in the order of their ids. More than one is a dispute, which only a
    /// human decides.
    pub fn proposals_after(&self, previous: PolicyId) -> Vec<Proposed> {
        let all = self.proposed.values();
        all.filter(|proposed| proposed.previous == previous)
            .copied()
            .collect()
    }

    /// The versions adopted, in their order; not the one that was pinned when the journal was begun.
    pub fn adopted(&self) -> &[Adopted] {
        &self.adopted
    }

    /// The newest version adopted, if one was.
    pub fn newest(&self) -> Option<PolicyId> {
        self.adopted.last().map(|adopted| adopted.policy)
    }

    /// Checks that a version may be proposed now.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_proposed(&self, proposed: &Proposed) -> Result<(), VersionFault> {
        let Proposed {
            policy, previous, ..
        } = *proposed;
        if self.proposed.contains_key(&policy) {
            return Err(VersionFault::ProposedTwice { policy });
        }
        self.check_place(policy, previous)
    }

    /// Checks that a version may be adopted now. That its delay is over is the policy's matter
    /// ([`crate::succession::ripe_at`]).
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_adopted(&self, adopted: &Adopted) -> Result<(), VersionFault> {
        let Adopted {
            policy, previous, ..
        } = *adopted;
        self.check_place(policy, previous)?;
        let known = self.proposed.get(&policy);
        if known.is_none_or(|proposed| proposed.previous != previous || proposed.at > adopted.at) {
            return Err(VersionFault::NotProposed { policy, previous });
        }
        Ok(())
    }

    fn check_place(&self, policy: PolicyId, previous: PolicyId) -> Result<(), VersionFault> {
        let behind = |one: &Adopted| one.policy == policy || one.previous == policy;
        if policy == previous || self.adopted.iter().any(behind) {
            return Err(VersionFault::Backwards { policy });
        }
        let brother = self.adopted.iter().find(|one| one.previous == previous);
        if let Some(brother) = brother
            && !planted(Bug::SecondSuccessor)
        {
            return Err(VersionFault::SecondSuccessor {
                previous,
                adopted: brother.policy,
            });
        }
        match self.newest() {
            Some(newest) if newest != previous && !planted(Bug::SecondSuccessor) => {
                Err(VersionFault::NotNewest {
                    policy,
                    previous,
                    newest,
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn propose(&mut self, proposed: Proposed) {
        self.proposed.insert(proposed.policy, proposed);
    }

    pub(super) fn adopt(&mut self, adopted: Adopted) {
        self.adopted.push(adopted);
    }
}

impl Proposed {
    pub(super) fn to_object(self) -> Object {
        object("proposed", self.policy, self.previous, self.at)
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        let (policy, previous, at) = take(object)?;
        Ok(Self {
            policy,
            previous,
            at,
        })
    }
}

impl Adopted {
    pub(super) fn to_object(self) -> Object {
        object("adopted", self.policy, self.previous, self.at)
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, EntryError> {
        let (policy, previous, at) = take(object)?;
        Ok(Self {
            policy,
            previous,
            at,
        })
    }
}

fn object(entry: &str, policy: PolicyId, previous: PolicyId, at: UnixTime) -> Object {
    Object::new()
        .text("entry", entry)
        .text("policy", &policy)
        .text("previous", &previous)
        .integer("at", at.as_secs())
}

fn take(object: &mut Object) -> Result<(PolicyId, PolicyId, UnixTime), EntryError> {
    let id = "a version's id";
    Ok((
        parse(&object.take_text("policy")?, "policy", id)?,
        parse(&object.take_text("previous")?, "previous", id)?,
        time(object, "at")?,
    ))
}

/// As an error of a journal's line.
pub(super) fn at_line(line: u64) -> impl Fn(VersionFault) -> JournalError {
    move |source| JournalError::Version { line, source }
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
