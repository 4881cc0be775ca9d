//! Which next versions this home's approvers approved, so that two successors of one version never both get their
//! word unnoticed: whoever holds both files could lead some signers to the one and some to the other.
//!
//! Invariant: what is approved is on disk before its signature leaves, and stays there after the approval ended, for a
//! signer may have heard of it in time.

use serde::{Deserialize, Serialize};

use super::{SucceedingError, Successor, judge};
use crate::home::Home;
use crate::keystore::{PersonKey, WriteError, durable};
use crate::pin::PinError;
use policies::hash::Purpose;
use policies::succession::{SuccessionFile, approved};
use policies::{Approval, Policy, PolicyId, Subject, UnixTime};

/// The format name of the record.
const FORMAT: &str = "countersign/approved-versions/1";

/// A version that was approved here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The version.
    pub policy: PolicyId,
    /// When it was approved last.
    pub at: UnixTime,
    /// When that approval ends.
    pub expires: UnixTime,
}

/// All successors of one version that were approved here, the newest last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: String,
    versions: Vec<Given>,
}

/// Approves a next version and adds the signature to its file.
///
/// # Errors
/// As [`judge`]; when the key is no approver's, or its approval would not count; when another successor of the pinned
/// version was approved here and `instead_of` does not name the one that was approved last, or the disk refuses. Then
/// nothing is remembered, and no signature leaves.
pub fn approve(
    home: &Home,
    pinned: &Policy,
    file: &mut SuccessionFile,
    key: &PersonKey,
    (now, expires): (UnixTime, UnixTime),
    instead_of: Option<PolicyId>,
) -> Result<Successor, SucceedingError> {
    judge(pinned, file, now)?;
    if pinned.approver_of_key(key.public().id()).is_none() {
        return Err(SucceedingError::NotAnApprover);
    }
    let policy = file.version();
    let subject = Subject::from_bytes(policy.to_bytes());
    let (secret, vault) = (key.secret(), pinned.vault);
    let approval = Approval::sign(secret, Purpose::Policy, vault, subject, expires);
    would_count(pinned, policy, &approval, now)?;
    let before = given(home, pinned.id)?;
    let others = before.iter().flatten().rev();
    let other = others.copied().find(|given| given.policy != policy);
    match (other, instead_of) {
        (Some(other), Some(named)) if other.policy == named => {}
        (Some(other), _) => return Err(SucceedingError::SecondApproval(other)),
        (None, Some(named)) => return Err(SucceedingError::NotApprovedBefore { version: named }),
        (None, None) => {}
    }
    remember(
        home,
        pinned.id,
        before,
        Given {
            policy,
            at: now,
            expires,
        },
    )?;
    file.approve(approval);
    judge(pinned, file, now)
}

/// Refuses an approval that nobody would count: remembered, it would only keep this home from the true successor.
fn would_count(
    pinned: &Policy,
    policy: PolicyId,
    approval: &Approval,
    now: UnixTime,
) -> Result<(), SucceedingError> {
    let alone = approved(pinned, policy, [approval], now).ok_or(SucceedingError::NoSuccession)?;
    if !alone.persons.is_empty() {
        return Ok(());
    }
    Err(match alone.faults.into_iter().next() {
        Some(fault) => SucceedingError::NotCounted(fault),
        None => SucceedingError::NotEntitled {
            group: alone.group.unwrap_or_default(),
        },
    })
}

/// The successors of a version that were approved here; nothing where none ever was.
fn given(home: &Home, previous: PolicyId) -> Result<Option<Vec<Given>>, SucceedingError> {
    let path = home.approved_versions_file(previous);
    let bytes = match std::fs::read(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(PinError::Unreadable { path, cause }.into()),
        Ok(bytes) => bytes,
    };
    let record: Option<Record> = serde_json::from_slice(&bytes).ok();
    let record = record.filter(|record| record.format == FORMAT);
    let broken = || SucceedingError::ApprovedVersionsBroken(path.clone());
    Ok(Some(record.ok_or_else(broken)?.versions))
}

fn remember(
    home: &Home,
    previous: PolicyId,
    before: Option<Vec<Given>>,
    given: Given,
) -> Result<(), SucceedingError> {
    let path = home.approved_versions_file(previous);
    let is_first = before.is_none();
    let mut versions = before.unwrap_or_default();
    versions.retain(|one| one.policy != given.policy);
    versions.push(given);
    let record = Record {
        format: FORMAT.to_owned(),
        versions,
    };
    let mut text = serde_json::to_vec(&record).expect("ids and times are plain JSON");
    text.push(b'\n');
    durable::make_folder(durable::folder_of(&path))?;
    if !is_first {
        return Ok(durable::replace(&path, &text)?);
    }
    match durable::write_new(&path, &text) {
        // Another terminal approved one meanwhile: what it wrote counts.
        Err(WriteError::Exists(path)) => Err(SucceedingError::ApprovedMeanwhile(path)),
        written => Ok(written?),
    }
}
