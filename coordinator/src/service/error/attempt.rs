//! What is refused about attempts and the signatures handed in for them.

use bitcoin::Txid;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about attempts and the signatures handed in for them.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// No such attempt.
    #[error("no attempt {txid}")]
    UnknownAttempt {
        /// The attempt asked for.
        txid: Txid,
    },
    /// What was handed in as signatures cannot be read.
    #[error("{reason}")]
    Intake {
        /// The reader's code.
        reason_code: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// The signatures are for another transaction.
    #[error("the signatures are for {found}, not for {expected}")]
    OtherTransaction {
        /// The attempt addressed.
        expected: Txid,
        /// The transaction found.
        found: Txid,
    },
    /// The attempt takes no signatures.
    #[error("attempt {txid} is {state} and takes no signatures")]
    AttemptClosed {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
    },
    /// Nothing takes the place of the attempt.
    #[error("attempt {txid} is {state} and for {purpose}: nothing can take its place")]
    NotReplaceable {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
}

impl AttemptError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownAttempt { .. } => (
                "unknown_attempt",
                Class::NotFound,
                "`attempt list` names the attempts by their txids",
            ),
            Self::Intake { .. } => (
                "signatures_unreadable",
                Class::Refused,
                "hand in what the signer wrote, unaltered",
            ),
            Self::OtherTransaction { .. } => (
                "other_transaction",
                Class::Refused,
                "hand it in for the attempt that was signed",
            ),
            Self::AttemptClosed { .. } => (
                "attempt_closed",
                Class::Conflict,
                "nothing is to be done: it has its signatures, or can never confirm",
            ),
            Self::NotReplaceable { .. } => (
                "not_replaceable",
                Class::Conflict,
                "replace a payment or cancellation that is in no block yet; cancel the batch of any other",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Intake { reason_code, .. } => json!({ "reason": reason_code }),
            Self::OtherTransaction { expected, found } => {
                json!({ "expected": expected, "found": found })
            }
            Self::AttemptClosed { txid, state } => {
                json!({ "txid": txid, "state": state })
            }
            Self::NotReplaceable {
                txid,
                state,
                purpose,
            } => json!({ "txid": txid, "state": state, "purpose": purpose }),
            Self::UnknownAttempt { .. } => Value::Null,
        }
    }
}
