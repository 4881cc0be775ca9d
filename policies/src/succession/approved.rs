//! Who approved a version: persons of the version before, by keys of their own tools.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::document::{Policy, Tool};
use crate::hash::Purpose;
use crate::ids::{KeyId, PolicyId, Subject};
use crate::intent::{Approval, SignatureError};
use crate::planted::{Bug, planted};
use crate::rules::persons_of;
use crate::{UnixTime, VaultId};

/// The signatures under one version, one for each key.
pub type VersionApprovals = BTreeMap<KeyId, Approval>;

/// How far a version is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approved {
    /// The persons who count.
    pub persons: Vec<String>,
    /// How many must.
    pub needed: u32,
    /// The group whose persons count; any approver when none is named.
    pub group: Option<String>,
    /// The signatures that do not count, and why; they hurt no other.
    pub faults: Vec<ApprovalFault>,
}

/// Why a signature under a version does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum ApprovalFault {
    /// The version before names no approver with the key.
    #[error("the version before names no approver with the key {key}")]
    Foreign {
        /// The key.
        key: KeyId,
    },
    /// The key is touched in the coordinator's page, which shows no documents that anybody must believe.
    #[error("{approver} signed with a key of the coordinator's page")]
    Page {
        /// The approver.
        approver: String,
    },
    /// It is about something else.
    #[error("{approver} signed something else")]
    OtherSubject {
        /// The approver.
        approver: String,
    },
    /// It has ended.
    #[error("the approval of {approver} expired {expires}")]
    Expired {
        /// The approver.
        approver: String,
        /// When.
        expires: UnixTime,
    },
    /// The signature is wrong.
    #[error("the approval of {approver} is wrong: {error}")]
    Wrong {
        /// The approver.
        approver: String,
        /// What is wrong.
        #[serde(serialize_with = "displayed")]
        error: SignatureError,
    },
}

fn displayed<S: serde::Serializer>(error: &SignatureError, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(error)
}

impl Approved {
    /// Whether enough persons approved.
    pub fn is_met(&self) -> bool {
        let enough = usize::try_from(self.needed).is_ok_and(|needed| self.persons.len() >= needed);
        enough || planted(Bug::VersionQuorum)
    }

    /// How many persons more must approve.
    pub fn missing(&self) -> u32 {
        let found = u32::try_from(self.persons.len()).unwrap_or(u32::MAX);
        self.needed.saturating_sub(found)
    }
}

/// The 32 bytes that a person signs to approve a version.
pub fn approve_message(vault: VaultId, version: PolicyId, expires: UnixTime) -> [u8; 32] {
    Approval::message(Purpose::Policy, vault, subject(version), expires)
}

fn subject(version: PolicyId) -> Subject {
    Subject::from_bytes(version.to_bytes())
}

/// Counts who of the version before approved a successor of it; nothing where that version lets none follow.
pub fn approved<'a>(
    previous: &Policy,
    version: PolicyId,
    approvals: impl IntoIterator<Item = &'a Approval>,
    now: UnixTime,
) -> Option<Approved> {
    counted(previous, version, approvals, Some(now))
}

/// Counts who of the version before ever approved a successor of it, also where the approval ended since. For a human
/// who pins the successor by its id: an end only keeps signers from hearing by themselves, long afterwards, of a
/// version that nobody thinks of any more, and whoever has just been read its id thinks of it.
pub fn approved_once<'a>(
    previous: &Policy,
    version: PolicyId,
    approvals: impl IntoIterator<Item = &'a Approval>,
) -> Option<Approved> {
    counted(previous, version, approvals, None)
}

/// Whether a signature counts but for its end.
pub(super) fn is_genuine(previous: &Policy, version: PolicyId, approval: &Approval) -> bool {
    count(previous, version, approval, None).is_ok()
}

fn counted<'a>(
    previous: &Policy,
    version: PolicyId,
    approvals: impl IntoIterator<Item = &'a Approval>,
    now: Option<UnixTime>,
) -> Option<Approved> {
    let quorum = &previous.change.as_ref()?.approvals;
    let mut keys = Vec::new();
    let mut faults = Vec::new();
    for approval in approvals {
        match count(previous, version, approval, now) {
            Ok(key) => keys.push(key),
            Err(fault) => faults.push(fault),
        }
    }
    Some(Approved {
        persons: persons_of(previous, quorum.group.as_deref(), &keys),
        needed: quorum.count,
        group: quorum.group.clone(),
        faults,
    })
}

fn count(
    previous: &Policy,
    version: PolicyId,
    approval: &Approval,
    now: Option<UnixTime>,
) -> Result<KeyId, ApprovalFault> {
    let key = approval.key;
    let (approver, pinned) = previous
        .approver_of_key(key)
        .ok_or(ApprovalFault::Foreign { key })?;
    let approver = || approver.name.clone();
    if pinned.tool != Tool::Own && !planted(Bug::PageAsOwn) {
        return Err(ApprovalFault::Page {
            approver: approver(),
        });
    }
    if approval.purpose != Purpose::Policy || approval.subject != subject(version) {
        return Err(ApprovalFault::OtherSubject {
            approver: approver(),
        });
    }
    let expired = now.is_some_and(|now| approval.has_expired(now));
    if expired && !planted(Bug::ApprovalExpiry) {
        return Err(ApprovalFault::Expired {
            approver: approver(),
            expires: approval.expires,
        });
    }
    match approval.verify(pinned, previous.vault) {
        Err(error) if !planted(Bug::VersionSignature) => Err(ApprovalFault::Wrong {
            approver: approver(),
            error,
        }),
        Ok(()) | Err(_) => Ok(key),
    }
}
