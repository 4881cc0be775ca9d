//! The rungs of a ladder, built: each is the lowest one with a smaller change output, and is reviewed beside all that was
//! issued before and the rungs below it.

use std::collections::BTreeSet;

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Txid, Weight};
use policies::IntentKind;
use policies::document::format_sat_per_vb;
use policies::ladder::{self, Rung};
use policies::psbt::{AttemptPurpose, read_strict};
use watchtower::store::database::Transaction;

use super::{LadderView, MakeLadder, RungView};
use crate::exclusion::{Anchors, Earlier};
use crate::fee_bump::{Replaceable, Replacement};
use crate::fees::check_rungs;
use crate::service::attempts::existing;
use crate::service::building::{Built, Plan, review_own};
use crate::service::excluding::lightest;
use crate::service::fee_policies::read_rungs;
use crate::service::issuing::issue;
use crate::service::lines::{is_live, unreadable};
use crate::service::record::Cause;
use crate::service::rehearsal::Rehearsal;
use crate::service::renewals::{existing_batch, in_order};
use crate::service::renewing::{Ground, Renewal, pays, plan};
use crate::service::withdrawals::existing as existing_withdrawal;
use crate::service::{
    Actor, AttemptError, BatchError, FeeError, Right, Service, ServiceError, lock_vault,
};
use crate::store::attempts::AttemptRow;
use crate::store::batches::BatchRow;
use crate::store::rungs::{self, RungRow};
use crate::store::withdrawals::WithdrawalRow;
use crate::store::{fee_policies, inputs, payments, windows};

/// A ladder that was built, and passed our own review rung by rung.
pub(super) struct Planned {
    ground: Ground,
    batch: BatchRow,
    lowest: AttemptRow,
    coins: Vec<(OutPoint, Amount)>,
    withdrawals: Vec<WithdrawalRow>,
    rules: Vec<String>,
    rungs: Vec<Climbed>,
}

/// A rung above the lowest.
struct Climbed {
    txid: Txid,
    psbt: Vec<u8>,
    fee: Amount,
    weight: Weight,
}

/// Plans and builds it, under the vault's lock where it is to be issued.
pub(super) async fn planned(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
    txid: Txid,
    request: &MakeLadder,
    rehearsal: &Rehearsal,
) -> Result<Planned, ServiceError> {
    let vault = existing(tx, actor, txid).await?.vault;
    actor.require(Right::Batch, vault)?;
    if !rehearsal.only {
        lock_vault(tx, vault).await?;
    }
    let lowest = existing(tx, actor, txid).await?;
    let (state, purpose) = (lowest.state.name(), lowest.purpose);
    if !is_live(&lowest.state) || !pays(purpose) || lowest.is_remembered() {
        let purpose = purpose.name();
        return Err(AttemptError::NotReplaceable {
            txid,
            state,
            purpose,
        }
        .into());
    }
    if rungs::lookup(tx, txid).await?.is_some() {
        return Err(FeeError::LadderThere { txid }.into());
    }
    let feerates = feerates(tx, &lowest, request).await?;
    // What is asked for is each rung's own; no estimate is needed.
    let first = feerates.first().copied().map(format_sat_per_vb);
    let ground = Ground::read(service, tx, vault, first.as_deref(), rehearsal).await?;
    let batch = existing_batch(tx, actor, lowest.batch).await?;
    let mut paid = Vec::new();
    for key in payments::of_attempt(tx, txid).await? {
        paid.push(existing_withdrawal(tx, &key).await?);
    }
    let paid = in_order(paid);
    if paid.iter().any(|row| row.intent.kind == IntentKind::Sweep) {
        return Err(FeeError::NoChange { txid }.into());
    }
    let mut rules = Vec::new();
    for row in &paid {
        rules.push(windows::rule_of(tx, row.hash).await?.unwrap_or_default());
    }
    let renewal = Renewal {
        pays: paid.clone(),
        batch: Some(batch.clone()),
    };
    let plan = plan(tx, &ground, renewal).await?.plan;
    let coins = inputs::of_attempt(tx, txid).await?;
    let base = lowest.clone();
    let rungs = tokio::task::spawn_blocking(move || climb(plan, &base, &feerates))
        .await
        .map_err(|error| build_failed(&error))??;
    Ok(Planned {
        ground,
        batch,
        lowest,
        coins,
        withdrawals: paid,
        rules,
        rungs,
    })
}

