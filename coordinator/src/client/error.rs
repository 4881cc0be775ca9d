//! Why the client did not do what it was asked.

use bitcoin::{Address, Amount};
use policies::destination::DestinationError;
use policies::{Keychain, PolicyId, PublicKey, intent::IntentError};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What the coordinator says when it refuses (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The stable code.
    pub code: String,
    /// One line for people.
    #[serde(default)]
    pub title: String,
    /// This case, for people.
    #[serde(default)]
    pub detail: String,
    /// Everything else that it says.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The policy given is not the pinned one.
    #[error("the policy is {found}, but {pinned} is pinned")]
    OtherPolicy {
        /// The id pinned.
        pinned: PolicyId,
        /// The id of the policy given.
        found: PolicyId,
    },
    /// The policy names no requester of this key.
    #[error("the policy names no requester with the key {key}")]
    NotARequester {
        /// The key.
        key: PublicKey,
    },
    /// The coordinator answered an address that is not ours: do not use it.
    #[error(
        "address mismatch: {keychain} {index} of the pinned policy is {derived}, but the coordinator answered {answered}"
    )]
    AddressMismatch {
        /// The keychain answered.
        keychain: Keychain,
        /// The index answered.
        index: u32,
        /// What the pinned descriptor gives there.
        derived: Box<Address>,
        /// What the coordinator answered.
        answered: String,
    },
    /// The answer is about something else than what was asked.
    #[error("the coordinator's answer has another {field} than the pinned policy or the request")]
    OtherAnswer {
        /// The field that differs.
        field: &'static str,
    },
    /// The address cannot be paid: it is of another network, or of a kind that is not paid.
    #[error(transparent)]
    Destination(DestinationError),
    /// A repeated payment has no satoshi left to take off.
    #[error("{amount} cannot be lowered until it differs from what it repeats")]
    CannotDiffer {
        /// The amount asked for.
        amount: Amount,
    },
    /// The order cannot be said in an intent.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// The coordinator refused.
    #[error("{} (status {status}, code {})", if .problem.detail.is_empty() { &.problem.title } else { &.problem.detail }, .problem.code)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        problem: Box<Problem>,
    },
    /// The answer is not one of this API.
    #[error("the answer with status {status} is not one of this API")]
    ForeignAnswer {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The coordinator cannot be reached, or stopped answering: what was asked may have happened.
    #[error("the coordinator cannot be reached: {0}")]
    Connection(#[source] Box<ureq::Error>),
}

impl ClientError {
    /// The coordinator's stable code, where it refused.
    pub fn code(&self) -> Option<&str> {
        if let Self::Refused { problem, .. } = self {
            Some(&problem.code)
        } else {
            None
        }
    }
}
