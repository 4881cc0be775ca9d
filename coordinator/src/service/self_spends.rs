//! Spends to ourselves: joining coins, and renewing their age before a recovery path opens.

use policies::psbt::AttemptPurpose;
use policies::{Keyset, VaultId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agreed::Agreed;
pub use super::own_spend_view::{
    BudgetView, MaintenanceNeedsView, OwnCoinView, OwnOutputView, OwnSpendView, WaitingCoinView,
};
use super::own_spends::{Wanted, spend};
use super::{Actor, Right, Service, ServiceError, VersionError};

/// Why coins are spent to ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelfSpendPurpose {
    /// To join small coins into one.
    Consolidate,
    /// To make old coins young again, before their recovery path opens.
    Refresh,
    /// To bring coins of a former keyset to the newest descriptor.
    Drain,
}

/// Asks for a spend to ourselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSelfSpend {
    /// What it is for.
    pub purpose: SelfSpendPurpose,
    /// The former keyset to drain; for a drain alone, and the newest former one if none is named.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub keyset: Option<Keyset>,
    /// The coins to spend, all of them; those that fit if none are named.
    #[serde(default)]
    pub coins: Option<Vec<String>>,
    /// The most coins to spend, if the policy allows more.
    #[serde(default)]
    pub max_inputs: Option<u32>,
    /// The feerate in sat/vB, an exact decimal such as `"2.5"`; the node's estimate if none is given.
    #[serde(default)]
    pub feerate_sat_vb: Option<String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// The preview that was agreed to: anything else is not done.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
}

/// Makes a batch that spends coins to ourselves, or says what it would be.
///
/// # Errors
/// Whatever stands against it; nothing is reserved then.
pub async fn create_self_spend(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &CreateSelfSpend,
) -> Result<OwnSpendView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    if request.max_inputs == Some(0) {
        return Err(ServiceError::Malformed {
            field: "max_inputs",
            expected: "a number above 0",
        });
    }
    let keyset = match (request.purpose, request.keyset) {
        (SelfSpendPurpose::Drain, None) => Some(newest_former(service, vault).await?),
        (SelfSpendPurpose::Drain, named) => named,
        (SelfSpendPurpose::Consolidate | SelfSpendPurpose::Refresh, None) => None,
        (SelfSpendPurpose::Consolidate | SelfSpendPurpose::Refresh, Some(_)) => {
            return Err(ServiceError::Malformed {
                field: "keyset",
                expected: "left out: only a drain spends coins of a former keyset",
            });
        }
    };
    let wanted = Wanted {
        keyset,
        purpose: match request.purpose {
            SelfSpendPurpose::Consolidate => AttemptPurpose::Consolidate,
            SelfSpendPurpose::Refresh => AttemptPurpose::Refresh,
            SelfSpendPurpose::Drain => AttemptPurpose::Drain,
        },
        older: None,
        coins: request.coins.as_deref(),
        max_inputs: request.max_inputs,
        feerate: request.feerate_sat_vb.as_deref(),
        dry_run: request.dry_run,
        agreed: request.agreed,
    };
    spend(service, actor, vault, wanted).await
}

/// The keyset before the newest one whose descriptor is another.
async fn newest_former(service: &Service, vault: VaultId) -> Result<Keyset, ServiceError> {
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let former = policy.former.first().map(|former| former.keyset);
    former.ok_or(ServiceError::Version(VersionError::NothingFormer))
}
