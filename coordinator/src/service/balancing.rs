//! Marks of vaults: where each stands, and which transfers would bring it back between them.
//!
//! Nothing moves by itself: a proposal becomes a draft ([`super::transfers`]) that a requester signs.

use bitcoin::Amount;
use policies::{IntentKind, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::coins;
use watchtower::store::database::Transaction;
use watchtower::store::said::Said;
use watchtower::store::scripts;

use super::record::{Cause, append_vault_event};
use super::withdrawals::available;
use super::{Actor, Right, Service, ServiceError, VaultError};
use crate::balancing::{Holding, Level, Marks, proposals};
use crate::store::marks::{self, MarksRow};
use crate::store::{vaults, withdrawals};

/// The least transfer that is proposed: less is not worth its fee.
const LEAST_TRANSFER: Amount = Amount::from_sat(10_000);

/// Sets a vault's marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMarks {
    /// Below this the vault is refilled.
    pub low_sat: u64,
    /// Above this it is drained.
    pub high_sat: u64,
    /// The vault that refills it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub refill_from: Option<VaultId>,
    /// The vault that it is drained to.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub drain_to: Option<VaultId>,
}

/// Where a vault stands between its marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StandingView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// Its name.
    pub name: String,
    /// What it may spend.
    pub free_sat: u64,
    /// What is on its way to it.
    pub coming_sat: u64,
    /// The low mark, if it has marks.
    pub low_sat: Option<u64>,
    /// The high mark.
    pub high_sat: Option<u64>,
    /// The vault that refills it.
    #[schema(value_type = Option<String>)]
    pub refill_from: Option<VaultId>,
    /// The vault that it is drained to.
    #[schema(value_type = Option<String>)]
    pub drain_to: Option<VaultId>,
    /// `below`, `within` or `above`; nothing without marks.
    pub level: Option<String>,
}

/// A transfer worth asking for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProposalView {
    /// The vault that pays.
    #[schema(value_type = String)]
    pub from: VaultId,
    /// Its name.
    pub from_name: String,
    /// The vault that is paid.
    #[schema(value_type = String)]
    pub to: VaultId,
    /// Its name.
    pub to_name: String,
    /// How much.
    pub amount_sat: u64,
    /// `refill` or `drain`.
    pub reason: String,
    /// What would be needed and the paying vault cannot spare.
    pub lacking_sat: u64,
}

/// All vaults and the transfers worth asking for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BalancingView {
    /// Where each vault stands.
    pub vaults: Vec<StandingView>,
    /// The transfers.
    pub proposals: Vec<ProposalView>,
}

/// Sets the marks of a vault in place of those before.
///
/// # Errors
/// [`VaultError::MarksCross`], [`VaultError::BalancesItself`], [`VaultError::NotPinned`],
/// [`VaultError::UnknownVault`].
pub async fn set_marks(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SetMarks,
) -> Result<BalancingView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let marks = Marks {
        low: money("low_sat", request.low_sat)?,
        high: money("high_sat", request.high_sat)?,
        refill_from: request.refill_from,
        drain_to: request.drain_to,
    };
    let (low, high) = (marks.low, marks.high);
    if low > high {
        return Err(VaultError::MarksCross { low, high }.into());
    }
    let partners = [marks.refill_from, marks.drain_to];
    if partners.contains(&Some(vault)) {
        return Err(VaultError::BalancesItself.into());
    }
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    service.vault(&mut tx, vault).await?;
    if let Some(from) = marks.refill_from {
        pinned(service, &mut tx, from, vault).await?;
    }
    if let Some(to) = marks.drain_to {
        pinned(service, &mut tx, vault, to).await?;
    }
    let row = MarksRow {
        vault,
        marks,
        level: Level::Within,
        said: Said::by(&actor.name, now),
    };
    marks::set(&mut tx, &row).await?;
    let mut body = Map::new();
    body.insert("high_sat".to_owned(), json!(request.high_sat));
    body.insert("low_sat".to_owned(), json!(request.low_sat));
    let cause = Cause::by(&actor.name, now);
    append_vault_event(&mut tx, vault, "vault.marks-set", body, cause).await?;
    let view = view(service, &mut tx, actor).await?;
    tx.commit().await?;
    Ok(view)
}

/// Takes the marks of a vault away; taking them away again answers the same.
///
/// # Errors
/// [`VaultError::UnknownVault`].
pub async fn clear_marks(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<BalancingView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let mut tx = service.database().begin_write().await?;
    service.vault(&mut tx, vault).await?;
    if marks::clear(&mut tx, vault).await? {
        let (kind, body) = ("vault.marks-cleared", Map::new());
        let cause = Cause::by(&actor.name, service.now());
        append_vault_event(&mut tx, vault, kind, body, cause).await?;
    }
    let view = view(service, &mut tx, actor).await?;
    tx.commit().await?;
    Ok(view)
}

/// Where the vaults stand that the actor may see, and the transfers worth asking for.
///
/// # Errors
/// On a database failure.
pub async fn show_balancing(
    service: &Service,
    actor: &Actor,
) -> Result<BalancingView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    view(service, &mut tx, actor).await
}

