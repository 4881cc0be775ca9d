//! What joining coins would come to now, shown before it is done, and told once when fees are low enough.

use std::collections::BTreeSet;

use bitcoin::{Amount, FeeRate, Weight};
use policies::VaultId;
use policies::document::{Policy, format_sat_per_vb};
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::{chain, events};

use super::building::LONG_TERM_FEERATE;
use super::free_coins::candidates;
use super::record::{Cause, append_event};
use super::{Actor, BatchError, Right, Service, ServiceError, node_fees};
use crate::coin_selection::Candidate;
use crate::fees::{Consolidation, Weights, consolidate};
use crate::store::fee_policies;
use crate::store::vaults::VaultRow;

/// The kind of object that its events are about; the vault names it.
const OBJECT: &str = "consolidation";
/// It is proposed.
const PROPOSED: &str = "consolidation.proposed";
/// Fees rose again.
const OVER: &str = "consolidation.over";

/// What joining coins would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsolidationView {
    /// The estimate for patient transactions in sat/vB; none where none counts.
    pub feerate_sat_vb: Option<String>,
    /// The feerate in sat/vB at which coins are expected to be spent later.
    pub later_sat_vb: String,
    /// Below this estimate in sat/vB joining coins is proposed, if the fee policy says so.
    pub below_sat_vb: Option<String>,
    /// Whether it saves anything now.
    pub saves: bool,
    /// The coins that would be joined, the smallest first.
    pub coins: Vec<JoinedCoinView>,
    /// How many coins are left out since they cost more to spend now than they are worth.
    pub uneconomic: usize,
    /// What joining them costs now, in satoshi.
    pub cost_now_sat: u64,
    /// What spending each of them would cost later, in satoshi.
    pub cost_later_sat: u64,
    /// What joining them saves, in satoshi.
    pub saving_sat: u64,
}

/// A coin that would be joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JoinedCoinView {
    /// Its outpoint: txid, colon, output.
    pub outpoint: String,
    /// Its amount in satoshi.
    pub amount_sat: u64,
}

/// Says what joining coins would come to now; does nothing.
///
/// # Errors
/// `VaultError::UnknownVault`; [`BatchError::NoChain`].
pub async fn plan_consolidation(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<ConsolidationView, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (row, policy) = service.vault(&mut tx, vault).await?;
    let feerate = patient(service, &mut tx).await?;
    let below = below(&mut tx, vault).await?;
    let mut view = ConsolidationView {
        feerate_sat_vb: feerate.map(format_sat_per_vb),
        later_sat_vb: format_sat_per_vb(LONG_TERM_FEERATE),
        below_sat_vb: below.map(format_sat_per_vb),
        saves: false,
        coins: Vec::new(),
        uneconomic: 0,
        cost_now_sat: 0,
        cost_later_sat: 0,
        saving_sat: 0,
    };
    let Some(feerate) = feerate else {
        return Ok(view);
    };
    let (coins, plan) = planned(&mut tx, &row, &policy, feerate).await?;
    if let Some(plan) = plan {
        let joined = plan.coins.iter().filter_map(|place| coins.get(*place));
        view.coins = joined
            .map(|coin| JoinedCoinView {
                outpoint: coin.outpoint.to_string(),
                amount_sat: coin.txout.value.to_sat(),
            })
            .collect();
        view.saves = true;
        view.uneconomic = plan.uneconomic;
        view.cost_now_sat = plan.cost_now.to_sat();
        view.cost_later_sat = plan.cost_later.to_sat();
        view.saving_sat = plan.saving.to_sat();
    }
    Ok(view)
}

/// Whether a vault wants to be told, or was and does not any more.
pub(crate) async fn is_wished(tx: &mut Transaction, vault: VaultId) -> Result<bool, ServiceError> {
    Ok(below(tx, vault).await?.is_some() || is_proposed(tx, vault).await?)
}

/// Below which estimate joining coins is to be proposed.
async fn below(tx: &mut Transaction, vault: VaultId) -> Result<Option<FeeRate>, ServiceError> {
    let set = fee_policies::lookup(tx, vault).await?;
    Ok(set.and_then(|set| set.policy.consolidate_below))
}

/// Tells once that joining coins is worth it while fees are low enough, and once that they rose again, or that nobody
/// wants to be told any more.
pub(crate) async fn tell(
    service: &Service,
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<(), ServiceError> {
    let below = below(tx, vault).await?;
    let feerate = patient(service, tx).await?;
    let cheap = feerate.filter(|feerate| below.is_some_and(|below| *feerate <= below));
    let is_told = is_proposed(tx, vault).await?;
    let id = vault.to_string();
    let cause = |reason| Cause {
        actor: "coordinator",
        reason,
        at: service.now(),
    };
    match (cheap, is_told) {
        (Some(_), true) | (None, false) => Ok(()),
        (None, true) => {
            let cause = cause(match below {
                Some(_) => "the estimate is not below what was said any more",
                None => "nobody says any more below which estimate coins are to be joined",
            });
            append_event(tx, vault, (OBJECT, &id), OVER, Map::new(), cause).await
        }
        (Some(feerate), false) => {
            let (row, policy) = service.vault(tx, vault).await?;
            let (_, plan) = planned(tx, &row, &policy, feerate).await?;
            let Some(plan) = plan else {
                return Ok(());
            };
            let mut body = Map::new();
            body.insert("coins".to_owned(), json!(plan.coins.len()));
            body.insert("cost_now_sat".to_owned(), json!(plan.cost_now.to_sat()));
            body.insert(
                "feerate_sat_kwu".to_owned(),
                json!(feerate.to_sat_per_kwu()),
            );
            body.insert("saving_sat".to_owned(), json!(plan.saving.to_sat()));
            let cause = cause("fees are low: joining coins saves");
            append_event(tx, vault, (OBJECT, &id), PROPOSED, body, cause).await
        }
    }
}

/// Whether the last that was told is that it is worth it.
async fn is_proposed(tx: &mut Transaction, vault: VaultId) -> Result<bool, ServiceError> {
    let id = vault.to_string();
    let proposed = events::last_of_object(tx, OBJECT, &id, PROPOSED).await?;
    let over = events::last_of_object(tx, OBJECT, &id, OVER).await?;
    let version = |event: Option<events::Event>| event.map_or(0, |event| event.version);
    Ok(version(proposed) > version(over))
}

/// The estimate for patient transactions, where one counts.
async fn patient(service: &Service, tx: &mut Transaction) -> Result<Option<FeeRate>, ServiceError> {
    let target = service.batch_settings().economy_target;
    Ok(node_fees::estimates(service, tx)
        .await?
        .for_target(target)
        .ok())
}

async fn planned(
    tx: &mut Transaction,
    vault: &VaultRow,
    policy: &Policy,
    feerate: FeeRate,
) -> Result<(Vec<Candidate>, Option<Consolidation>), ServiceError> {
    let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
    let (coins, _) = candidates(tx, vault, tip.height, &BTreeSet::new()).await?;
    let amounts: Vec<Amount> = coins.iter().map(|coin| coin.txout.value).collect();
    let descriptor = &policy.descriptor;
    // Version, locktime, the counts of inputs and outputs, and the segwit marker.
    let frame = Weight::from_wu(42);
    let base = frame.checked_add(descriptor.output_weight());
    let weights = Weights {
        base: base.unwrap_or(Weight::MAX),
        input: descriptor.input_weight(),
    };
    let most = usize::try_from(policy.limits.max_inputs).unwrap_or(usize::MAX);
    let plan = consolidate(&amounts, weights, (feerate, LONG_TERM_FEERATE), most);
    Ok((coins, plan))
}
