//! What spends to ourselves and recoveries have in common: their coins, their preview, their batch.

use std::sync::Arc;

use bitcoin::Amount;
use policies::document::Policy;
use policies::psbt::AttemptPurpose;
use policies::{Keychain, Keyset, UnixTime, VaultId};
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use super::agreed::Agreed;
use super::batches as service_batches;
use super::choosing::{feerate, refuse_in_trouble};
use super::devices::DeviceTimeView;
use super::free_coins::Purse;
use super::issuing::store;
use super::lines::spent_fees;
use super::moving_in::refuse_moving_in;
use super::own_building::{OwnPlan, build};
use super::own_coins::{choose, frozen_coins};
use super::own_spend_view::{BudgetView, MaintenanceNeedsView, OwnSpendView, empty_view, show};
use super::record::Cause;
use super::rooms::{Rooms, rooms};
use super::{Actor, BatchError, OwnSpendError, Service, ServiceError, VersionError, lock_vault};
use crate::store::vaults::VaultRow;
use crate::store::{addresses, attempts};

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) purpose: AttemptPurpose,
    /// The former keyset whose coins are spent; the newest one's if none is named.
    pub(super) keyset: Option<Keyset>,
    pub(super) older: Option<u16>,
    pub(super) coins: Option<&'a [String]>,
    pub(super) max_inputs: Option<u32>,
    pub(super) feerate: Option<&'a str>,
    pub(super) dry_run: bool,
    /// The preview that was agreed to: anything else is not done.
    pub(super) agreed: Option<Agreed>,
}

/// Builds what is wanted, and issues it unless a preview is all that is wanted.
pub(super) async fn spend(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    wanted: Wanted<'_>,
) -> Result<OwnSpendView, ServiceError> {
    let mut tx = if wanted.dry_run {
        service.database().begin_read().await?
    } else {
        service.database().begin_write().await?
    };
    if !wanted.dry_run {
        lock_vault(&mut tx, vault).await?;
    }
    let now = service.now();
    let view = spend_in(service, &mut tx, &actor.name, vault, &wanted, now).await?;
    if !wanted.dry_run {
        tx.commit().await?;
    }
    Ok(view)
}

/// The same within a transaction that the caller commits, under the vault's lock.
pub(super) async fn spend_in(
    service: &Service,
    tx: &mut Transaction,
    actor: &str,
    vault: VaultId,
    wanted: &Wanted<'_>,
    now: UnixTime,
) -> Result<OwnSpendView, ServiceError> {
    let (row, policy) = service.vault(tx, vault).await?;
    refuse_in_trouble(tx, now).await?;
    refuse_moving_in(tx, vault).await?;
    let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
    let purse = purse(tx, &row, &policy, wanted).await?;
    let choice = choose(tx, &row, purse, tip.height, wanted).await?;
    let mut view = empty_view(purse.keyset(&policy), wanted, choice.waiting);
    view.frozen = frozen_coins(tx, vault).await?;
    if choice.coins.is_empty() {
        return nothing(view, wanted, choice.next);
    }
    let limit = policy.limits.max_inputs;
    let max_inputs = wanted.max_inputs.map_or(limit, |asked| asked.min(limit));
    let plan = OwnPlan {
        policy: Arc::clone(&policy),
        purpose: wanted.purpose,
        former: purse.former,
        older: wanted.older,
        coins: choice.coins,
        take: choice.take,
        max_inputs: usize::try_from(max_inputs).unwrap_or(usize::MAX),
        rooms: if wanted.purpose == AttemptPurpose::Recover {
            Rooms::any()
        } else {
            rooms(tx, purse.keyset(&policy), now).await?
        },
        fundings: choice.fundings,
        feerate: feerate(service, tx, &policy, wanted.feerate).await?,
        change_index: addresses::next_index(tx, row.keychain, Keychain::Internal).await?,
        tip: tip.height,
        seed: wanted
            .agreed
            .map_or_else(|| service.random(), |agreed| agreed.seed()),
        now,
        spent: spent_fees(tx, vault, &policy, now).await?,
        number: 1,
        required: 0,
        replacing: None,
    };
    let own = tokio::task::spawn_blocking(move || build(&plan))
        .await
        .map_err(|error| {
            ServiceError::Batch(BatchError::Build {
                reason: error.to_string(),
            })
        })??;
    if wanted.purpose == AttemptPurpose::Consolidate && own.inputs.len() < 2 {
        return Err(OwnSpendError::NothingToConsolidate {
            found: own.inputs.len(),
        }
        .into());
    }
    show(&mut view, &own, &policy);
    view.devices = DeviceTimeView::all(purse.keyset(&policy), own.inputs.len());
    if wanted.purpose != AttemptPurpose::Recover {
        (view.budget, view.maintenance) = count(tx, &policy, now, own.built.fee).await?;
    }
    if wanted.dry_run {
        return Ok(view);
    }
    if let Some(agreed) = wanted.agreed {
        agreed.expect(&view)?;
    }
    let cause = Cause {
        actor,
        reason: "",
        at: now,
    };
    let batch = store(service, tx, &row, &policy, own.built, &[], cause).await?;
    view.batch = Some(service_batches::view(service, tx, &batch).await?);
    Ok(view)
}

