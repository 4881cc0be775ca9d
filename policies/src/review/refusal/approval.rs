//! What is wrong with approvals, their proofs, and statements about open lists.

use serde::Serialize;

use crate::hash::Purpose;
use crate::ids::{IntentHash, KeyId, MerkleRoot, Subject};
use crate::intent::{ProofError, SignatureError};
use crate::time::UnixTime;

/// One reason not to believe an approver's signature, or a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum ApprovalRefusal {
    /// An approval is by a key that the policy does not know.
    #[error("a signature on {subject} is by key {key}, which is no approver's")]
    Foreign {
        /// What was signed.
        subject: Subject,
        /// The key.
        key: KeyId,
    },
    /// An approval's signature is wrong.
    #[error("the signature of {approver} on {subject} is wrong: {error}")]
    Wrong {
        /// What was signed.
        subject: Subject,
        /// The approver.
        approver: String,
        /// What is wrong.
        #[serde(serialize_with = "super::displayed")]
        error: SignatureError,
    },
    /// An approval has expired.
    #[error("the signature of {approver} on {subject} expired {expires}, it is {now}")]
    Expired {
        /// What was signed.
        subject: Subject,
        /// The approver.
        approver: String,
        /// Its end.
        expires: UnixTime,
        /// The signer's time.
        now: UnixTime,
    },
    /// A Merkle proof does not lead to its root.
    #[error("the proof that {root} holds intent {intent} is wrong: {error}")]
    ProofWrong {
        /// The root.
        root: MerkleRoot,
        /// The intent.
        intent: IntentHash,
        /// What is wrong.
        #[serde(serialize_with = "super::displayed")]
        error: ProofError,
    },
    /// An approval or proof is about nothing here.
    #[error(
        "an approval of {subject} covers no intent, statement or maintenance of this transaction"
    )]
    Unused {
        /// What was signed.
        subject: Subject,
    },
    /// An approver's signature says something that does not fit what it is about.
    #[error("{approver} signed {subject} to {purpose}, which it is not for")]
    Purpose {
        /// What was signed.
        subject: Subject,
        /// The approver.
        approver: String,
        /// The purpose found.
        #[serde(serialize_with = "super::displayed")]
        purpose: Purpose,
    },
    /// A stop is signed as if it ended by itself.
    #[error(
        "the signature of {approver} on stop {subject} ends {expires}; a stop never ends by itself"
    )]
    StopEnds {
        /// The stop.
        subject: Subject,
        /// Whose key it is.
        approver: String,
        /// The end found.
        expires: UnixTime,
    },
    /// A statement is none that a transfer carries.
    #[error("statement {statement} to {purpose} is none that a transfer carries")]
    StatementNotCarried {
        /// The statement.
        statement: Subject,
        /// What it says.
        #[serde(serialize_with = "super::displayed")]
        purpose: Purpose,
    },
    /// A statement is about a list that the policy does not have open.
    #[error("statement {statement} is about list {list}, which is not an open list of the policy")]
    StatementListUnknown {
        /// The statement.
        statement: Subject,
        /// The list named.
        list: String,
    },
    /// A statement is about an entry that the file does not carry.
    #[error("statement {statement} is about entry {entry}, which the file does not carry")]
    StatementEntryMissing {
        /// The statement.
        statement: Subject,
        /// The entry named.
        entry: Subject,
    },
}

impl ApprovalRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "APPROVAL_FOREIGN",
            Self::Wrong { .. } => "APPROVAL_WRONG",
            Self::Expired { .. } => "APPROVAL_EXPIRED",
            Self::ProofWrong { .. } => "PROOF_WRONG",
            Self::Unused { .. } => "APPROVAL_UNUSED",
            Self::Purpose { .. } => "APPROVAL_PURPOSE",
            Self::StopEnds { .. } => "STOP_ENDS",
            Self::StatementNotCarried { .. } => "STATEMENT_NOT_CARRIED",
            Self::StatementListUnknown { .. } => "STATEMENT_LIST_UNKNOWN",
            Self::StatementEntryMissing { .. } => "STATEMENT_ENTRY_MISSING",
        }
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "more approvers must approve with their own tool",
            Self::Foreign { .. }
            | Self::Wrong { .. }
            | Self::ProofWrong { .. }
            | Self::Unused { .. }
            | Self::Purpose { .. }
            | Self::StopEnds { .. }
            | Self::StatementNotCarried { .. }
            | Self::StatementListUnknown { .. }
            | Self::StatementEntryMissing { .. } => super::advice::TELL,
        }
    }
}
