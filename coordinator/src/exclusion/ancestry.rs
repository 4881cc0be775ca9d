//! The known ancestors of coins, and what all of them spend.

use std::collections::{BTreeMap, HashMap, HashSet};

use bitcoin::{OutPoint, Transaction, Txid};

/// The most ancestors of one coin that are looked at; no file carries a tenth of them.
const MAX_LOOKED_AT: usize = 2_000;

/// Transactions whose bytes are known.
#[derive(Debug)]
pub(super) struct Ancestry<'a> {
    known: &'a BTreeMap<Txid, Transaction>,
}

/// A transaction that a coin descends from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) txid: Txid,
    /// The step that spends an output of it; none for the transaction that made the coin.
    child: Option<usize>,
}

impl<'a> Ancestry<'a> {
    pub(super) const fn new(known: &'a BTreeMap<Txid, Transaction>) -> Self {
        Self { known }
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

    /// What the history of a coin spends: each outpoint, and by which transaction.
    pub(super) fn spent_by(&self, made_by: Txid) -> HashMap<OutPoint, Txid> {
        let steps = self.steps(made_by);
        let spends = |step: &Step| {
            let txid = step.txid;
            self.inputs(&txid).map(move |input| (input, txid))
        };
        steps.iter().flat_map(spends).collect()
    }
}

/// What a transaction under construction and all its known ancestors spend.
#[derive(Debug, Clone, Default)]
pub(super) struct Stand {
    coins: HashSet<OutPoint>,
    spent: HashMap<OutPoint, Txid>,
}

impl Stand {
    /// Whether a coin can stand beside those that are there, in some chain.
    pub(super) fn takes(&self, coin: &OutPoint, ancestry: &Ancestry<'_>) -> bool {
        let spent = ancestry.spent_by(coin.txid);
        !self.spent.contains_key(coin)
            && !spent.contains_key(coin)
            && spent.iter().all(|(outpoint, by)| {
                !self.coins.contains(outpoint)
                    && self.spent.get(outpoint).is_none_or(|other| other == by)
            })
    }

    /// Adds a coin.
    pub(super) fn add(&mut self, coin: OutPoint, ancestry: &Ancestry<'_>) {
        self.coins.insert(coin);
        self.spent.extend(ancestry.spent_by(coin.txid));
    }
}