/// Whose coins are spent: a keyset is named where it is a former one.
async fn purse(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    wanted: &Wanted<'_>,
) -> Result<Purse, ServiceError> {
    let Some(keyset) = wanted.keyset else {
        return Ok(Purse::newest(vault));
    };
    Purse::of_keyset(tx, vault, policy, keyset)
        .await?
        .ok_or(ServiceError::Version(VersionError::UnknownKeyset {
            keyset,
        }))
}

/// What is answered when no coin is there: the preview of a recovery says when one will be.
fn nothing(
    view: OwnSpendView,
    wanted: &Wanted<'_>,
    next: u32,
) -> Result<OwnSpendView, ServiceError> {
    if wanted.purpose != AttemptPurpose::Recover {
        return Err(OwnSpendError::NothingToSpend.into());
    }
    if wanted.dry_run {
        return Ok(view);
    }
    let first = view.waiting.iter().map(|coin| coin.from_height).min();
    Err(ServiceError::OwnSpend(OwnSpendError::NothingToRecover {
        from: first.map(|height| height.max(next)),
    }))
}

/// Counts a spend against the budget; beyond it the policy must name who approves maintenance.
pub(super) async fn count(
    tx: &mut Transaction,
    policy: &Policy,
    now: UnixTime,
    fee: Amount,
) -> Result<(Option<BudgetView>, Option<MaintenanceNeedsView>), ServiceError> {
    let Some(budget) = policy.limits.self_spend_budget else {
        return Ok((None, Some(maintenance(policy, fee, 1)?)));
    };
    let since = now.saturating_sub(budget.window);
    let (spent, spends) = attempts::self_spends_since(tx, policy.vault, since).await?;
    let fees = spent.checked_add(fee).unwrap_or(Amount::MAX_MONEY);
    let count = spends.saturating_add(1);
    let within = fees <= budget.amount && count <= budget.count;
    let view = BudgetView {
        left_sat: budget.amount.to_sat().saturating_sub(spent.to_sat()),
        left_count: budget.count.saturating_sub(spends),
        window_s: budget.window,
        within,
    };
    let needs = (!within).then(|| maintenance(policy, fees, count));
    Ok((Some(view), needs.transpose()?))
}

/// Whoever approves a spend to ourselves that is beyond the budget.
fn maintenance(
    policy: &Policy,
    fees: Amount,
    count: u32,
) -> Result<MaintenanceNeedsView, ServiceError> {
    let quorum = policy
        .maintenance
        .as_ref()
        .ok_or(OwnSpendError::SelfSpendBudget { fees, count })?;
    Ok(MaintenanceNeedsView {
        group: quorum.group.clone(),
        count: quorum.count,
    })
}
