//! What was issued before, as the database has it: for the lines of withdrawals, and in the fee budget.
//!
//! Invariant: every attempt that was ever issued for a line is among its earlier ones, dead or voided too.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, Txid};
use policies::document::Policy;
use policies::journal::{History, SignedTransaction, SpendMode};
use policies::psbt::AttemptPurpose;
use policies::rules::Allowance;
use policies::{UnixTime, VaultId};
use watchtower::store::coins;
use watchtower::store::database::Transaction;

use super::excluding::{Before, lightest};
use super::remembering::recall;
use super::{BatchError, ServiceError, node_fees};
use crate::exclusion::{Earlier, EarlierError};
use crate::fee_bump::Replaceable;
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::withdrawals::WithdrawalRow;
use crate::store::{inputs, payments};

/// The attempts that were issued for lines, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Issued {
    /// All of them, and those that only spend back to the vault what the others spend.
    rows: BTreeMap<Txid, AttemptRow>,
    /// The same as the planner takes them.
    pub(super) before: Before,
    /// Coins that those of them that may confirm spend, and nobody else who may.
    pub(super) freed: BTreeSet<OutPoint>,
}

impl Issued {
    /// Reads what was issued for the lines of these withdrawals.
    pub(super) async fn for_lines(
        tx: &mut Transaction,
        policy: &Policy,
        withdrawals: &[WithdrawalRow],
    ) -> Result<Self, ServiceError> {
        let mut rows = Vec::new();
        for withdrawal in withdrawals {
            rows.extend(payments::of_line(tx, withdrawal).await?);
        }
        Self::of(tx, policy, rows).await
    }

    /// The same of attempts that are at hand.
    pub(super) async fn of(
        tx: &mut Transaction,
        policy: &Policy,
        issued: Vec<AttemptRow>,
    ) -> Result<Self, ServiceError> {
        let mut rows: BTreeMap<Txid, AttemptRow> = BTreeMap::new();
        let mut order = Vec::new();
        for row in issued {
            if rows.insert(row.txid, row.clone()).is_none() {
                order.push(row);
            }
        }
        order.sort_by_key(|row| (row.created_at, row.number, row.txid));
        let mut before = Before {
            incremental: node_fees::incremental(tx).await?,
            ..Before::default()
        };
        for row in &order {
            before.earlier.push(read(tx, row).await?);
        }
        let spends = before.earlier.iter().flat_map(Earlier::spends);
        let spends: Vec<OutPoint> = spends.map(|(outpoint, _)| outpoint).collect();
        before.known = coins::spenders(tx, spends).await?;
        let mut issued = Self {
            rows,
            before,
            freed: BTreeSet::new(),
        };
        issued.free(tx, policy).await?;
        issued.add_children(tx, policy).await?;
        Ok(issued)
    }

    /// Those that may confirm.
    pub(super) fn live(&self) -> impl Iterator<Item = &AttemptRow> {
        self.rows.values().filter(|row| is_live(&row.state))
    }

    /// The batches of those that may confirm.
    pub(super) fn batches(&self) -> Vec<BatchId> {
        let batches: BTreeSet<BatchId> = self.live().map(|row| row.batch).collect();
        batches.into_iter().collect()
    }

    /// Coins come free for what takes the place of these attempts, unless another line would lose one. A
    /// cancellation of theirs loses its place with them.
    async fn free(&mut self, tx: &mut Transaction, policy: &Policy) -> Result<(), ServiceError> {
        let batches = self.batches();
        let live: Vec<Txid> = self.live().map(|row| row.txid).collect();
        for txid in live {
            for (coin, _) in inputs::of_attempt(tx, txid).await? {
                let spenders = inputs::spenders_of(tx, coin).await?;
                let others: Vec<AttemptRow> = spenders
                    .into_iter()
                    .filter(|row| row.state.holds_coins() && !self.rows.contains_key(&row.txid))
                    .collect();
                let yields = |row: &AttemptRow| {
                    row.purpose == AttemptPurpose::Cancel
                        && is_live(&row.state)
                        && batches.contains(&row.batch)
                };
                if !others.iter().all(yields) {
                    continue;
                }
                self.freed.insert(coin);
                for row in others {
                    let earlier = read(tx, &row).await?;
                    let weight = lightest(policy, &earlier);
                    self.before
                        .replaceable
                        .push(Replaceable::of(&earlier, weight));
                    self.rows.insert(row.txid, row);
                }
            }
        }
        Ok(())
    }

