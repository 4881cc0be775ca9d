//! The known ancestors of coins, and what all of them spend.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use bitcoin::{OutPoint, Transaction, Txid};

/// The most ancestors of one coin that are looked at; no file carries a tenth of them.
const MAX_LOOKED_AT: usize = 2_000;

/// Transactions whose bytes are known.
#[derive(Debug)]
pub(super) struct Ancestry<'a> {
    known: &'a BTreeMap<Txid, Transaction>,
    /// What was asked for: a search asks for the same coins again and again.
    spent_by: RefCell<HashMap<Txid, Rc<HashMap<OutPoint, Txid>>>>,
}

/// A transaction that a coin descends from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) txid: Txid,
    /// The step that spends an output of it; none for the transaction that made the coin.
    child: Option<usize>,
}

impl<'a> Ancestry<'a> {
    pub(super) fn new(known: &'a BTreeMap<Txid, Transaction>) -> Self {
        Self {
            known,
            spent_by: RefCell::default(),
        }
    }

    pub(super) fn transaction(&self, txid: &Txid) -> Option<&'a Transaction> {
        self.known.get(txid)
    }

    /// The transaction that made a coin and its known ancestors, nearest first.
    pub(super) fn steps(&self, made_by: Txid) -> Vec<Step> {
        let mut steps = vec![Step {
            txid: made_by,
            child: None,
        }];
        let mut seen = HashSet::from([made_by]);
        let mut next = 0;
        while let Some(step) = steps.get(next).copied() {
            for input in self.inputs(&step.txid) {
                let parent = input.txid;
                if steps.len() < MAX_LOOKED_AT
                    && self.known.contains_key(&parent)
                    && seen.insert(parent)
                {
                    let child = Some(next);
                    let txid = parent;
                    steps.push(Step { txid, child });
                }
            }
            next = next.saturating_add(1);
        }
        steps
    }

    /// The transactions from the one that made the coin down to a step, both included.
    pub(super) fn path(steps: &[Step], to: usize) -> Vec<Txid> {
        let mut path = Vec::new();
        let mut at = Some(to);
        while let Some(step) = at.and_then(|at| steps.get(at)) {
            path.push(step.txid);
            at = step.child;
        }
        path.reverse();
        path
    }

    /// What a transaction spends, as far as it is known; the null outpoint is nobody's coin.
    pub(super) fn inputs(&self, txid: &Txid) -> impl Iterator<Item = OutPoint> + use<'a> {
        let inputs = self.known.get(txid).into_iter();
        inputs
            .flat_map(|transaction| &transaction.input)
            .map(|input| input.previous_output)
            .filter(|input| !input.is_null())
    }

    /// What the history of a coin spends: each outpoint, and by which transaction. Looked for once.
    pub(super) fn spent_by(&self, made_by: Txid) -> Rc<HashMap<OutPoint, Txid>> {
        if let Some(found) = self.spent_by.borrow().get(&made_by) {
            return Rc::clone(found);
        }
        let steps = self.steps(made_by);
        let spends = |step: &Step| {
            let txid = step.txid;
            self.inputs(&txid).map(move |input| (input, txid))
        };
        let found: Rc<HashMap<OutPoint, Txid>> = Rc::new(steps.iter().flat_map(spends).collect());
        let mut known = self.spent_by.borrow_mut();
        known.insert(made_by, Rc::clone(&found));
        found
    }
}

/// Coins of a transaction under construction, with what the histories of all of them spend.
#[derive(Debug, Clone, Default)]
pub(super) struct Stand {
    coins: Vec<(OutPoint, Rc<HashMap<OutPoint, Txid>>)>,
}

impl Stand {
    /// Whether a coin can stand beside those that are there, in some chain.
    pub(super) fn takes(&self, coin: &OutPoint, ancestry: &Ancestry<'_>) -> bool {
        let spent = ancestry.spent_by(coin.txid);
        !spent.contains_key(coin)
            && self.coins.iter().all(|(other, theirs)| {
                let (few, many) = if spent.len() <= theirs.len() {
                    (&spent, theirs)
                } else {
                    (theirs, &spent)
                };
                let mut few = few.iter();
                !theirs.contains_key(coin)
                    && !spent.contains_key(other)
                    && few.all(|(spent, by)| many.get(spent).is_none_or(|other| other == by))
            })
    }

    /// Adds a coin.
    pub(super) fn add(&mut self, coin: OutPoint, ancestry: &Ancestry<'_>) {
        self.coins.push((coin, ancestry.spent_by(coin.txid)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exclusion::world::{coin, foreign, known, transaction};

    #[test]
    fn the_history_of_a_coin_is_looked_for_once() {
        let parent = transaction(1, &[foreign(1)], 1);
        let child = transaction(2, &[coin(&parent, 0).outpoint], 2);
        let known = known(&[&parent, &child]);
        let ancestry = Ancestry::new(&known);
        let first = ancestry.spent_by(child.compute_txid());
        assert_eq!(first.len(), 2);
        let again = ancestry.spent_by(child.compute_txid());
        assert!(Rc::ptr_eq(&first, &again));
    }
}
