//! What is refused about requests and the withdrawals that they ask for.

use bitcoin::{Amount, ScriptBuf};
use policies::intent::{IntentError, SignatureError};
use policies::rules::DenyReason;
use policies::{IntentHash, KeyId, Keyset, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde_json::{Value, json};

use super::{Answer, ErrorClass as Class};

/// A refusal about requests and the withdrawals that they ask for.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    /// No such withdrawal.
    #[error("no withdrawal {requester}/{id}")]
    UnknownWithdrawal {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// No withdrawal has this intent.
    #[error("no withdrawal has the intent {intent}")]
    UnknownIntent {
        /// The intent.
        intent: IntentHash,
    },
    /// Only a signer's journal knows it.
    #[error("{requester}/{id} is known by a signer's journal alone: its request is missing")]
    RequestMissing {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// The bytes are no intent.
    #[error(transparent)]
    Intent(IntentError),
    /// No requester of the policy has this key.
    #[error("no requester of the policy has the key {key}")]
    UnknownRequestKey {
        /// The key.
        key: KeyId,
    },
    /// The key belongs to another requester than the intent names.
    #[error("the key {key} belongs to requester {owner}, the intent is of {requester}")]
    OtherRequester {
        /// The key.
        key: KeyId,
        /// Whose it is.
        owner: String,
        /// Whom the intent names.
        requester: RequesterName,
    },
    /// The request's signature does not hold.
    #[error("the request's signature: {0}")]
    RequestSignature(#[source] SignatureError),
    /// The intent is for another vault.
    #[error("the intent is for vault {found}, not {expected}")]
    OtherVault {
        /// The vault addressed.
        expected: VaultId,
        /// The vault in the intent.
        found: VaultId,
    },
    /// The intent is for another keyset.
    #[error("the intent is for keyset {found}, the vault's is {expected}")]
    OtherKeyset {
        /// The vault's keyset.
        expected: Keyset,
        /// The keyset in the intent.
        found: Keyset,
    },
    /// The intent's time is over.
    #[error("the intent expired at {expires}, it is {now}")]
    IntentExpired {
        /// When it ended.
        expires: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// The intent was made in the future.
    #[error("the intent was made at {created}, which is after {latest}, the latest allowed now")]
    IntentFromTheFuture {
        /// When it says it was made.
        created: UnixTime,
        /// Now and the clock skew that the policy allows.
        latest: UnixTime,
    },
    /// This kind of intent, or this use of it, is not served yet.
    #[error("{what} is not supported yet")]
    NotYet {
        /// What was asked for.
        what: &'static str,
    },
    /// The script is of no kind that withdrawals may pay.
    #[error("the script {script} is not p2pkh, p2sh, p2wpkh, p2wsh or p2tr")]
    ScriptNotAllowed {
        /// The script.
        script: ScriptBuf,
    },
    /// The amount is dust for its script.
    #[error("{amount} is dust: this script takes at least {minimum}")]
    Dust {
        /// The amount asked for.
        amount: Amount,
        /// The least for this script.
        minimum: Amount,
    },
    /// A payment to the vault itself.
    #[error("the script is the vault's own; only a transfer may pay it")]
    OwnScript,
    /// A transfer that pays somebody else.
    #[error("the script is not the vault's own: a transfer pays one of its deposit addresses")]
    TransferToStranger,
    /// A transfer to a script that was never issued as a deposit address.
    #[error("the script is the vault's own and was never issued as a deposit address")]
    TransferNotIssued,
    /// No rule allows it.
    #[error("denied by the policy: {0}")]
    Denied(DenyReason),
    /// The vault has not enough.
    #[error("{wanted} wanted, {available} available")]
    InsufficientFunds {
        /// What is settled, unreserved and not promised.
        available: Amount,
        /// What was asked for.
        wanted: Amount,
    },
    /// The id stands with another body.
    #[error("{requester} has used the id {id} for another intent")]
    IdReused {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
    },
    /// Another withdrawal pays the same script the same amount, so one output would satisfy both.
    #[error(
        "{requester}/{id} pays the same script the same amount: one output would satisfy both, so signers pay only one"
    )]
    EqualPayment {
        /// The other's requester.
        requester: RequesterName,
        /// The other's id.
        id: WithdrawalId,
    },
    /// A requester takes back what another one asked for.
    #[error("only {requester} or an operator takes back what {requester} asked for")]
    NotOwn {
        /// The requester.
        requester: RequesterName,
    },
    /// The withdrawal is past cancelling.
    #[error("withdrawal {requester}/{id} is {state} and can no longer be cancelled")]
    NotCancellable {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
    /// Only a withdrawal that failed is paid again.
    #[error("withdrawal {requester}/{id} is {state}, not failed: it is not paid again")]
    NotFailed {
        /// The requester.
        requester: RequesterName,
        /// The id.
        id: WithdrawalId,
        /// Where it stands.
        state: &'static str,
    },
}

impl WithdrawalError {
    /// The stable code, the class, and what to do.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::UnknownWithdrawal { .. } => (
                "unknown_withdrawal",
                Class::NotFound,
                "`withdrawal list` names the withdrawals; look at requester and id",
            ),
            Self::RequestMissing { .. } => (
                "request_missing",
                Class::Conflict,
                "submit the same request again: its signature is what signers check",
            ),
            Self::UnknownIntent { .. } => (
                "unknown_intent",
                Class::NotFound,
                "hand the withdrawal in before its approvals",
            ),
            Self::Intent(error) => (
                intent_code(error),
                Class::Refused,
                "write the intent with `countersign-signer request` or the client library",
            ),
            Self::UnknownRequestKey { .. } => (
                "unknown_request_key",
                Class::Refused,
                "sign with a key that the policy names for the requester",
            ),
            Self::OtherRequester { .. } => (
                "other_requester",
                Class::Refused,
                "name the requester whose key signs",
            ),
            Self::RequestSignature(_) => (
                "request_signature_invalid",
                Class::Refused,
                "sign these very bytes again; nothing may be changed after signing",
            ),
            Self::OtherVault { .. } => (
                "other_vault",
                Class::Refused,
                "ask the vault that the intent names, or sign a new intent",
            ),
            Self::OtherKeyset { .. } => (
                "other_keyset",
                Class::Refused,
                "sign a new intent for the vault's keyset",
            ),
            Self::IntentExpired { .. } => (
                "intent_expired",
                Class::Refused,
                "sign a new intent with a new id",
            ),
            Self::IntentFromTheFuture { .. } => (
                "intent_from_the_future",
                Class::Refused,
                "set the requester's clock right and sign again",
            ),
            Self::NotYet { .. } => (
                "not_supported_yet",
                Class::Refused,
                "ask for it without what is not supported",
            ),
            Self::ScriptNotAllowed { .. } => (
                "script_not_allowed",
                Class::Refused,
                "pay an address of one of these kinds",
            ),
            Self::Dust { .. } => ("dust", Class::Refused, "ask for at least the minimum"),
            Self::OwnScript => (
                "own_script",
                Class::Refused,
                "ask for a transfer to move money within the vault",
            ),
            Self::TransferToStranger => (
                "transfer_to_stranger",
                Class::Refused,
                "ask for a payment to pay somebody else",
            ),
            Self::TransferNotIssued => (
                "transfer_not_issued",
                Class::Refused,
                "`address new` issues an address that a transfer may pay",
            ),
            Self::Denied(_) => (
                "denied_by_policy",
                Class::Refused,
                "look at why each rule does not match; another amount, destination or time may",
            ),
            Self::InsufficientFunds { .. } => (
                "insufficient_funds",
                Class::Refused,
                "wait for deposits to settle, or ask for less",
            ),
            Self::IdReused { .. } => (
                "id_reused",
                Class::Conflict,
                "take another id, or hand in the first body again",
            ),
            Self::EqualPayment { .. } => (
                "equal_withdrawal",
                Class::Conflict,
                "change the amount by a satoshi, or wait until the other is settled",
            ),
            Self::NotOwn { .. } => (
                "not_own",
                Class::Forbidden,
                "ask its requester, or an operator; a requester's token bears the requester's name",
            ),
            Self::NotCancellable { .. } => (
                "not_cancellable",
                Class::Conflict,
                "wait for what becomes of it: signatures may be out already",
            ),
            Self::NotFailed { .. } => (
                "not_failed",
                Class::Conflict,
                "`attempt replace` hastens an attempt that waits; `batch create` pays what is approved",
            ),
        }
    }

    /// The facts by name, or null where the words say all.
    pub(super) fn facts(&self) -> Value {
        match self {
            Self::UnknownWithdrawal { requester, id }
            | Self::IdReused { requester, id }
            | Self::EqualPayment { requester, id }
            | Self::RequestMissing { requester, id } => {
                json!({ "requester": requester, "id": id })
            }
            Self::UnknownIntent { intent } => {
                json!({ "intent": intent })
            }
            Self::UnknownRequestKey { key } => {
                json!({ "key": key })
            }
            Self::OtherVault { expected, found } => json!({ "expected": expected, "found": found }),
            Self::OtherKeyset { expected, found } => {
                json!({ "expected": expected, "found": found })
            }
            Self::IntentExpired { expires, now } => {
                json!({ "expires": expires, "now": now })
            }
            Self::IntentFromTheFuture { created, latest } => {
                json!({ "created": created, "latest": latest })
            }
            Self::Dust { amount, minimum } => {
                json!({ "amount_sat": amount.to_sat(), "minimum_sat": minimum.to_sat() })
            }
            Self::Denied(reason) => json!(reason),
            Self::InsufficientFunds { available, wanted } => {
                json!({ "available_sat": available.to_sat(), "wanted_sat": wanted.to_sat() })
            }
            Self::NotOwn { requester } => json!({ "requester": requester }),
            Self::NotCancellable {
                requester,
                id,
                state,
            }
            | Self::NotFailed {
                requester,
                id,
                state,
            } => {
                json!({ "requester": requester, "id": id, "state": state })
            }
            Self::Intent(_)
            | Self::OtherRequester { .. }
            | Self::RequestSignature(_)
            | Self::NotYet { .. }
            | Self::ScriptNotAllowed { .. }
            | Self::OwnScript
            | Self::TransferToStranger
            | Self::TransferNotIssued => Value::Null,
        }
    }
}

fn intent_code(error: &IntentError) -> &'static str {
    match error {
        IntentError::ZeroAmount | IntentError::ZeroMin => "amount_zero",
        IntentError::AmountAboveSupply { .. } => "amount_too_large",
        IntentError::NotCanonical | IntentError::Canonical(_) => "intent_not_canonical",
        IntentError::ExpiresBeforeCreated { .. } => "intent_expires_before_created",
        IntentError::Field(_)
        | IntentError::Format
        | IntentError::Hex { .. }
        | IntentError::Name { .. }
        | IntentError::Kind
        | IntentError::EmptyScript
        | IntentError::MinAboveAmount { .. }
        | IntentError::MinDiffers { .. }
        | IntentError::NamesItself { .. }
        | IntentError::ReplacesAndRepeats { .. }
        | IntentError::ReferenceTooLong { .. } => "intent_malformed",
    }
}
