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

/// The code of those for whom the free coins do not suffice.
const COINS: &str = "coins";
/// The code of those that would make the PSBT larger than devices take.
const DEVICES: &str = "devices";

impl Waiting {
    /// Whether it waits for coins, and for nothing else.
    pub(crate) fn is_for_coins(&self) -> bool {
        self.code == COINS
    }

    pub(super) fn for_coins(key: WithdrawalKey) -> Self {
        let says = "the free coins do not suffice, or the fee would exceed its cap";
        Self::because(key, COINS, says)
    }

    pub(super) fn for_devices(key: WithdrawalKey) -> Self {
        let says = "the devices that must sign take no more at once; it goes with the next batch";
        Self::because(key, DEVICES, says)
    }

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
