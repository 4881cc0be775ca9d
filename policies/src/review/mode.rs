//! What a transaction is for, as far as its shape and its bounds depend on that.
//!
//! The manifest's purpose is a label, but it must fit: what pays intents pays or bumps; what pays nobody but
//! ourselves consolidates, refreshes, cancels or drains; and only what says that it recovers may take a path
//! with a timelock, which nothing else ever signs.

use bitcoin::Sequence;
use bitcoin::relative;

use super::Refusal;
use super::spent::Spent;
use super::structure::SEQUENCE;
use crate::journal::SpendMode;
use crate::planted::{Bug, planted};
use crate::psbt::{AttemptPurpose, StrictPsbt};

/// The mode, and the sequence that every input must have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode {
    pub(super) spend: SpendMode,
    pub(super) sequence: Sequence,
    /// The relative timelock of the recovery path taken, in blocks.
    pub(super) older: Option<u16>,
}

/// Reads the mode from the purpose, and examines that the transaction fits it.
pub(super) fn examine(psbt: &StrictPsbt, spent: Spent<'_>, refusals: &mut Vec<Refusal>) -> Mode {
    let manifest = psbt.manifest();
    let spend = match manifest.purpose {
        AttemptPurpose::Pay | AttemptPurpose::Bump => SpendMode::Pay,
        AttemptPurpose::Consolidate
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain => SpendMode::SelfSpend,
        AttemptPurpose::Recover => SpendMode::Recovery,
    };
    let payments = manifest.payments.len();
    match spend {
        SpendMode::Pay if payments == 0 => refusals.push(Refusal::PaysNothing),
        SpendMode::SelfSpend | SpendMode::Recovery if payments > 0 => {
            refusals.push(Refusal::PurposeMismatch {
                purpose: manifest.purpose,
                payments,
            });
        }
        SpendMode::Pay | SpendMode::SelfSpend | SpendMode::Recovery => {}
    }
    if spend == SpendMode::Recovery {
        recovery(psbt, spent, refusals)
    } else {
        Mode {
            spend,
            sequence: SEQUENCE,
            older: None,
        }
    }
}

/// Examines that the first input's sequence is the timelock of a recovery path; the others must equal it.
fn recovery(psbt: &StrictPsbt, spent: Spent<'_>, refusals: &mut Vec<Refusal>) -> Mode {
    let locks: Vec<u16> = spent
        .descriptor
        .paths()
        .iter()
        .filter_map(|path| path.older)
        .collect();
    if locks.is_empty() {
        refusals.push(Refusal::NoRecoveryPath);
    }
    let found = psbt
        .transaction()
        .input
        .first()
        .map_or(SEQUENCE, |txin| txin.sequence);
    let older = match found.to_relative_lock_time() {
        Some(relative::LockTime::Blocks(height)) => Some(height.value()),
        Some(relative::LockTime::Time(_)) | None => None,
    };
    // Bits that have no meaning must not hide in it.
    let older =
        older.filter(|older| locks.contains(older) && Sequence::from_height(*older) == found);
    if older.is_none() && !locks.is_empty() && !planted(Bug::RecoverySequence) {
        refusals.push(Refusal::RecoverySequence { found: found.0 });
    }
    Mode {
        spend: SpendMode::Recovery,
        sequence: found,
        older,
    }
}
