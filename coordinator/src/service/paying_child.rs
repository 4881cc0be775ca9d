//! A child of an attempt that is out: it spends the attempt's own change to ourselves, and pays for both.
//!
//! Invariant: it spends one coin, the change that our own attempt makes, and never what a stranger sent; and what it
//! pays beside its own share is what lifts the two to the feerate that is asked for, no more. It is within the signers'
//! budget of spends to ourselves, so that it waits for nobody's approval, and is never the last one within it: a
//! cancellation must not wait for approvals because fees were high.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::{Amount, FeeRate, OutPoint, Txid, Weight};
use policies::Keychain;
use policies::UnixTime;
use policies::psbt::{AttemptPurpose, read_strict};
use watchtower::store::chain;
use watchtower::store::database::Transaction;

use super::choosing::refuse_in_trouble;
use super::issuing::store;
use super::lines::{is_live, spent_fees};
use super::own_building::{OwnBuilt, OwnPlan, build};
use super::own_spends::count;
use super::record::Cause;
use super::rooms::rooms;
use super::{BatchError, FeeError, Service, ServiceError};
use crate::coin_selection::{Candidate, Take};
use crate::fee_bump::fee_of_child;
use crate::store::attempts::AttemptRow;
use crate::store::vaults::VaultRow;
use crate::store::{addresses, coin_marks, inputs};

/// A child that was built, and not issued yet.
pub(super) struct Child {
    own: OwnBuilt,
    vault: VaultRow,
    policy: Arc<policies::Policy>,
}

impl Child {
    /// Its fee.
    pub(super) const fn fee(&self) -> Amount {
        self.own.built.fee
    }

    /// Stores and issues it, in a transaction that the caller commits.
    pub(super) async fn issue(
        self,
        service: &Service,
        tx: &mut Transaction,
        cause: Cause<'_>,
    ) -> Result<Txid, ServiceError> {
        let txid = self.own.built.txid;
        let built = self.own.built;
        store(service, tx, &self.vault, &self.policy, built, &[], cause).await?;
        Ok(txid)
    }
}

/// Builds a child that lifts an attempt to a feerate, together with itself.
///
/// # Errors
/// [`FeeError::NoChange`], [`FeeError::Child`], [`FeeError::ChildBeyondBudget`], and whatever stands against building it.
pub(super) async fn child(
    service: &Service,
    tx: &mut Transaction,
    parent: &AttemptRow,
    target: FeeRate,
    (least, cap): (FeeRate, FeeRate),
    now: UnixTime,
) -> Result<Child, ServiceError> {
    let (vault, policy) = service.vault(tx, parent.vault).await?;
    refuse_in_trouble(tx, now).await?;
    let tip = chain::tip(tx).await?.ok_or(BatchError::NoChain)?;
    let no_change = FeeError::NoChange { txid: parent.txid };
    let Some(transaction) = parent.final_transaction.clone() else {
        return Err(no_change.into());
    };
    let made_under = service.policy(tx, parent.policy).await?;
    let coin = change(parent).ok_or(no_change)?;
    let is_free = coin_is_free(tx, parent, coin.outpoint).await?;
    if !is_free || made_under.keyset != policy.keyset {
        return Err(FeeError::NoChange { txid: parent.txid }.into());
    }
    let parent_pays = (parent.fee, transaction.weight());
    let fundings = BTreeMap::from([(parent.txid, transaction)]);
    let plan = OwnPlan {
        policy: Arc::clone(&policy),
        purpose: AttemptPurpose::Refresh,
        former: None,
        older: None,
        coins: vec![coin],
        take: Take::Every,
        max_inputs: 1,
        rooms: rooms(tx, policy.newest_keyset(), now).await?,
        fundings,
        feerate: target,
        change_index: addresses::next_index(tx, vault.keychain, Keychain::Internal).await?,
        tip: tip.height,
        seed: service.random(),
        now,
        spent: spent_fees(tx, parent.vault, &policy, now).await?,
        number: 1,
        required: 1,
        replacing: None,
    };
    let own = tokio::task::spawn_blocking(move || paid(plan, parent_pays, (least, cap)))
        .await
        .map_err(|error| {
            ServiceError::Batch(BatchError::Build {
                reason: error.to_string(),
            })
        })??;
    // Nobody signs one beyond the budget until it is approved, and meanwhile nothing else would be done.
    let (budget, needs) = count(tx, &policy, now, own.built.fee).await?;
    let is_last = budget.is_none_or(|budget| budget.left_count <= 1);
    if needs.is_some() || is_last {
        return Err(FeeError::ChildBeyondBudget { txid: parent.txid }.into());
    }
    Ok(Child { own, vault, policy })
}

/// Builds it at the target to see what it weighs, and then at what it must pay.
fn paid(
    plan: OwnPlan,
    parent: (Amount, Weight),
    bounds: (FeeRate, FeeRate),
) -> Result<OwnBuilt, ServiceError> {
    let target = plan.feerate;
    let weight = build(&plan)?.built.weight;
    let fee = fee_of_child(parent, weight, target, bounds).map_err(FeeError::Child)?;
    let kwu = fee.to_sat().saturating_mul(1_000).div_ceil(weight.to_wu());
    build(&OwnPlan {
        feerate: FeeRate::from_sat_per_kwu(kwu),
        ..plan
    })
}

/// The one change output of an attempt, as a coin.
fn change(parent: &AttemptRow) -> Option<Candidate> {
    let strict = read_strict(&parent.psbt).ok()?;
    let mut changes = strict.manifest().changes.iter();
    let (output, (_, index)) = changes.next()?;
    if changes.next().is_some() {
        return None;
    }
    let outputs = &strict.transaction().output;
    let txout = outputs.get(usize::try_from(*output).ok()?)?.clone();
    Some(Candidate {
        outpoint: OutPoint::new(parent.txid, *output),
        txout,
        keychain: Keychain::Internal,
        index: *index,
        height: 0,
        frozen: false,
    })
}

/// Whether nothing of ours that may confirm spends it, and nobody froze it.
async fn coin_is_free(
    tx: &mut Transaction,
    parent: &AttemptRow,
    coin: OutPoint,
) -> Result<bool, ServiceError> {
    let spenders = inputs::spenders_of(tx, coin).await?;
    let frozen = coin_marks::frozen(tx, parent.vault).await?;
    Ok(!spenders.iter().any(|row| is_live(&row.state)) && !frozen.contains(&coin))
}
