//! Builds a cancellation: a spend to ourselves that takes the place of every attempt that may still confirm. Pure.
//!
//! It spends an input of each live one itself, since what only an ancestor excludes is in no mempool, and excludes
//! the others too: after a reorg they could confirm beside it. Signers do not judge exclusivity where nobody is
//! paid, so this does.
#![deny(clippy::arithmetic_side_effects)]

use bitcoin::OutPoint;
use policies::psbt::AttemptPurpose;

use super::excluding::{Before, lightest};
use super::own_building::{OwnBuilt, OwnPlan, build};
use super::{BatchError, ServiceError};
use crate::coin_selection::{Candidate, SelectionError, Take};
use crate::exclusion::{
    Anchors, CannotBeExclusive, Earlier, anchors, frozen_among, sparing_anchors,
};
use crate::fee_bump::{Replaceable, Replacement};

/// Builds and reviews. Of the plan's coins those are spent that cancel, and others only where the fee needs them.
pub(super) fn cancel(plan: &OwnPlan, before: &Before) -> Result<OwnBuilt, ServiceError> {
    let live: Vec<Earlier> = before
        .earlier
        .iter()
        .filter(|one| one.live)
        .cloned()
        .collect();
    let found = anchored(plan, before, &live).map_err(BatchError::CannotBeExclusive)?;
    let is_free = |coin: &&Candidate| {
        !coin.frozen && !found.required.contains(coin) && !found.barred.contains(&coin.outpoint)
    };
    let mut others = plan.coins.iter().filter(is_free);
    let among: Vec<Replaceable> = live
        .iter()
        .map(|one| Replaceable::of(one, lightest(&plan.policy, one)))
        .chain(before.replaceable.iter().cloned())
        .collect();
    let mut coins = found.required.clone();
    let built = loop {
        let outpoints: Vec<OutPoint> = coins.iter().map(|coin| coin.outpoint).collect();
        let attempt = OwnPlan {
            purpose: AttemptPurpose::Cancel,
            older: None,
            take: Take::Every,
            required: coins.len(),
            replacing: Replacement::by_spending(&outpoints, &among, before.incremental),
            coins: coins.clone(),
            ..plan.clone()
        };
        match build(&attempt) {
            Err(ServiceError::Batch(BatchError::CoinSelection(
                short @ SelectionError::Shortfall { .. },
            ))) => match others.next() {
                Some(coin) => coins.push(coin.clone()),
                None => return Err(BatchError::CoinSelection(short).into()),
            },
            other => break other?,
        }
    };
    let spends = |outpoint: &OutPoint| {
        let mut inputs = built.inputs.iter();
        inputs.any(|coin| coin.outpoint == *outpoint)
    };
    let beside = live
        .iter()
        .find(|one| !one.record.inputs.iter().any(spends));
    match beside {
        None => Ok(OwnBuilt {
            built: super::building::Built {
                frozen: frozen_among(&built.inputs),
                anchors: found,
                ..built.built
            },
            ..built
        }),
        Some(one) => Err(BatchError::Build {
            reason: format!("the cancellation does not exclude {}", one.txid()),
        }
        .into()),
    }
}

/// What excludes all that was issued before. A frozen coin is spent only where a live attempt spends no other, or
/// nothing else excludes one.
fn anchored(
    plan: &OwnPlan,
    before: &Before,
    live: &[Earlier],
) -> Result<Anchors, CannotBeExclusive> {
    let is_free = |input: &OutPoint| {
        let mut coins = plan.coins.iter();
        coins.any(|coin| coin.outpoint == *input && !coin.frozen)
    };
    let sparing = (live.iter()).all(|one| one.record.inputs.iter().any(is_free));
    let find = if sparing { sparing_anchors } else { anchors };
    find(&before.earlier, &plan.coins, &before.known, plan.max_inputs)
}
