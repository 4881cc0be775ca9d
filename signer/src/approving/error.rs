//! Why nothing is approved, and what to do about it.

use crate::failure::{Class, Explained, Facts, facts_of};
use policies::intent::{IntentError, MerkleError, SignatureError};
use policies::psbt::PsbtRefusal;
use policies::rules::DenyReason;
use policies::{KeyId, PublicKey, RequesterName, UnixTime, WithdrawalId};
use serde_json::{Value, json};

/// Why nothing is approved.
#[derive(Debug, thiserror::Error)]
pub enum ApprovingError {
    /// A file holds neither an intent nor a transfer.
    #[error("neither an intent nor a transfer: {0}")]
    Intent(#[from] IntentError),
    /// A transfer cannot be read.
    #[error(transparent)]
    Psbt(#[from] PsbtRefusal),
    /// A file holds nothing that is approved.
    #[error("neither a request nor an intent; as a transfer, {0}")]
    Neither(PsbtRefusal),
    /// A transfer carries no intents.
    #[error("the transfer carries no intent")]
    NoIntents,
    /// The intent is for another vault.
    #[error("withdrawal {id} is of another vault")]
    OtherVault {
        /// The withdrawal's id.
        id: WithdrawalId,
    },
    /// The intent is for another keyset of this vault.
    #[error("withdrawal {id} is for other signers of this vault")]
    OtherKeyset {
        /// The withdrawal's id.
        id: WithdrawalId,
    },
    /// The intent has ended.
    #[error("withdrawal {id} expired {expires}")]
    Expired {
        /// The withdrawal's id.
        id: WithdrawalId,
        /// When.
        expires: UnixTime,
    },
    /// The requester's signature that came with it does not count.
    #[error("withdrawal {id} is not signed by requester {requester}")]
    NotRequested {
        /// The withdrawal's id.
        id: WithdrawalId,
        /// Whose it claims to be.
        requester: RequesterName,
    },
    /// The rules deny the intent, whoever approves.
    #[error("withdrawal {id} is denied by the policy: {reason}")]
    Denied {
        /// The withdrawal's id.
        id: WithdrawalId,
        /// Why.
        reason: DenyReason,
    },
    /// The key is no approver's.
    #[error("the policy names no approver with the key {0}")]
    NotAnApprover(PublicKey),
    /// The passkey that answered is no approver's under this policy.
    #[error("the policy names no approver with the key id {0}")]
    UnknownKey(KeyId),
    /// A passkey's answer does not count.
    #[error("the passkey's answer does not count: {0}")]
    Passkey(#[from] SignatureError),
    /// There is no tree over these intents.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
    /// The validity ends beyond all time.
    #[error("it would never expire")]
    NeverExpires,
}

impl ApprovingError {
    /// Why a file that is neither a request nor an intent is no transfer.
    pub(super) fn of_transfer(refusal: PsbtRefusal) -> Self {
        if matches!(refusal, PsbtRefusal::NotAPsbt | PsbtRefusal::Encoding(_)) {
            return Self::Neither(refusal);
        }
        Self::Psbt(refusal)
    }

    /// The facts of a withdrawal that is not decided, for programs.
    fn of_withdrawal(&self) -> Option<Value> {
        match self {
            Self::OtherVault { id } | Self::OtherKeyset { id } => Some(json!({ "id": id })),
            Self::Expired { id, expires } => Some(json!({ "id": id, "expires": expires })),
            Self::NotRequested { id, requester } => {
                Some(json!({ "id": id, "requester": requester }))
            }
            Self::Denied { id, reason } => Some(json!({
                "id": id,
                "reason": reason.code(),
                "misses": reason.misses(),
            })),
            Self::Intent(_)
            | Self::Psbt(_)
            | Self::Neither(_)
            | Self::NoIntents
            | Self::NotAnApprover(_)
            | Self::UnknownKey(_)
            | Self::Passkey(_)
            | Self::Merkle(_)
            | Self::NeverExpires => None,
        }
    }
}

impl Explained for ApprovingError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Intent(_) | Self::NoIntents => "BAD_INTENT",
            Self::Psbt(refusal) | Self::Neither(refusal) => refusal.code(),
            Self::OtherVault { .. } | Self::OtherKeyset { .. } => "OTHER_VAULT",
            Self::Expired { .. } => "INTENT_EXPIRED",
            Self::NotRequested { .. } => "INTENT_NOT_SIGNED",
            Self::Denied { .. } => "DENIED",
            Self::NotAnApprover(_) | Self::UnknownKey(_) => "NOT_AN_APPROVER",
            Self::Passkey(_) => "PASSKEY_REFUSED",
            Self::Merkle(_) => "BAD_SET_OF_INTENTS",
            Self::NeverExpires => "NEVER_EXPIRES",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Intent(_) => "give the request as its requester made it, unchanged, or a transfer",
            Self::Psbt(refusal) => refusal.hint(),
            Self::NoIntents => "give a transfer that pays withdrawals; `maintain` approves others",
            Self::Neither(_) => {
                "give the request as `request` wrote it, an intent, or a transfer as a PSBT"
            }
            Self::OtherVault { .. } => "it is of another vault: use the home of that vault",
            Self::OtherKeyset { .. } => {
                "it was made before or after the signers changed: have it requested anew, or bring this home to the \
                 version that it is for"
            }
            Self::Expired { .. } => "have it requested anew: nobody can pay it any more",
            Self::NotRequested { .. } => "do not approve it: nobody who may ask has asked for it",
            Self::Denied { .. } => {
                "no approval helps: have it requested so that a rule allows it, or the policy changed"
            }
            Self::NotAnApprover(_) | Self::UnknownKey(_) => {
                "give --key NAME of a key that the policy names under [[approvers]]"
            }
            Self::Passkey(_) => {
                "touch the passkey that this home registered, on the page that this tool opened"
            }
            Self::Merkle(MerkleError::Duplicate) => "give every withdrawal once",
            Self::Merkle(MerkleError::Empty) => "give at least one withdrawal",
            Self::Merkle(MerkleError::TooMany { .. }) => "approve them in several parts",
            Self::NeverExpires => "give a shorter --expires-in",
        }
        .to_owned()
    }

    fn facts(&self) -> Facts {
        self.of_withdrawal().map(facts_of).unwrap_or_default()
    }
}
