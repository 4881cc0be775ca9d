//! What a vault says of deposits: from which amount they are credited, and what happens to those that are a nuisance.
//!
//! Invariant: it changes nothing of the past. The tracker decides about a deposit when it first sees it.

use bitcoin::Amount;
use policies::{UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::deposit_rules::{self, DepositRuleRow};
use watchtower::tracker::DepositRule;

use super::books::begin;
use super::said_of_vault::Saying;
use super::{Actor, Right, Service, ServiceError};

/// The largest number of deposits that may count as a flood.
const MOST: u32 = 1_000_000;

/// Sets what a vault says of deposits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDeposits {
    /// Below this, in satoshi, a deposit is booked and credited to nobody; 0 credits all.
    #[serde(default)]
    pub deposit_min_sat: u64,
    /// Whether coins that pay an address which was spent from, or one for change, are frozen.
    #[serde(default)]
    pub freeze_reuse: bool,
    /// How many small deposits in one block are an alarm; 20 if left out.
    #[serde(default = "usual_flood")]
    pub flood: u32,
}

const fn usual_flood() -> u32 {
    DepositRule::DEFAULT.flood
}

/// What a vault says of deposits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DepositsView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Below this, in satoshi, a deposit is credited to nobody; 0 credits all.
    pub deposit_min_sat: u64,
    /// Whether coins that pay a script again are frozen.
    pub freeze_reuse: bool,
    /// How many small deposits in one block are an alarm.
    pub flood: u32,
    /// When it was said (unix seconds); none where nothing is said.
    #[schema(value_type = Option<u64>)]
    pub set_at: Option<UnixTime>,
    /// By whom.
    pub set_by: Option<String>,
}

/// Shows what a vault says of deposits.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn show_deposits(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<DepositsView, ServiceError> {
    let mut tx = begin(service, actor, vault).await?;
    view(&mut tx, vault).await
}

/// Sets what a vault says of deposits, in place of what it said before. What was seen by then stays as it is.
///
/// # Errors
/// [`ServiceError::Malformed`] with the field that is wrong; `VaultError::UnknownVault`.
pub async fn set_deposits(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SetDeposits,
) -> Result<DepositsView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let rule = read(request)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    let row = DepositRuleRow {
        vault,
        rule,
        said: saying.said(),
    };
    deposit_rules::set(&mut saying.tx, &row).await?;
    let body = json!({
        "deposit_min_sat": request.deposit_min_sat,
        "flood": request.flood,
        "freeze_reuse": request.freeze_reuse,
    });
    saying.tell("vault.deposits-set", body).await?;
    let view = view(&mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

/// Takes away what a vault says of deposits; taking it away again answers the same.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn clear_deposits(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<DepositsView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut saying = Saying::begin(service, actor, vault).await?;
    if deposit_rules::clear(&mut saying.tx, vault).await? {
        saying.tell("vault.deposits-cleared", json!({})).await?;
    }
    let view = view(&mut saying.tx, vault).await?;
    saying.tx.commit().await?;
    Ok(view)
}

async fn view(tx: &mut Transaction, vault: VaultId) -> Result<DepositsView, ServiceError> {
    let row = deposit_rules::lookup(tx, vault).await?;
    let rule = (row.as_ref()).map_or(DepositRule::DEFAULT, |row| row.rule);
    let (set_at, set_by) = row.map(|row| (row.said.at, row.said.by)).unzip();
    Ok(DepositsView {
        vault,
        deposit_min_sat: rule.minimum.to_sat(),
        freeze_reuse: rule.freeze_reuse,
        flood: rule.flood,
        set_at,
        set_by,
    })
}

fn read(request: &SetDeposits) -> Result<DepositRule, ServiceError> {
    let minimum = Amount::from_sat(request.deposit_min_sat);
    if minimum > Amount::MAX_MONEY {
        return Err(ServiceError::Malformed {
            field: "deposit_min_sat",
            expected: "at most 2100000000000000",
        });
    }
    if request.flood == 0 || request.flood > MOST {
        return Err(ServiceError::Malformed {
            field: "flood",
            expected: "a number from 1 to 1000000",
        });
    }
    Ok(DepositRule {
        minimum,
        flood: request.flood,
        freeze_reuse: request.freeze_reuse,
    })
}
