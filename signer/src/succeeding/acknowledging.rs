//! The acknowledgement of the version that a journal adopted last, or was born at: its word to follow that one and none
//! before.

use super::SucceedingError;
use policies::hash::Purpose;
use policies::intent::SecretKey;
use policies::rules::Said;
use policies::{Approval, History, Policy, PolicyId, Statement, UnixTime};

/// The version that a journal speaks for: the one that it adopted last. A journal that was begun at a later version
/// adopted none, and followed no other: it speaks for the pinned one. Of a first version there is nothing to say.
pub fn to_acknowledge(history: &History, pinned: &Policy) -> Option<PolicyId> {
    let begun_at = || pinned.previous.map(|_| pinned.id);
    history.versions().newest().or_else(begun_at)
}

/// Signs with the journal's key that it follows the version which it adopted last. The same again says the same.
///
/// # Errors
/// When there is none to speak for, the journal is not at the pinned one, or moved away.
pub fn acknowledge(
    history: &History,
    pinned: &Policy,
    key: &SecretKey,
) -> Result<Said, SucceedingError> {
    if history.moved_to().is_some() {
        return Err(SucceedingError::JournalMoved);
    }
    let policy = to_acknowledge(history, pinned).ok_or(SucceedingError::NothingAdopted)?;
    if policy != pinned.id {
        return Err(SucceedingError::PinBehindJournal {
            pinned: pinned.id,
            adopted: policy,
        });
    }
    let statement = Statement::Ack { policy };
    let subject = statement.subject();
    let approval = Approval::sign(key, Purpose::Ack, pinned.vault, subject, UnixTime::ZERO);
    Ok(Said {
        statement,
        approvals: vec![approval],
    })
}
