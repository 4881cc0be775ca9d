//! Which attempt of a batch is the one that is out, what stands beside it, and what a failure means for it.

use bitcoin::{Amount, FeeRate};
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use crate::fees::Beside;
use crate::service::lines::is_live;
use crate::service::renewing::pays;
use crate::service::{BatchError, ServiceError};
use crate::session::attempt::AttemptState;
use crate::store::attempts::AttemptRow;
use crate::store::bumps::{BumpRow, Outcome};
use crate::store::inputs::{self, Rival};
use crate::store::rungs;

/// The newest attempt of a batch that pays and is out, unless one of them is in a block.
pub(super) fn newest_out(all: &[AttemptRow]) -> Option<AttemptRow> {
    let in_block = |row: &AttemptRow| {
        matches!(
            row.state,
            AttemptState::Confirmed { .. } | AttemptState::Settled { .. }
        )
    };
    if all.iter().any(in_block) {
        return None;
    }
    let out = all.iter().filter(|row| pays(row.purpose) && is_out(row));
    out.max_by_key(|row| row.number).cloned()
}

const fn is_out(row: &AttemptRow) -> bool {
    matches!(
        row.state,
        AttemptState::Broadcasting | AttemptState::InMempool
    )
}

/// What is newer than an attempt, spends one of its coins, and waits for signatures.
pub(super) struct Rivals {
    /// Whether something waits.
    pub(super) waits: bool,
    /// Whether some of it does not pay what the attempt pays, such as a cancellation.
    pub(super) pays_not: bool,
    /// The highest fee among it.
    pub(super) dearest: Amount,
}

/// Finds the rivals of an attempt; none where one is out or in a block itself, so that this one is not the one that is
/// out any more. A rung that is held waits for nobody.
pub(super) async fn rivals(
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<Option<Rivals>, ServiceError> {
    // Clocks of coordinators differ: within a batch its own numbers say what is newer.
    let is_newer = |other: &Rival| {
        if other.batch == row.batch {
            (other.number, other.txid) > (row.number, row.txid)
        } else {
            (other.created_at, other.txid) > (row.created_at, row.txid)
        }
    };
    let mut found = Rivals {
        waits: false,
        pays_not: false,
        dearest: Amount::ZERO,
    };
    for other in inputs::live_rivals_of(tx, row.txid).await? {
        if !is_newer(&other) || rungs::is_held(tx, other.txid).await? {
            continue;
        }
        if other.is_out {
            return Ok(None);
        }
        found.waits = true;
        found.pays_not |= !pays(other.purpose);
        found.dearest = found.dearest.max(other.fee);
    }
    Ok(Some(found))
}

/// Since which height of the tip something that takes the place of an attempt, or pays for it, is remembered; none where
/// nothing is, or where the block at which it was made is no more.
pub(super) async fn awaited_since(
    tx: &mut Transaction,
    memory: Option<&BumpRow>,
) -> Result<Option<u32>, ServiceError> {
    let made = memory.filter(|row| matches!(row.outcome, Outcome::Made | Outcome::Released));
    match made.and_then(|row| row.tip) {
        Some(tip) => Ok(chain::height_of(tx, tip).await?),
        None => Ok(None),
    }
}

/// What is on its way for an attempt already, and since when: what waits in its place, and what spends its outputs. A
/// child of it that is there, or waits, pays for it.
pub(super) fn beside(
    row: &AttemptRow,
    rivals: &Rivals,
    (waits_since, children, child_since): (u32, &[AttemptRow], u32),
) -> Beside {
    match (children, rivals.waits) {
        _ if rivals.pays_not => Beside::Other,
        ([], true) => Beside::Waits { since: waits_since },
        ([], false) => Beside::Nothing,
        (_, true) => Beside::Other,
        (children, false) => Beside::Child {
            since: child_since,
            together: together(row, children),
        },
    }
}

/// What an attempt and its children pay together; none where one of them is not out yet.
fn together(row: &AttemptRow, children: &[AttemptRow]) -> Option<FeeRate> {
    let (mut fee, mut weight) = (row.fee, row.weight);
    for child in children {
        if !is_out(child) {
            return None;
        }
        fee = fee.checked_add(child.fee)?;
        weight = weight.checked_add(child.weight)?;
    }
    Some(fee / weight)
}

/// What spends outputs of these attempts to ourselves and may be paid, so that they are paid for.
pub(super) async fn children(
    tx: &mut Transaction,
    all: &[AttemptRow],
) -> Result<Vec<AttemptRow>, ServiceError> {
    let mut found: Vec<AttemptRow> = Vec::new();
    for parent in all {
        for child in inputs::children_of(tx, parent.txid).await? {
            let is_known = found.iter().any(|known| known.txid == child.txid);
            if !pays(child.purpose) && is_live(&child.state) && !is_known {
                found.push(child);
            }
        }
    }
    Ok(found)
}

/// The sum of their fees.
pub(super) fn fees(attempts: &[AttemptRow]) -> Amount {
    let sum = |sum: Amount, row: &AttemptRow| sum.checked_add(row.fee);
    let all = attempts.iter().try_fold(Amount::ZERO, sum);
    all.unwrap_or(Amount::MAX_MONEY)
}

/// Whether it says that no replacement can be built, rather than that nothing is to be made now.
pub(super) const fn is_impossible(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::Withdrawal(_)
            | ServiceError::Batch(
                BatchError::CoinSelection(_)
                    | BatchError::CannotBeExclusive(_)
                    | BatchError::SelfReview { .. }
                    | BatchError::NotApproved { .. }
                    | BatchError::ApprovalsRanOut { .. }
                    | BatchError::EntryEnds { .. }
                    | BatchError::NothingToBatch { .. }
                    | BatchError::NothingShown { .. }
            )
    )
}

/// What may be otherwise at the next tip, and changed nothing: everything is built before anything is written.
pub(super) const fn is_of_now(error: &ServiceError) -> bool {
    let taken = matches!(error, ServiceError::Batch(BatchError::TakenMeanwhile));
    !taken
        && matches!(
            error,
            ServiceError::Batch(_) | ServiceError::Withdrawal(_) | ServiceError::Attempt(_)
        )
}
