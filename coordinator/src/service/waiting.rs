//! Approved withdrawals that a batch leaves to wait, and why: none of them holds up the others.

use policies::{RequesterName, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;

use super::ServiceError;
use crate::store::withdrawals::WithdrawalKey;

/// A withdrawal that waits for a later batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Waiting {
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub says: String,
}

impl Waiting {
    pub(super) fn because(key: WithdrawalKey, code: &str, says: &str) -> Self {
        Self {
            requester: key.requester,
            id: key.id,
            code: code.to_owned(),
            says: says.to_owned(),
        }
    }

    pub(super) fn of(key: WithdrawalKey, error: &ServiceError) -> Self {
        Self::because(key, error.code(), &error.to_string())
    }
}
