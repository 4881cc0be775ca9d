//! What is refused about the signers' journals.

use bitcoin::Txid;
use policies::journal::{ExportError, MoveError};
use policies::{PublicKey, RequesterName, WithdrawalId};
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
    /// What was handed in is no exported journal, or not one of a signer.
    #[error(transparent)]
    Export(Box<ExportError>),
    /// More is known of the journal than what was handed in.
    #[error("the export of {signer}'s journal ends at entry {found}, entry {known} is known")]
    ExportTooOld {
        /// The signer.
        signer: String,
        /// Where it ends.
        found: u64,
        /// The last entry that is known.
        known: u64,
    },
    /// The journal does not hold what its own receipt said.
    #[error(
        "the export of {signer}'s journal is not the one whose receipt of entry {counter} is known"
    )]
    ExportForked {
        /// The signer.
        signer: String,
        /// The entry.
        counter: u64,
    },
    /// Sources cannot both be true.
    #[error("journals do not agree with what is known of attempt {txid}")]
    Disagrees {
        /// The attempt.
        txid: Txid,
    },
    /// Nothing says any more what an attempt spends.
    #[error("nothing says what attempt {txid} spends")]
    Forgotten {
        /// The attempt.
        txid: Txid,
    },
    /// A journal paid another intent of this id.
    #[error("a journal holds another intent of {requester}/{id} than the one that is known")]
    OtherBody {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
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
            Self::Export(error) => export_answer(error),
            Self::ExportTooOld { .. } => (
                "journal_export_old",
                Class::Conflict,
                "export the journal again: it signed since",
            ),
            Self::ExportForked { .. } => (
                "journal_export_forked",
                Class::Conflict,
                "the journal was cloned or rolled back: find out which one signed last",
            ),
            Self::Disagrees { .. } => (
                "journal_disagrees",
                Class::Conflict,
                "find out which signer's journal is wrong before anything is built",
            ),
            Self::Forgotten { .. } => (
                "attempt_forgotten",
                Class::Conflict,
                "import the journal of a signer who signed it",
            ),
            Self::OtherBody { .. } => (
                "journal_other_body",
                Class::Conflict,
                "ask the requester which of the two was meant before anything is built",
            ),
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
            Self::ExportTooOld {
                signer,
                found,
                known,
            } => json!({ "signer": signer, "found": found, "known": known }),
            Self::ExportForked { signer, counter } => {
                json!({ "signer": signer, "counter": counter })
            }
            Self::Disagrees { txid } | Self::Forgotten { txid } => json!({ "txid": txid }),
            Self::OtherBody { requester, id } => json!({ "requester": requester, "id": id }),
            Self::Move(_) | Self::Export(_) => Value::Null,
        }
    }
}

/// The code of an export that does not count, and what to do.
const fn export_answer(error: &ExportError) -> Answer {
    match error {
        ExportError::NotSigned => (
            "journal_not_exported",
            Class::Refused,
            "write it with `countersign-signer journal export`, in the signer's home",
        ),
        ExportError::OtherVault { .. } | ExportError::Foreign { .. } | ExportError::Moved(_) => (
            "journal_export_foreign",
            Class::Refused,
            "hand in the journals of this vault's signers, and no others",
        ),
        ExportError::Canonical(_)
        | ExportError::Field(_)
        | ExportError::Value(_)
        | ExportError::NotCanonical
        | ExportError::Journal(_)
        | ExportError::OtherEnd { .. }
        | ExportError::OtherJournal { .. }
        | ExportError::Signature(_) => (
            "journal_export_invalid",
            Class::Refused,
            "export it again, and find out who altered the file",
        ),
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
