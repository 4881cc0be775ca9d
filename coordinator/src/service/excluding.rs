//! What an attempt must spend and pay because of what was issued before, and what its file shows of that. Pure.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Transaction, Txid, Weight};
use policies::Intent;
use policies::document::{KeysetView, Policy};
use policies::psbt::{AttemptPurpose, Manifest};

use super::building::Plan;
use super::{BatchError, ServiceError};
use crate::coin_selection::Candidate;
use crate::exclusion::{Anchors, Earlier, of_lines, sparing_anchors};
use crate::fee_bump::{IncrementalFee, Replaceable, Replacement};

/// What was issued before, as far as it may matter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    /// All that may be of the lines that are paid; what is not need not be excluded.
    pub(super) earlier: Vec<Earlier>,
    /// Transactions that made the coins, and those of their ancestors whose bytes are known.
    pub(super) known: BTreeMap<Txid, Transaction>,
    /// What may be in a mempool besides and would have to leave it, such as spends of change.
    pub(super) replaceable: Vec<Replaceable>,
    /// The node's incremental relay fee.
    pub(super) incremental: IncrementalFee,
}

impl Default for Before {
    fn default() -> Self {
        Self {
            earlier: Vec::new(),
            known: BTreeMap::new(),
            replaceable: Vec::new(),
            incremental: IncrementalFee::CORE_29,
        }
    }
}

/// What follows from all that was issued before.
pub(super) struct Context {
    /// What was issued for the lines that are paid.
    pub(super) earlier: Vec<Earlier>,
    pub(super) anchors: Anchors,
    pub(super) replacing: Option<Replacement>,
    pub(super) purpose: AttemptPurpose,
}

impl Context {
    /// Finds what was issued for the plan's lines, and leaves in it the coins that can stand beside what excludes
    /// all of that.
    pub(super) fn of(plan: &mut Plan) -> Result<Self, ServiceError> {
        let paid = plan.withdrawals.iter();
        let intents: Vec<Intent> = paid
            .map(|approved| approved.withdrawal.intent.clone())
            .collect();
        let earlier = of_lines(&intents, &[], plan.before.earlier.clone());
        let anchors = exclude(plan, &earlier)?;
        Ok(Self {
            anchors,
            replacing: replacing(plan),
            purpose: purpose(&earlier, &intents),
            earlier,
        })
    }
}

/// Finds what excludes all earlier transactions, and takes away the coins that cannot stand beside it, and those
/// that are frozen and need not be spent for that.
fn exclude(plan: &mut Plan, earlier: &[Earlier]) -> Result<Anchors, ServiceError> {
    let max = usize::try_from(plan.policy.limits.max_inputs).unwrap_or(usize::MAX);
    let mut known = plan.before.known.clone();
    known.extend(plan.fundings.clone());
    let mut anchors = sparing_anchors(earlier, &plan.candidates, &known, max)
        .map_err(BatchError::CannotBeExclusive)?;
    let again = plan.candidates.iter().filter(|coin| {
        plan.again.contains(&coin.outpoint)
            && !anchors.barred.contains(&coin.outpoint)
            && !anchors.required.contains(coin)
    });
    let again: Vec<Candidate> = again.cloned().collect();
    anchors.required.extend(again);
    let stands = |coin: &Candidate| {
        let spared = coin.frozen && !anchors.required.contains(coin);
        !spared && !anchors.barred.contains(&coin.outpoint)
    };
    plan.candidates.retain(stands);
    Ok(anchors)
}

/// What may be in a mempool and spends a coin that may be spent here.
fn replacing(plan: &Plan) -> Option<Replacement> {
    let live = plan.before.earlier.iter().filter(|one| one.live);
    let among: Vec<Replaceable> = live
        .map(|one| Replaceable::of(one, lightest(&plan.policy, one)))
        .chain(plan.before.replaceable.iter().cloned())
        .collect();
    let coins: Vec<OutPoint> = plan.candidates.iter().map(|coin| coin.outpoint).collect();
    Replacement::by_spending(&coins, &among, plan.before.incremental)
}

/// The weight of an earlier transaction whose inputs all take the lightest ordinary path. Which keyset's coins
/// it spends is not known here: of all of them the one that saves the most counts.
pub(super) fn lightest(policy: &Policy, earlier: &Earlier) -> Weight {
    let saved = |keyset: KeysetView<'_>| {
        let ordinary = keyset.descriptor.paths().iter();
        let ordinary = ordinary.filter(|path| path.older.is_none());
        let lightest = ordinary.map(|path| path.satisfaction_weight).min();
        let heaviest = keyset.descriptor.max_satisfaction_weight();
        heaviest
            .checked_sub(lightest.unwrap_or(heaviest))
            .unwrap_or(Weight::ZERO)
    };
    let saved = policy.keysets().map(saved).max().unwrap_or(Weight::ZERO);
    let inputs = u64::try_from(earlier.record.inputs.len()).unwrap_or(u64::MAX);
    let saved = saved.checked_mul(inputs).unwrap_or(Weight::ZERO);
    earlier.weight.checked_sub(saved).unwrap_or(earlier.weight)
}

/// A bump pays again what an earlier transaction pays that may still confirm, or a part of it.
fn purpose(earlier: &[Earlier], intents: &[Intent]) -> AttemptPurpose {
    let pays_all = |earlier: &Earlier| {
        let mut intents = intents.iter();
        earlier.live && intents.all(|intent| earlier.record.intents.contains(intent))
    };
    if earlier.iter().any(pays_all) {
        AttemptPurpose::Bump
    } else {
        AttemptPurpose::Pay
    }
}

/// Shows an earlier transaction that is fully signed and pays all of this, and whose coins are all spent here:
/// then nothing new is granted, and what ran out since does not matter.
pub(super) fn show_earlier(
    plan: &Plan,
    context: &Context,
    transaction: &Transaction,
    manifest: &mut Manifest,
) {
    let spends = |outpoint: &OutPoint| {
        let mut inputs = transaction.input.iter();
        inputs.any(|input| input.previous_output == *outpoint)
    };
    let shown = context.earlier.iter().rev().find(|earlier| {
        let mut paid = plan.withdrawals.iter().map(|paid| &paid.withdrawal.intent);
        earlier.complete.is_some()
            && paid.all(|intent| earlier.record.intents.contains(intent))
            && earlier.record.inputs.iter().all(spends)
    });
    if let Some((earlier, complete)) = shown.and_then(|one| Some((one, one.complete.clone()?))) {
        manifest.earlier.insert(earlier.txid(), complete);
    }
}
