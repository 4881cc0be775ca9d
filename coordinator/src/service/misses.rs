//! Why rules before the one that decides do not match, as the service shows it.

use policies::rules::Missed;
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
            code: missed.miss.code().to_owned(),
            says: missed.miss.to_string(),
        }
    }
}
