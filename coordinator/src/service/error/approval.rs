//! What is refused about what persons approve or reject: withdrawals, and maintenance.

use bitcoin::Txid;
use policies::intent::{ProofError, SignatureError};
use policies::{IntentHash, KeyId, RequesterName, UnixTime, WithdrawalId};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about what persons approve or reject: withdrawals, and maintenance.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// No approver of the policy has this key.
    #[error("no approver of the policy has the key {key}")]
    UnknownApprovalKey {
        /// The key.
        key: KeyId,
    },
    /// The signature is for another purpose than approving or refusing.
    #[error("the purpose {purpose} is neither approve nor reject")]
    ApprovalPurpose {
        /// The purpose found.
        purpose: String,
    },
    /// The approval's signature does not hold.
    #[error("the approval's signature: {0}")]
    ApprovalSignature(#[source] SignatureError),
    /// The approval's time is over.
    #[error("the approval expired at {expires}, it is {now}")]
    ApprovalExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// A proof does not tie its intent to the root.
    #[error("the proof for intent {intent}: {reason}")]
    ApprovalProof {
        /// The intent.
        intent: IntentHash,
        /// What is wrong.
        reason: ProofError,
    },
    /// The withdrawal no longer takes approvals or refusals.
    #[error("withdrawal {requester}/{id} is {state} and takes no approval or refusal")]
    ApprovalTooLate {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// The requester's own person wants to say something of a withdrawal.
    #[error("{person} asked for withdrawal {requester}/{id}, and cannot approve or refuse it")]
    OwnRequest {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// The person.
        person: String,
    },
    /// The policy names no key of the person that is touched in the page.
    #[error("the policy names no page key of {person}")]
    NoPageKey {
        /// The person.
        person: String,
    },
    /// The attempt pays withdrawals, or recovers: maintenance approves neither.
    #[error(
        "attempt {txid} is for {purpose}: only spends to ourselves are approved as maintenance"
    )]
    NotMaintenance {
        /// The attempt.
        txid: Txid,
        /// What it is for.
        purpose: &'static str,
    },
    /// The policy lets nobody approve maintenance, or not this person.
    #[error("{approver} may not approve maintenance under this policy")]
    NotAMaintainer {
        /// The approver.
        approver: String,
    },
    /// The attempt takes no approvals any more.
    #[error("attempt {txid} is {state} and takes no approvals")]
    MaintenanceTooLate {
        /// The attempt.
        txid: Txid,
        /// Where it stands.
        state: &'static str,
    },
}

impl ApprovalError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownApprovalKey { .. } => (
                "unknown_approval_key",
                Class::Refused,
                "approve with a key that the policy names for an approver",
            ),
            Self::ApprovalPurpose { .. } => (
                "approval_wrong_purpose",
                Class::Refused,
                "hand in what `countersign-signer approve` or `reject` wrote",
            ),
            Self::ApprovalSignature(_) => (
                "approval_signature_invalid",
                Class::Refused,
                "approve again, and hand it in unaltered",
            ),
            Self::ApprovalExpired { .. } => ("approval_expired", Class::Refused, "approve again"),
            Self::ApprovalProof { .. } => (
                "approval_bad_proof",
                Class::Refused,
                "hand in the approvals as they were written, with their proofs",
            ),
            Self::ApprovalTooLate { .. } => (
                "approval_too_late",
                Class::Conflict,
                "nothing is to be done: it is decided",
            ),
            Self::OwnRequest { .. } => (
                "own_request",
                Class::Refused,
                "let another person approve it; who asked for it can take it back",
            ),
            Self::NoPageKey { .. } => (
                "no_page_key",
                Class::Refused,
                "approve with `countersign-signer approve`, or have the policy name a page key",
            ),
            Self::NotMaintenance { .. } => (
                "not_maintenance",
                Class::Refused,
                "approve the withdrawals that it pays instead",
            ),
            Self::NotAMaintainer { .. } => (
                "not_a_maintainer",
                Class::Refused,
                "ask a person of the group that `[maintenance]` names",
            ),
            Self::MaintenanceTooLate { .. } => (
                "maintenance_too_late",
                Class::Conflict,
                "nothing is to be done: it is decided",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownApprovalKey { key } => {
                json!({ "key": key })
            }
            Self::ApprovalExpired { expires, now } => {
                json!({ "expires": expires, "now": now })
            }
            Self::ApprovalProof { intent, .. } => {
                json!({ "intent": intent })
            }
            Self::ApprovalTooLate {
                requester,
                id,
                state,
            } => {
                json!({ "requester": requester, "id": id, "state": state })
            }
            Self::OwnRequest {
                requester,
                id,
                person,
            } => {
                json!({ "requester": requester, "id": id, "person": person })
            }
            Self::NoPageKey { person } => {
                json!({ "person": person })
            }
            Self::MaintenanceTooLate { txid, state } => {
                json!({ "txid": txid, "state": state })
            }
            Self::ApprovalPurpose { .. }
            | Self::ApprovalSignature(_)
            | Self::NotMaintenance { .. }
            | Self::NotAMaintainer { .. } => Value::Null,
        }
    }
}
