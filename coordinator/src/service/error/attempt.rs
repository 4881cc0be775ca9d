//! What is refused about attempts and the signatures handed in for them.

use bitcoin::Txid;
use policies::PublicKey;
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
    /// Nobody kept its PSBT.
    #[error("attempt {txid} is known by journals or the chain alone: its PSBT is lost")]
    PsbtLost {
        /// The attempt.
        txid: Txid,
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
    /// The attempt cannot be voided.
    #[error("attempt {txid} is {state}, for {purpose}{}: it cannot be voided", if *.signed { " and signed in part" } else { "" })]
    NotVoidable {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
        /// What it is for.
        purpose: &'static str,
        /// Whether a signature for it was handed in.
        signed: bool,
    },
    /// What was handed in is no void, or not well signed.
    #[error("{reason}")]
    VoidUnreadable {
        /// What the reader said.
        reason: String,
    },
    /// The void is of a journal that no signer keeps.
    #[error("the void is of journal {journal}, which no signer of the policy keeps")]
    VoidForeign {
        /// The journal.
        journal: PublicKey,
    },
    /// The signer signed what it voids.
    #[error("{signer} voids attempt {txid}, of which its signature was handed in")]
    VoidOfSigned {
        /// The attempt.
        txid: Txid,
        /// The signer.
        signer: String,
    },
}

impl AttemptError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownAttempt { .. } => (
                "unknown_attempt",
                Class::NotFound,
                "`attempt list` names the attempts; one that a signer holds is not there if the database is a restored backup",
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
            Self::PsbtLost { .. } => (
                "attempt_psbt_lost",
                Class::Conflict,
                "replace the attempt, or wait for the chain: whoever has its signatures may still send it",
            ),
            Self::NotReplaceable { .. } => (
                "not_replaceable",
                Class::Conflict,
                "replace a payment or cancellation that is in no block yet; cancel the batch of any other",
            ),
            Self::NotVoidable { .. } => (
                "not_voidable",
                Class::Conflict,
                "cancel it on the chain with `batch cancel --on-chain`: only payments that nobody signed are voided",
            ),
            Self::VoidUnreadable { .. } => (
                "void_unreadable",
                Class::Refused,
                "hand in what `countersign-signer void` wrote, unaltered",
            ),
            Self::VoidForeign { .. } => (
                "void_foreign",
                Class::Refused,
                "if the journal moved, hand in the certificate of its move first",
            ),
            Self::VoidOfSigned { .. } => (
                "void_of_signed",
                Class::Conflict,
                "ask who keeps this signer: an honest one never voids what it signed; cancel on the chain",
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
            Self::NotVoidable {
                txid,
                state,
                purpose,
                signed,
            } => json!({ "txid": txid, "state": state, "purpose": purpose, "signed": signed }),
            Self::VoidForeign { journal } => json!({ "journal": journal.to_string() }),
            Self::VoidOfSigned { txid, signer } => json!({ "txid": txid, "signer": signer }),
            Self::PsbtLost { txid } => json!({ "txid": txid }),
            Self::UnknownAttempt { .. } | Self::VoidUnreadable { .. } => Value::Null,
        }
    }
}
