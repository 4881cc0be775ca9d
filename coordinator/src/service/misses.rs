//! Why rules before the one that decides do not match, as the service shows it.

use policies::rules::{Miss, Missed};
use serde::Serialize;
use utoipa::ToSchema;

/// A rule that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissView {
    /// The rule's name.
    pub rule: String,
    /// The stable name of the condition that fails.
    pub code: String,
    /// The condition in words.
    pub says: String,
}

impl MissView {
    /// As the service shows it.
    pub fn of(missed: &Missed) -> Self {
        Self {
            rule: missed.rule.clone(),
            code: code(&missed.miss).to_owned(),
            says: missed.miss.to_string(),
        }
    }
}

const fn code(miss: &Miss) -> &'static str {
    match miss {
        Miss::Kind => "kind",
        Miss::Requester => "requester",
        Miss::Destination => "destination",
        Miss::Amount { .. } => "amount",
        Miss::Window { .. } => "window",
        Miss::EntryQuorum { .. } => "entry_quorum",
        Miss::EntryRemoved => "entry_removed",
        Miss::EntryNotYetValid { .. } => "entry_not_yet_valid",
        Miss::EntryExpired { .. } => "entry_expired",
        Miss::CoolingOff { .. } => "cooling_off",
        Miss::TestAmount { .. } => "test_amount",
        Miss::AwaitingConfirmation => "awaiting_confirmation",
        Miss::NeverAutomatic => "never_automatic",
    }
}