/// The feerates of the rungs above what an attempt pays.
async fn feerates(
    tx: &mut Transaction,
    lowest: &AttemptRow,
    request: &MakeLadder,
) -> Result<Vec<FeeRate>, ServiceError> {
    let mut rungs = read_rungs(&request.rungs_sat_vb)?;
    if rungs.is_empty() {
        let policy = fee_policies::lookup(tx, lowest.vault).await?;
        rungs = policy.map(|row| row.policy.rungs).unwrap_or_default();
    }
    if rungs.len() != 1 {
        check_rungs(&rungs).map_err(FeeError::Policy)?;
    }
    let paid = lowest.fee / lowest.weight;
    rungs.retain(|rung| *rung > paid);
    if rungs.is_empty() {
        return Err(FeeError::NoRungAbove { paid }.into());
    }
    Ok(rungs)
}

/// Builds the rungs, each above the one before, and reviews each beside all before it.
fn climb(
    mut plan: Plan,
    lowest: &AttemptRow,
    feerates: &[FeeRate],
) -> Result<Vec<Climbed>, ServiceError> {
    let number = plan.number;
    let mut ladder = vec![rung_of(&lowest.psbt, lowest.fee)?];
    let mut climbed: Vec<Climbed> = Vec::new();
    for (number, feerate) in (number..).zip(feerates) {
        let least = least(&plan, lowest)?;
        let asked = feerate.fee_wu(lowest.weight).ok_or_else(overflow)?;
        let fee = asked.max(least);
        let psbt = raised(&plan, lowest, number, fee)?;
        let (found, weight) = review_own(&plan, &psbt)?;
        if (found, weight) != (fee, lowest.weight) {
            return Err(build_failed(&"a rung does not pay what was meant"));
        }
        let earlier = Earlier::read(&psbt, plan.now, weight)
            .map_err(|error| unreadable(lowest.txid, &error))?;
        let txid = earlier.txid();
        ladder.push(rung_of(&psbt, fee)?);
        plan.before.earlier.push(earlier);
        climbed.push(Climbed {
            txid,
            psbt,
            fee,
            weight,
        });
    }
    ladder::check(&ladder).map_err(|fault| build_failed(&fault))?;
    Ok(climbed)
}

/// The least fee at which a node relays another rung in the place of all that may be in its mempool.
fn least(plan: &Plan, lowest: &AttemptRow) -> Result<Amount, ServiceError> {
    let live = plan.before.earlier.iter().filter(|one| one.live);
    let among: Vec<Replaceable> = live
        .map(|one| Replaceable::of(one, lightest(&plan.policy, one)))
        .chain(plan.before.replaceable.iter().cloned())
        .collect();
    let strict = read_strict(&lowest.psbt).map_err(|error| build_failed(&error))?;
    let inputs = strict.transaction().input.iter();
    let coins: Vec<OutPoint> = inputs.map(|input| input.previous_output).collect();
    match Replacement::by_spending(&coins, &among, plan.before.incremental) {
        None => Ok(Amount::ZERO),
        Some(replacement) => replacement.least(lowest.weight).ok_or_else(overflow),
    }
}

