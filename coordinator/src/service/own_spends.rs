//! What spends to ourselves and recoveries have in common: their coins, their preview, their batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Address, Amount, OutPoint, Transaction as BitcoinTransaction, Txid};
use policies::document::{KeysetView, Policy, format_sat_per_vb};
use policies::psbt::AttemptPurpose;
use policies::{Keychain, Keyset, UnixTime, VaultId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, coins};

use super::agreed::Agreed;
use super::batches::{self as service_batches, BatchView};
use super::choosing::{feerate, refuse_in_trouble};
use super::free_coins::{Purse, candidates_of};
use super::issuing::store;
use super::lines::spent_fees;
use super::own_building::{OwnBuilt, OwnPlan, build};
use super::record::Cause;
use super::{Actor, BatchError, OwnSpendError, Service, ServiceError, VersionError, lock_vault};
use crate::coin_selection::{Candidate, Take};
use crate::store::coin_marks::CoinMark;
use crate::store::vaults::VaultRow;
use crate::store::{addresses, attempts, coin_marks, reservations};

/// The most sets of signers that are listed.
const MAX_SETS: usize = 100;

/// A spend to ourselves or a recovery: what it is made of, and its batch unless it was only a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnSpendView {
    /// What it is for: `consolidate`, `refresh` or `recover`.
    pub purpose: String,
    /// The blocks that the coins of a recovery must be old.
    pub older: Option<u16>,
    /// The coins spent.
    pub coins: Vec<OwnCoinView>,
    /// What they hold.
    pub spent_sat: u64,
    /// The fee.
    pub fee_sat: u64,
    /// The feerate with the heaviest witnesses, in sat/vB.
    pub feerate_sat_vb: String,
    /// The weight with the heaviest witnesses.
    pub weight_wu: u64,
    /// Where it goes; none if there is nothing to spend.
    pub to: Option<OwnOutputView>,
    /// The budget of spends to ourselves as this coordinator counts it; none for recoveries, and where the
    /// policy has none.
    pub budget: Option<BudgetView>,
    /// The approvals of maintenance that signers will demand.
    pub maintenance: Option<MaintenanceNeedsView>,
    /// The sets of signers, any one of which suffices.
    pub signers: Vec<Vec<String>>,
    /// Free coins that are not old enough yet.
    pub waiting: Vec<WaitingCoinView>,
    /// Coins that are frozen and stay where they are, each as txid, colon, output.
    pub frozen: Vec<String>,
    /// The batch that was made; none for a preview.
    pub batch: Option<BatchView>,
}

/// A coin that is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnCoinView {
    /// Its outpoint: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// The height of its block.
    pub height: u32,
}

/// A coin that is not old enough yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingCoinView {
    /// Its outpoint: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// The first block that may hold its recovery.
    pub from_height: u32,
}

/// The one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnOutputView {
    /// Its address.
    pub address: Option<String>,
    /// Its amount.
    pub amount_sat: u64,
    /// The index on the internal keychain; none where it leaves the vault.
    pub index: Option<u32>,
}

/// The budget of spends to ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BudgetView {
    /// The fees that it has left before this spend.
    pub left_sat: u64,
    /// The spends that it has left before this one.
    pub left_count: u32,
    /// Its window in seconds.
    pub window_s: u64,
    /// Whether this spend is within it.
    pub within: bool,
}

/// Approvals of maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MaintenanceNeedsView {
    /// The group whose persons count.
    pub group: Option<String>,
    /// How many persons.
    pub count: u32,
}

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

