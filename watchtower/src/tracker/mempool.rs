//! The mempool: a pending view only, nothing in it is credited.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Transaction, Txid};

use super::{Change, Placement, View};

impl View {
    /// Takes in the mempool of the node at our tip: the ids of all its transactions, and the new
    /// ones whole. The view holds what [`super::needs`] names for the new ones, every unconfirmed
    /// tracked transaction, its coins and the coins it spends.
    ///
    /// New transactions come first, so that a transaction that left is told to be replaced where its
    /// rival is known, and dropped where none is.
    pub fn observe_mempool(
        &mut self,
        present: &BTreeSet<Txid>,
        new: Vec<Transaction>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for transaction in parents_first(new) {
            self.place(&transaction, None, &mut changes);
        }
        let absent: Vec<Txid> = self
            .transactions()
            .filter(|(txid, tracked)| {
                tracked.placement == Placement::Unconfirmed && !present.contains(*txid)
            })
            .map(|(txid, _)| *txid)
            .collect();
        for txid in absent {
            self.remove(txid, None, &mut changes);
        }
        changes
    }
}

/// Orders transactions so that each stands after those whose outputs it spends.
pub(crate) fn parents_first(transactions: Vec<Transaction>) -> Vec<Transaction> {
    let mut waiting: BTreeMap<Txid, Transaction> = transactions
        .into_iter()
        .map(|transaction| (transaction.compute_txid(), transaction))
        .collect();
    let mut parents: BTreeMap<Txid, BTreeSet<Txid>> = BTreeMap::new();
    let mut children: BTreeMap<Txid, Vec<Txid>> = BTreeMap::new();
    for (txid, transaction) in &waiting {
        let inside: BTreeSet<Txid> = transaction
            .input
            .iter()
            .map(|input| input.previous_output.txid)
            .filter(|parent| waiting.contains_key(parent))
            .collect();
        for parent in &inside {
            children.entry(*parent).or_default().push(*txid);
        }
        parents.insert(*txid, inside);
    }
    let mut ready: Vec<Txid> = parents
        .iter()
        .filter(|(_, inside)| inside.is_empty())
        .map(|(txid, _)| *txid)
        .collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(txid) = ready.pop() {
        ordered.extend(waiting.remove(&txid));
        for child in children.remove(&txid).unwrap_or_default() {
            if let Some(inside) = parents.get_mut(&child) {
                inside.remove(&txid);
                if inside.is_empty() {
                    ready.push(child);
                }
            }
        }
    }
    ordered
}
