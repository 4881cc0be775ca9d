//! What an error says to programs: a stable code, a class that decides the status, and the facts.

use policies::document::format_sat_per_vb;
use policies::intent::IntentError;
use policies::journal::MoveError;
use policies::rules::DenyReason;
use serde_json::{Map, Value, json};
use watchtower::store::database::DatabaseError;
use watchtower::store::events::EventError;

use super::ServiceError;
use super::misses::MissView;

/// What kind of answer an error is; decides the HTTP status and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The request cannot be understood (400).
    Malformed,
    /// Nobody known asks (401).
    Unauthorized,
    /// Somebody known asks for more than allowed (403).
    Forbidden,
    /// There is no such thing (404).
    NotFound,
    /// It contradicts what stands (409).
    Conflict,
    /// It is understood and refused (422).
    Refused,
    /// It cannot be done now, and may be later (503).
    Unavailable,
    /// The fault is ours (500).
    Internal,
}

impl ErrorClass {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Refused => 422,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

impl ServiceError {
    /// Its stable code.
    pub fn code(&self) -> &'static str {
        self.code_and_class().0
    }

    /// What kind of answer it is.
    pub fn class(&self) -> ErrorClass {
        self.code_and_class().1
    }

    fn code_and_class(&self) -> (&'static str, ErrorClass) {
        use ErrorClass as Class;
        match self {
            Self::Unauthorized => ("unauthorized", Class::Unauthorized),
            Self::Forbidden { .. } => ("forbidden", Class::Forbidden),
            Self::Malformed { .. } => ("malformed", Class::Malformed),
            Self::UnknownState { .. } => ("unknown_state", Class::Malformed),
            Self::UnknownVault { .. } => ("unknown_vault", Class::NotFound),
            Self::UnknownWithdrawal { .. } => ("unknown_withdrawal", Class::NotFound),
            Self::UnknownIntent { .. } => ("unknown_intent", Class::NotFound),
            Self::UnknownBatch { .. } => ("unknown_batch", Class::NotFound),
            Self::UnknownAttempt { .. } => ("unknown_attempt", Class::NotFound),
            Self::UnknownToken { .. } => ("unknown_token", Class::NotFound),
            Self::UnknownList { .. } => ("unknown_list", Class::NotFound),
            Self::UnknownStatement { .. } => ("unknown_statement", Class::NotFound),
            Self::UnknownEntry { .. } => ("unknown_entry", Class::NotFound),
            Self::Statement(_) => ("statement_malformed", Class::Refused),
            Self::ListNotOpen { .. } => ("list_not_open", Class::Refused),
            Self::NothingToConfirm { .. } => ("nothing_to_confirm", Class::Refused),
            Self::EntryExpired { .. } => ("entry_expired", Class::Refused),
            Self::EntryEnds { .. } => ("entry_about_to_expire", Class::Conflict),
            Self::StatementPurpose { .. } => ("statement_wrong_purpose", Class::Refused),
            Self::NotEntitled { .. } => ("not_entitled", Class::Refused),
            Self::Move(error) => (move_code(error), Class::Refused),
            Self::MovedAlready { .. } => ("journal_moved_already", Class::Conflict),
            Self::SignedAfterMove { .. } => ("journal_signed_after_move", Class::Conflict),
            Self::Journal(refused) => (refused.code, Class::Conflict),
            Self::PolicyMistakes { .. } => ("policy_mistakes", Class::Refused),
            Self::WrongNetwork { .. } => ("wrong_network", Class::Refused),
            Self::Intent(error) => (intent_code(error), Class::Refused),
            Self::Key(_) => ("malformed_key", Class::Malformed),
            Self::UnknownRequestKey { .. } => ("unknown_request_key", Class::Refused),
            Self::OtherRequester { .. } => ("other_requester", Class::Refused),
            Self::RequestSignature(_) => ("request_signature_invalid", Class::Refused),
            Self::OtherVault { .. } => ("other_vault", Class::Refused),
            Self::OtherKeyset { .. } => ("other_keyset", Class::Refused),
            Self::IntentExpired { .. } => ("intent_expired", Class::Refused),
            Self::IntentFromTheFuture { .. } => ("intent_from_the_future", Class::Refused),
            Self::NotYet { .. } => ("not_supported_yet", Class::Refused),
            Self::ScriptNotAllowed { .. } => ("script_not_allowed", Class::Refused),
            Self::Dust { .. } => ("dust", Class::Refused),
            Self::OwnScript => ("own_script", Class::Refused),
            Self::TransferToStranger => ("transfer_to_stranger", Class::Refused),
            Self::TransferNotIssued => ("transfer_not_issued", Class::Refused),
            Self::SweepNotAlone => ("sweep_not_alone", Class::Refused),
            Self::CoinNotSettled { .. } => ("coin_not_settled", Class::Conflict),
            Self::CoinReserved { .. } => ("coin_reserved", Class::Conflict),
            Self::CoinTooYoung { .. } => ("coin_too_young", Class::Conflict),
            Self::NothingToRecover { .. } => ("nothing_to_recover", Class::Conflict),
            Self::NoRecoveryPath { .. } => ("no_recovery_path", Class::Refused),
            Self::NothingToSpend => ("nothing_to_spend", Class::Conflict),
            Self::NothingToConsolidate { .. } => ("nothing_to_consolidate", Class::Conflict),
            Self::SelfSpendBudget { .. } => ("self_spend_budget", Class::Refused),
            Self::NotMaintenance { .. } => ("not_maintenance", Class::Refused),
            Self::NotAMaintainer { .. } => ("not_a_maintainer", Class::Refused),
            Self::MaintenanceTooLate { .. } => ("maintenance_too_late", Class::Conflict),
            Self::Denied(_) => ("denied_by_policy", Class::Refused),
            Self::InsufficientFunds { .. } => ("insufficient_funds", Class::Refused),
            Self::IdReused { .. } => ("id_reused", Class::Conflict),
            Self::EqualPayment { .. } => ("equal_withdrawal", Class::Conflict),
            Self::NotCancellable { .. } => ("not_cancellable", Class::Conflict),
            Self::UnknownApprovalKey { .. } => ("unknown_approval_key", Class::Refused),
            Self::ApprovalPurpose { .. } => ("approval_wrong_purpose", Class::Refused),
            Self::ApprovalSignature(_) => ("approval_signature_invalid", Class::Refused),
            Self::ApprovalExpired { .. } => ("approval_expired", Class::Refused),
            Self::ApprovalProof { .. } => ("approval_bad_proof", Class::Refused),
            Self::ApprovalTooLate { .. } => ("approval_too_late", Class::Conflict),
            Self::NothingToBatch { .. } => ("nothing_to_batch", Class::Conflict),
            Self::DecidedByOrder { .. } => ("decided_by_order", Class::Conflict),
            Self::NotApproved { .. } => ("not_approved", Class::Conflict),
            Self::ApprovalsRanOut { .. } => ("approvals_ran_out", Class::Conflict),
            Self::EqualPayments { .. } => ("equal_payments", Class::Refused),
            Self::TooManyPayments { .. } => ("too_many_payments", Class::Refused),
            Self::NoFeerate => ("no_feerate", Class::Unavailable),
            Self::FeerateAboveCap { .. } => ("feerate_above_cap", Class::Refused),
            Self::NodeTrouble { .. } => ("node_trouble", Class::Unavailable),
            Self::NoChain => ("no_chain", Class::Unavailable),
            Self::CoinSelection(_) => ("coin_selection", Class::Refused),
            Self::TakenMeanwhile => ("taken_meanwhile", Class::Conflict),
            Self::Build { .. } => ("build_failed", Class::Refused),
            Self::SelfReview { .. } => ("self_review_refused", Class::Refused),
            Self::Intake { .. } => ("signatures_unreadable", Class::Refused),
            Self::OtherTransaction { .. } => ("other_transaction", Class::Refused),
            Self::AttemptClosed { .. } => ("attempt_closed", Class::Conflict),
            Self::UnknownCoin { .. } => ("unknown_coin", Class::Conflict),
            Self::Illegal(_) => ("illegal_transition", Class::Conflict),
            Self::Claim(_) => ("claim_lost", Class::Conflict),
            Self::Database(DatabaseError::Connect(_) | DatabaseError::Commit(_)) => {
                ("database_unavailable", Class::Unavailable)
            }
            Self::Event(EventError::Broken { .. }) => ("event_chain_broken", Class::Conflict),
            Self::Event(EventError::Body(_) | EventError::Lease(_) | EventError::Database(_))
            | Self::Ledger(_)
            | Self::StoredPolicy { .. }
            | Self::VersionsDiffer { .. }
            | Self::Database(_) => ("internal", Class::Internal),
        }
    }