    /// What may be in a mempool and spends an output of one of them leaves it with them.
    async fn add_children(
        &mut self,
        tx: &mut Transaction,
        policy: &Policy,
    ) -> Result<(), ServiceError> {
        let mut parents: BTreeMap<Txid, Replaceable> = BTreeMap::new();
        let live = self.before.earlier.iter().filter(|one| one.live);
        for earlier in live {
            let weight = lightest(policy, earlier);
            parents.insert(earlier.txid(), Replaceable::of(earlier, weight));
        }
        let mut open: Vec<Txid> = parents.keys().copied().collect();
        while let Some(parent) = open.pop() {
            for row in inputs::children_of(tx, parent).await? {
                if !is_live(&row.state) || parents.contains_key(&row.txid) {
                    continue;
                }
                let earlier = read(tx, &row).await?;
                let complete = earlier.complete.as_ref();
                let weight = complete
                    .map_or_else(|| lightest(policy, &earlier), bitcoin::Transaction::weight);
                let inputs = &earlier.record.inputs;
                let of: Vec<&Replaceable> = inputs
                    .iter()
                    .filter_map(|input| parents.get(&input.txid))
                    .collect();
                let child = Replaceable::child(row.txid, earlier.fee(), weight, inputs, &of);
                parents.insert(row.txid, child.clone());
                open.push(row.txid);
                if !self.rows.contains_key(&row.txid) {
                    self.before.replaceable.push(child);
                }
            }
        }
        Ok(())
    }
}

/// Whether an attempt is in a mempool or may enter one.
pub(super) const fn is_live(state: &AttemptState) -> bool {
    match state {
        AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool => true,
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Confirmed { .. }
        | AttemptState::Settled { .. }
        | AttemptState::Dead { .. } => false,
    }
}

/// An attempt as the planner takes it.
async fn read(tx: &mut Transaction, row: &AttemptRow) -> Result<Earlier, ServiceError> {
    let earlier = if row.is_remembered() {
        recall(tx, row).await?
    } else {
        Earlier::read(&row.psbt, row.created_at, row.weight)
            .map_err(|error| unreadable(row.txid, &error))?
    };
    let earlier = match &row.final_transaction {
        // Of one whose file nobody kept it is not known what its inputs spend: it is not shown to signers.
        Some(complete) if !row.is_remembered() => earlier.completed(complete.clone()),
        Some(_) | None => earlier,
    };
    Ok(if is_live(&row.state) {
        earlier
    } else {
        earlier.gone()
    })
}

/// A stored attempt that cannot be read.
pub(super) fn unreadable(txid: Txid, error: &EarlierError) -> ServiceError {
    ServiceError::Batch(BatchError::Build {
        reason: format!("attempt {txid}: {error}"),
    })
}

/// What counts in the window of the fee budget, if there is one, as signers count it: transactions that
/// exclude one another cost once.
pub(super) async fn spent_fees(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    now: UnixTime,
) -> Result<Vec<SignedTransaction>, ServiceError> {
    let Some(budget) = policy.limits.fee_budget else {
        return Ok(Vec::new());
    };
    let since = now.saturating_sub(budget.window);
    let spent = attempts::fees_since(tx, vault, since).await?;
    let counted = spent.into_iter().map(|one| SignedTransaction {
        txid: one.txid,
        mode: SpendMode::Pay,
        inputs: one.inputs,
        ancestors: Vec::new(),
        intents: Vec::new(),
        rules: Vec::new(),
        replaced: Vec::new(),
        change_indexes: Vec::new(),
        fee: one.fee,
        at: one.at,
        given: None,
    });
    Ok(counted.collect())
}

/// What the fee budget of a policy has left for a transaction that excludes nothing issued before; none where the
/// policy has none.
pub(super) async fn fees_left(
    tx: &mut Transaction,
    policy: &Policy,
    now: UnixTime,
) -> Result<Option<Allowance>, ServiceError> {
    let Some(budget) = policy.limits.fee_budget else {
        return Ok(None);
    };
    let mut history = History::begin(UnixTime::from_secs(0));
    for spent in spent_fees(tx, policy.vault, policy, now).await? {
        history.record(spent);
    }
    Ok(Some(history.fee_allowance(budget, now)))
}