/// The lowest rung's PSBT with a smaller change output, and a number of its own.
fn raised(
    plan: &Plan,
    lowest: &AttemptRow,
    number: u32,
    fee: Amount,
) -> Result<Vec<u8>, ServiceError> {
    let strict = read_strict(&lowest.psbt).map_err(|error| build_failed(&error))?;
    let mut manifest = strict.manifest().clone();
    let no_change = FeeError::NoChange { txid: lowest.txid };
    let mut changes = manifest.changes.keys();
    let (Some(output), None) = (changes.next().copied(), changes.next()) else {
        return Err(no_change.into());
    };
    manifest.attempt = number;
    manifest.purpose = AttemptPurpose::Bump;
    let mut psbt = Psbt::deserialize(&lowest.psbt).map_err(|error| build_failed(&error))?;
    let output = usize::try_from(output).ok();
    let output = output.and_then(|output| psbt.unsigned_tx.output.get_mut(output));
    let change = output.ok_or(no_change)?;
    let by = fee.checked_sub(lowest.fee).ok_or_else(overflow)?;
    let left = change.value.checked_sub(by).unwrap_or(Amount::ZERO);
    let least = plan.policy.limits.change_min;
    if left < least.max(change.script_pubkey.minimal_non_dust()) {
        return Err(FeeError::ChangeTooSmall { fee, left, least }.into());
    }
    change.value = left;
    psbt.proprietary.clear();
    manifest.write_into(&mut psbt);
    Ok(psbt.serialize())
}

/// A PSBT of ours as a rung.
fn rung_of(psbt: &[u8], fee: Amount) -> Result<Rung, ServiceError> {
    let strict = read_strict(psbt).map_err(|error| build_failed(&error))?;
    let changes: BTreeSet<u32> = strict.manifest().changes.keys().copied().collect();
    let manifest = strict.manifest();
    Ok(Rung::new(strict.transaction(), &changes, manifest, fee))
}

fn overflow() -> ServiceError {
    build_failed(&"the fee of a rung is more than there is")
}

fn build_failed(reason: &impl ToString) -> ServiceError {
    ServiceError::Batch(BatchError::Build {
        reason: reason.to_string(),
    })
}

impl Planned {
    /// What would be made.
    pub(super) fn view(&self) -> LadderView {
        let planned = |place: u32, txid, state: &str, fee: Amount, weight, held| RungView {
            place,
            txid,
            state: state.to_owned(),
            feerate_sat_vb: format_sat_per_vb(fee / weight),
            fee_sat: fee.to_sat(),
            held,
            released_at: None,
            released_by: None,
        };
        let lowest = &self.lowest;
        let first = planned(
            1,
            lowest.txid,
            lowest.state.name(),
            lowest.fee,
            lowest.weight,
            false,
        );
        let above = (2..).zip(&self.rungs);
        let above = above
            .map(|(place, rung)| planned(place, rung.txid, "planned", rung.fee, rung.weight, true));
        LadderView {
            ladder: lowest.txid,
            preview: true,
            rungs: std::iter::once(first).chain(above).collect(),
        }
    }

    /// Issues the rungs, and says which are held: all but the lowest.
    pub(super) async fn issue(self, tx: &mut Transaction, actor: &str) -> Result<(), ServiceError> {
        let now = self.ground.hold.now;
        let cause = Cause {
            actor,
            reason: "a rung of a ladder",
            at: now,
        };
        let ladder = self.lowest.txid;
        let rung = |attempt, place, released| RungRow {
            attempt,
            ladder,
            place,
            released,
        };
        let released = Some((now, actor.to_owned()));
        rungs::insert(tx, &rung(ladder, 1, released)).await?;
        for (place, climbed) in (2..).zip(self.rungs) {
            let txid = climbed.txid;
            let built = Built {
                txid,
                psbt: climbed.psbt,
                fee: climbed.fee,
                weight: climbed.weight,
                coins: self.coins.clone(),
                // It is the lowest rung's, which is watched.
                change: None,
                withdrawals: self.withdrawals.clone(),
                rules: self.rules.clone(),
                purpose: AttemptPurpose::Bump,
                former: None,
                anchors: Anchors::default(),
                frozen: Vec::new(),
                replacing: None,
                left_for_devices: Vec::new(),
            };
            let policy = &self.ground.policy;
            issue(tx, &self.batch, policy, built, &[], cause).await?;
            rungs::insert(tx, &rung(txid, place, None)).await?;
        }
        Ok(())
    }
}
