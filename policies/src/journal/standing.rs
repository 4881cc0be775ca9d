//! How a receipt stands to what is known of its signer's journal: what intake decides by.
//!
//! Pure: the caller verified the receipt's signature, and stores what the last accepted one said.
//! Invariant: for one journal, what is accepted only ever grows, and two receipts of one counter agree.

use super::moving::MoveCertificate;
use super::receipt::ReceiptBody;
use crate::ids::JournalHead;
use crate::intent::PublicKey;

/// What the last accepted receipt of a journal said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastKnown {
    /// Its counter.
    pub counter: u64,
    /// Its head.
    pub head: JournalHead,
}

/// How an acceptable receipt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was known of the journal.
    First,
    /// The journal went on.
    Newer,
    /// The journal stands where it stood: the same transaction was signed again.
    Same,
}

/// Why a receipt is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StandingError {
    /// It is of a journal that is neither pinned nor moved to.
    #[error("the receipt is of journal {found}, expected {expected}")]
    Foreign {
        /// The journal found.
        found: PublicKey,
        /// The journal that the policy and the moves lead to.
        expected: PublicKey,
    },
    /// It was made before the journal moved; the new journal must sign again.
    #[error("the receipt is of journal {from}, which moved to {to}")]
    MovedAway {
        /// The journal found.
        from: PublicKey,
        /// Where it moved.
        to: PublicKey,
    },
    /// It was made after the journal moved: the old journal was kept and signs on.
    #[error("journal {from} signed entry {counter} although it moved at entry {moved_at}")]
    SignedAfterMove {
        /// The journal found.
        from: PublicKey,
        /// The receipt's counter.
        counter: u64,
        /// The counter of the move.
        moved_at: u64,
    },
    /// It is older than what is known: a journal that was rolled back, or a receipt sent again.
    #[error("the receipt is of entry {counter}, entry {known} is known already")]
    Stale {
        /// The receipt's counter.
        counter: u64,
        /// The known counter.
        known: u64,
    },
    /// Two heads at one counter: the journal was rolled back or cloned.
    #[error("the receipt has the head {found} at entry {counter}, known is {known}")]
    Forked {
        /// The counter of both.
        counter: u64,
        /// The receipt's head.
        found: JournalHead,
        /// The known head.
        known: JournalHead,
    },
}

impl StandingError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "JOURNAL_FOREIGN",
            Self::MovedAway { .. } => "JOURNAL_MOVED",
            Self::SignedAfterMove { .. } => "JOURNAL_SIGNED_AFTER_MOVE",
            Self::Stale { .. } => "JOURNAL_STALE",
            Self::Forked { .. } => "JOURNAL_FORKED",
        }
    }

    /// What to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "the signer must use the home whose journal the policy names",
            Self::MovedAway { .. } => "sign again on the machine that the journal moved to",
            Self::Stale { .. } => {
                "find out whether the signer's home was restored from a backup; if not, sign again"
            }
            Self::SignedAfterMove { .. } | Self::Forked { .. } => {
                "stop this signer: its journal exists twice, and may not know what it signed"
            }
        }
    }
}

/// Classifies a receipt by the journal that the policy pins for the signer, the accepted moves from it
/// (the first one first), and what is known of the journal that the receipt names.
///
/// # Errors
/// Why intake refuses it.
pub fn standing(
    receipt: &ReceiptBody,
    pinned: PublicKey,
    moves: &[MoveCertificate],
    known: Option<LastKnown>,
) -> Result<Standing, StandingError> {
    let (found, counter) = (receipt.journal, receipt.counter);
    let expected = moves.last().map_or(pinned, |last| last.statement.to);
    if found != expected {
        let left = moves.iter().find(|one| one.statement.from == found);
        let Some(left) = left.map(|one| &one.statement) else {
            return Err(StandingError::Foreign { found, expected });
        };
        if counter >= left.counter {
            return Err(StandingError::SignedAfterMove {
                from: found,
                counter,
                moved_at: left.counter,
            });
        }
        let (from, to) = (found, left.to);
        return Err(StandingError::MovedAway { from, to });
    }
    let Some(known) = known else {
        return Ok(Standing::First);
    };
    if counter > known.counter {
        return Ok(Standing::Newer);
    }
    if counter < known.counter {
        return Err(StandingError::Stale {
            counter,
            known: known.counter,
        });
    }
    if receipt.head != known.head {
        return Err(StandingError::Forked {
            counter,
            found: receipt.head,
            known: known.head,
        });
    }
    Ok(Standing::Same)
}

#[cfg(all(test, feature = "signing"))]
#[path = "standing_tests.rs"]
mod tests;
