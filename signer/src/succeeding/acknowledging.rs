//! The acknowledgement of the version that a journal adopted last: its word to follow that one and none before.

use super::SucceedingError;
use policies::hash::Purpose;
use policies::intent::SecretKey;
use policies::rules::Said;
use policies::{Approval, History, Policy, Statement, UnixTime};

/// Signs with the journal's key that it follows the version which it adopted last. The same again says the same.
///
/// # Errors
/// When the journal adopted none, is not at the pinned one, or moved away.
pub fn acknowledge(
    history: &History,
    pinned: &Policy,
    key: &SecretKey,
) -> Result<Said, SucceedingError> {
    if history.moved_to().is_some() {
        return Err(SucceedingError::JournalMoved);
    }
    let version = history.versions().newest();
    let policy = version.ok_or(SucceedingError::NothingAdopted)?;
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
