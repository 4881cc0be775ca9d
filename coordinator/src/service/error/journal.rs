//! What is refused about the signers' journals.

use policies::PublicKey;
use policies::journal::MoveError;
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};
use crate::service::journals::RefusedReceipt;

/// A refusal about the signers' journals.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A receipt is refused, and the signatures that came with it.
    #[error("{}; nothing that came with it is taken", .0.reason)]
    Refused(Box<RefusedReceipt>),
    /// The move of a journal does not count.
    #[error(transparent)]
    Move(MoveError),
    /// The journal moved elsewhere.
    #[error("journal {from} moved to {to} already")]
    MovedAlready {
        /// The journal.
        from: PublicKey,
        /// Where it moved.
        to: PublicKey,
    },
    /// The journal signed after the entry that says it moved.
    #[error("journal {from} signed entry {counter} although it moved at entry {moved_at}")]
    SignedAfterMove {
        /// The journal.
        from: PublicKey,
        /// The last counter that is known.
        counter: u64,
        /// The counter of the move.
        moved_at: u64,
    },
}

impl JournalError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Refused(refused) => (refused.code, Class::Conflict, refused.hint),
            Self::Move(error) => {
                let (code, hint) = move_answer(error);
                (code, Class::Refused, hint)
            }
            Self::MovedAlready { .. } => (
                "journal_moved_already",
                Class::Conflict,
                "find out whose machine the other journal is before anybody signs",
            ),
            Self::SignedAfterMove { .. } => (
                "journal_signed_after_move",
                Class::Conflict,
                "find out who still signs with the old journal before anybody signs",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::Refused(refused) => json!({
                "journal": refused.journal.to_string(),
                "signer": refused.signer,
            }),
            Self::MovedAlready { from, to } => {
                json!({ "from": from.to_string(), "to": to.to_string() })
            }
            Self::SignedAfterMove {
                from,
                counter,
                moved_at,
            } => {
                json!({ "journal": from.to_string(), "counter": counter, "moved_at": moved_at })
            }
            Self::Move(_) => Value::Null,
        }
    }
}

/// The code of a move that does not count, and what to do.
fn move_answer(error: &MoveError) -> (&'static str, &'static str) {
    match error {
        MoveError::EndsEarly
        | MoveError::Canonical(_)
        | MoveError::Field(_)
        | MoveError::Format
        | MoveError::Value(_)
        | MoveError::NotCanonical => (
            "move_unreadable",
            "hand in the lines of `journal.moves` as they are",
        ),
        MoveError::ToItself { .. } | MoveError::ToTaken { .. } => (
            "move_to_key",
            "move the journal to a new one, which `countersign-signer journal` makes",
        ),
        MoveError::FromUnknown { .. } => (
            "move_foreign",
            "hand in the moves in their order, from the journal that the policy names",
        ),
        MoveError::Signature(_) => (
            "move_not_signed",
            "hand in the certificate that the old machine wrote, unaltered",
        ),
    }
}