/// Tells once of each vault that crossed a mark.
///
/// # Errors
/// On a database failure.
pub(crate) async fn watch_levels(
    service: &Service,
    tx: &mut Transaction,
) -> Result<(), ServiceError> {
    let rows = marks::list(tx).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let holdings = holdings(service, tx, &rows).await?;
    for row in rows {
        let Some(holding) = holdings.iter().find(|one| one.vault == row.vault) else {
            continue;
        };
        let level = holding.level();
        if level != row.level {
            marks::set_level(tx, row.vault, level).await?;
            let mut body = Map::new();
            body.insert(
                "expected_sat".to_owned(),
                json!(holding.expected().to_sat()),
            );
            body.insert("level".to_owned(), json!(level.name()));
            let cause = Cause::by("coordinator", service.now());
            append_vault_event(tx, row.vault, "vault.mark-crossed", body, cause).await?;
        }
    }
    Ok(())
}

/// How many scripts of another vault the paying one's policy lets transfers pay.
pub(super) async fn pinned(
    service: &Service,
    tx: &mut Transaction,
    from: VaultId,
    to: VaultId,
) -> Result<u32, ServiceError> {
    let (_, policy) = service.vault(tx, from).await?;
    service.vault(tx, to).await?;
    let other = policy.other_vaults.iter().find(|other| other.vault == to);
    let other = other.ok_or(VaultError::NotPinned { from, to })?;
    Ok(other.reach)
}

async fn view(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<BalancingView, ServiceError> {
    let rows = marks::list(tx).await?;
    let holdings = holdings(service, tx, &rows).await?;
    let names = vaults::list(tx).await?;
    let name = |vault: VaultId| {
        let row = names.iter().find(|row| row.id == vault);
        row.map_or_else(String::new, |row| row.name.clone())
    };
    let may_see = |vault: VaultId| actor.vault.is_none_or(|own| own == vault);
    let standing = |holding: &Holding| StandingView {
        vault: holding.vault,
        name: name(holding.vault),
        free_sat: holding.free.to_sat(),
        coming_sat: holding.coming.to_sat(),
        low_sat: holding.marks.map(|marks| marks.low.to_sat()),
        high_sat: holding.marks.map(|marks| marks.high.to_sat()),
        refill_from: holding.marks.and_then(|marks| marks.refill_from),
        drain_to: holding.marks.and_then(|marks| marks.drain_to),
        level: holding.marks.map(|_| holding.level().name().to_owned()),
    };
    let seen = holdings.iter().filter(|holding| may_see(holding.vault));
    let vaults = seen.map(standing).collect();
    let worth = proposals(&holdings, LEAST_TRANSFER).into_iter();
    let proposals = worth
        .filter(|one| may_see(one.from) || may_see(one.to))
        .map(|one| ProposalView {
            from: one.from,
            from_name: name(one.from),
            to: one.to,
            to_name: name(one.to),
            amount_sat: one.amount.to_sat(),
            reason: one.reason.name().to_owned(),
            lacking_sat: one.lacking.to_sat(),
        })
        .collect();
    Ok(BalancingView { vaults, proposals })
}

/// What each vault has and will have.
async fn holdings(
    service: &Service,
    tx: &mut Transaction,
    rows: &[MarksRow],
) -> Result<Vec<Holding>, ServiceError> {
    let mut holdings = Vec::new();
    for vault in vaults::list(tx).await? {
        let deposits = coins::unsettled_deposits(tx, vault.id).await?;
        let pending = deposits.iter().map(|coin| coin.amount);
        let marks = rows.iter().find(|row| row.vault == vault.id);
        holdings.push(Holding {
            vault: vault.id,
            free: available(tx, &vault).await?,
            coming: sum(Amount::ZERO, pending),
            marks: marks.map(|row| row.marks),
        });
    }
    // Transfers count until the chain shows them.
    for from in vaults::list(tx).await? {
        let (_, policy) = service.vault(tx, from.id).await?;
        if policy.other_vaults.is_empty() {
            continue;
        }
        for row in withdrawals::open(tx, from.id).await? {
            let (script, amount) = (&row.intent.script_pubkey, row.intent.amount);
            if row.intent.kind != IntentKind::Transfer || coins::is_paid(tx, script).await? {
                continue;
            }
            let watched = scripts::watched_script(tx, script).await?;
            let to = watched.map(|watched| watched.vault);
            if let Some(paid) = holdings.iter_mut().find(|one| to == Some(one.vault)) {
                paid.coming = sum(paid.coming, [amount]);
            }
        }
    }
    Ok(holdings)
}

fn sum(first: Amount, more: impl IntoIterator<Item = Amount>) -> Amount {
    let added = |sum: Amount, amount| sum.checked_add(amount);
    let sum = more.into_iter().try_fold(first, added);
    sum.unwrap_or(Amount::MAX_MONEY)
}

pub(super) fn money(field: &'static str, sat: u64) -> Result<Amount, ServiceError> {
    Some(Amount::from_sat(sat))
        .filter(|amount| *amount <= Amount::MAX_MONEY)
        .ok_or(ServiceError::Malformed {
            field,
            expected: "an amount in satoshi, at most all that there can be",
        })
}