    /// The facts that a program can use, beside the words.
    pub fn facts(&self) -> Map<String, Value> {
        let facts = match self {
            Self::Forbidden { role, right } => {
                json!({ "role": role.name(), "right": right.name() })
            }
            Self::Malformed { field, expected } => json!({ "field": field, "expected": expected }),
            Self::PolicyMistakes { mistakes } => json!({ "mistakes": mistakes }),
            Self::OtherVault { expected, found } => json!({ "expected": expected, "found": found }),
            Self::OtherKeyset { expected, found } => {
                json!({ "expected": expected, "found": found })
            }
            Self::OtherTransaction { expected, found } => {
                json!({ "expected": expected, "found": found })
            }
            Self::WrongNetwork { expected, found } => {
                json!({ "expected": expected.to_string(), "found": found.to_string() })
            }
            Self::IntentExpired { expires, now }
            | Self::ApprovalExpired { expires, now }
            | Self::EntryExpired { expires, now } => {
                json!({ "expires": expires, "now": now })
            }
            Self::IntentFromTheFuture { created, latest } => {
                json!({ "created": created, "latest": latest })
            }
            Self::Dust { amount, minimum } => {
                json!({ "amount_sat": amount.to_sat(), "minimum_sat": minimum.to_sat() })
            }
            Self::InsufficientFunds { available, wanted } => {
                json!({ "available_sat": available.to_sat(), "wanted_sat": wanted.to_sat() })
            }
            Self::Denied(reason) => json!({ "reason": reason.code(), "misses": misses(reason) }),
            Self::NothingToBatch { waiting } => json!({ "waiting": waiting }),
            Self::UnknownList { list }
            | Self::ListNotOpen { list }
            | Self::NothingToConfirm { list } => json!({ "list": list }),
            Self::UnknownStatement { subject } => json!({ "statement": subject }),
            Self::UnknownEntry { entry } => json!({ "entry": entry }),
            Self::NotEntitled { approver, purpose } => {
                json!({ "approver": approver, "purpose": purpose.to_string() })
            }
            Self::StatementPurpose { expected, found } => {
                json!({ "expected": expected.to_string(), "found": found })
            }
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
            Self::Journal(refused) => json!({
                "journal": refused.journal.to_string(),
                "signer": refused.signer,
                "hint": refused.hint,
            }),
            Self::IdReused { requester, id }
            | Self::EqualPayment { requester, id }
            | Self::UnknownWithdrawal { requester, id }
            | Self::DecidedByOrder { requester, id }
            | Self::EntryEnds { requester, id } => {
                json!({ "requester": requester, "id": id })
            }
            Self::NotCancellable {
                requester,
                id,
                state,
            }
            | Self::ApprovalTooLate {
                requester,
                id,
                state,
            }
            | Self::NotApproved {
                requester,
                id,
                state,
            } => {
                json!({ "requester": requester, "id": id, "state": state })
            }
            Self::ApprovalProof { intent, .. } | Self::UnknownIntent { intent } => {
                json!({ "intent": intent })
            }
            Self::UnknownApprovalKey { key } | Self::UnknownRequestKey { key } => {
                json!({ "key": key })
            }
            Self::UnknownState { state, known } => json!({ "state": state, "known": known }),
            Self::NodeTrouble { node, trouble } => json!({ "node": node, "trouble": trouble }),
            Self::SelfReview { refusals, codes } => json!({ "refusals": refusals, "codes": codes }),
            Self::Intake { reason_code, .. } => json!({ "reason": reason_code }),
            Self::CoinTooYoung {
                outpoint,
                older,
                height,
                next,
            } => json!({
                "coin": outpoint.to_string(),
                "older": older,
                "from_height": height,
                "next_height": next,
            }),
            Self::CoinNotSettled { outpoint } | Self::CoinReserved { outpoint } => {
                json!({ "coin": outpoint.to_string() })
            }
            Self::NothingToRecover { from } => json!({ "from_height": from }),
            Self::SelfSpendBudget { fees, count } => {
                json!({ "fees_sat": fees.to_sat(), "count": count })
            }
            Self::MaintenanceTooLate { txid, state } | Self::AttemptClosed { txid, state } => {
                json!({ "txid": txid, "state": state })
            }
            Self::FeerateAboveCap { feerate, cap } => json!({
                "feerate_sat_vb": format_sat_per_vb(*feerate),
                "cap_sat_vb": format_sat_per_vb(*cap),
            }),
            Self::Unauthorized
            | Self::UnknownVault { .. }
            | Self::UnknownBatch { .. }
            | Self::UnknownAttempt { .. }
            | Self::UnknownToken { .. }
            | Self::Intent(_)
            | Self::Key(_)
            | Self::OtherRequester { .. }
            | Self::RequestSignature(_)
            | Self::NotYet { .. }
            | Self::ScriptNotAllowed { .. }
            | Self::OwnScript
            | Self::TransferToStranger
            | Self::TransferNotIssued
            | Self::SweepNotAlone
            | Self::NoRecoveryPath { .. }
            | Self::NothingToSpend
            | Self::NothingToConsolidate { .. }
            | Self::NotMaintenance { .. }
            | Self::NotAMaintainer { .. }
            | Self::ApprovalPurpose { .. }
            | Self::ApprovalSignature(_)
            | Self::Statement(_)
            | Self::Move(_)
            | Self::ApprovalsRanOut { .. }
            | Self::EqualPayments { .. }
            | Self::TooManyPayments { .. }
            | Self::NoFeerate
            | Self::NoChain
            | Self::CoinSelection(_)
            | Self::TakenMeanwhile
            | Self::Build { .. }
            | Self::UnknownCoin { .. }
            | Self::Illegal(_)
            | Self::Claim(_)
            | Self::Event(_)
            | Self::Ledger(_)
            | Self::StoredPolicy { .. }
            | Self::VersionsDiffer { .. }
            | Self::Database(_) => Value::Null,
        };
        match facts {
            Value::Object(facts) => facts,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        }
    }
}

/// Why each rule does not match.
fn misses(reason: &DenyReason) -> Vec<MissView> {
    match reason {
        DenyReason::NoMatchingRule { missed } => missed.iter().map(MissView::of).collect(),
        DenyReason::UnknownRequester { .. } => Vec::new(),
    }
}

fn move_code(error: &MoveError) -> &'static str {
    match error {
        MoveError::EndsEarly
        | MoveError::Canonical(_)
        | MoveError::Field(_)
        | MoveError::Format
        | MoveError::Value(_)
        | MoveError::NotCanonical => "move_unreadable",
        MoveError::ToItself { .. } | MoveError::ToTaken { .. } => "move_to_key",
        MoveError::FromUnknown { .. } => "move_foreign",
        MoveError::Signature(_) => "move_not_signed",
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