/// What it can be made of.
struct Choice {
    coins: Vec<Candidate>,
    take: Take,
    fundings: BTreeMap<Txid, BitcoinTransaction>,
    waiting: Vec<WaitingCoinView>,
    next: u32,
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

/// The free coins that may be spent so, in the order in which they are taken: the smallest first to join
/// them, the oldest first otherwise.
async fn choose(
    tx: &mut Transaction,
    vault: &VaultRow,
    purse: Purse,
    tip: u32,
    wanted: &Wanted<'_>,
) -> Result<Choice, ServiceError> {
    let (free, fundings) = candidates_of(tx, vault, purse, tip, &BTreeSet::new()).await?;
    let next = tip.saturating_add(1);
    // A block at this height may hold a recovery of the coin (BIP 68).
    let from = |coin: &Candidate| {
        coin.height
            .saturating_add(u32::from(wanted.older.unwrap_or_default()))
    };
    let (mut old, mut young): (Vec<Candidate>, Vec<Candidate>) =
        free.into_iter().partition(|coin| from(coin) <= next);
    let mut take = Take::Fitting;
    if let Some(names) = wanted.coins {
        take = Take::Every;
        let named = read_coins(names)?;
        for outpoint in &named {
            if let Some(coin) = young.iter().find(|coin| coin.outpoint == *outpoint) {
                return Err(OwnSpendError::CoinTooYoung {
                    outpoint: *outpoint,
                    older: wanted.older.unwrap_or_default(),
                    height: from(coin),
                    next,
                }
                .into());
            }
            if !old.iter().any(|coin| coin.outpoint == *outpoint) {
                return Err(why_not_free(tx, vault, *outpoint).await?);
            }
        }
        old.retain(|coin| named.contains(&coin.outpoint));
        young.clear();
    }
    match wanted.purpose {
        AttemptPurpose::Consolidate => {
            old.sort_by_key(|coin| (coin.txout.value, coin.height, coin.outpoint));
        }
        AttemptPurpose::Pay
        | AttemptPurpose::Bump
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain
        | AttemptPurpose::Recover => old.sort_by_key(|coin| (coin.height, coin.outpoint)),
    }
    young.sort_by_key(|coin| (coin.height, coin.outpoint));
    let waiting = young
        .iter()
        .map(|coin| WaitingCoinView {
            outpoint: coin.outpoint.to_string(),
            amount_sat: coin.txout.value.to_sat(),
            from_height: from(coin),
        })
        .collect();
    Ok(Choice {
        coins: old,
        take,
        fundings,
        waiting,
        next,
    })
}

fn read_coins(names: &[String]) -> Result<BTreeSet<OutPoint>, ServiceError> {
    let malformed = || ServiceError::Malformed {
        field: "coins",
        expected: "a list of distinct coins, each as txid, colon, output",
    };
    let mut coins = BTreeSet::new();
    for name in names {
        if !coins.insert(name.parse().map_err(|_| malformed())?) {
            return Err(malformed());
        }
    }
    if coins.is_empty() {
        return Err(malformed());
    }
    Ok(coins)
}

async fn why_not_free(
    tx: &mut Transaction,
    vault: &VaultRow,
    outpoint: OutPoint,
) -> Result<ServiceError, ServiceError> {
    let held = reservations::reserved(tx, vault.id)
        .await?
        .contains(&outpoint);
    let ours = coins::coin(tx, outpoint)
        .await?
        .is_some_and(|coin| coin.script.vault == vault.id);
    if !ours {
        return Ok(OwnSpendError::UnknownCoin { outpoint }.into());
    }
    if held {
        return Ok(OwnSpendError::CoinReserved { outpoint }.into());
    }
    let marks = coin_marks::of_coin(tx, vault.id, outpoint).await?;
    let frozen = marks.into_iter().find(|one| one.mark == CoinMark::Frozen);
    Ok(match frozen {
        Some(mark) => OwnSpendError::CoinFrozen {
            outpoint,
            reason: mark.text,
        },
        None => OwnSpendError::CoinNotSettled { outpoint },
    }
    .into())
}

/// The coins of a vault that are frozen and that no block spends.
async fn frozen_coins(tx: &mut Transaction, vault: VaultId) -> Result<Vec<String>, ServiceError> {
    let mut frozen = Vec::new();
    for outpoint in coin_marks::frozen(tx, vault).await? {
        let coin = coins::coin(tx, outpoint).await?;
        if coin.is_some_and(|coin| coin.spent_in.is_none()) {
            frozen.push(outpoint.to_string());
        }
    }
    Ok(frozen)
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

fn empty_view(
    keyset: KeysetView<'_>,
    wanted: &Wanted<'_>,
    waiting: Vec<WaitingCoinView>,
) -> OwnSpendView {
    OwnSpendView {
        purpose: wanted.purpose.name().to_owned(),
        older: wanted.older,
        coins: Vec::new(),
        spent_sat: 0,
        fee_sat: 0,
        feerate_sat_vb: "0".to_owned(),
        weight_wu: 0,
        to: None,
        budget: None,
        maintenance: None,
        signers: signer_sets(keyset, wanted.older),
        waiting,
        frozen: Vec::new(),
        batch: None,
    }
}

/// The sets of signers, any one of which can spend a coin of an age.
pub(super) fn signer_sets(keyset: KeysetView<'_>, older: Option<u16>) -> Vec<Vec<String>> {
    let positions = keyset.descriptor.key_positions();
    let name_of = |key: &usize| {
        let position = positions.get(*key)?;
        let mut signers = keyset.signers.iter();
        signers
            .find(|signer| signer.key.xpub == position.xpub)
            .map(|signer| signer.name.clone())
    };
    let paths = keyset.descriptor.paths().iter();
    paths
        .filter(|path| path.older == older)
        .take(MAX_SETS)
        .map(|path| path.keys.iter().filter_map(name_of).collect())
        .collect()
}

fn show(view: &mut OwnSpendView, own: &OwnBuilt, policy: &Policy) {
    let spent = own.amount.checked_add(own.built.fee);
    view.coins = own
        .inputs
        .iter()
        .map(|coin| OwnCoinView {
            outpoint: coin.outpoint.to_string(),
            amount_sat: coin.txout.value.to_sat(),
            height: coin.height,
        })
        .collect();
    view.spent_sat = spent.unwrap_or(Amount::MAX_MONEY).to_sat();
    view.fee_sat = own.built.fee.to_sat();
    view.feerate_sat_vb = format_sat_per_vb(own.built.fee / own.built.weight);
    view.weight_wu = own.built.weight.to_wu();
    view.to = Some(OwnOutputView {
        address: Address::from_script(&own.script_pubkey, policy.network)
            .ok()
            .map(|address| address.to_string()),
        amount_sat: own.amount.to_sat(),
        index: own.built.change.as_ref().map(|change| change.index),
    });
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
