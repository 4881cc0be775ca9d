//! When two transactions can never be in one chain (money rule M2).
//!
//! They are exclusive when, among them and those of their ancestors whose bytes were carried, two with
//! different txids spend one outpoint. That holds for ever and at any depth of reorg: a txid commits to
//! the inputs of its transaction, and of two spends of one outpoint a chain holds at most one. The null
//! outpoint of a coinbase is nobody's coin and never counts.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use bitcoin::{Amount, OutPoint, Txid};

use super::entry::SignedTransaction;
use crate::planted::{Bug, planted};

/// Which outpoints a transaction and its carried ancestors spend, and which of them spends each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spends {
    /// Sorted, each pair once.
    pairs: Vec<(OutPoint, Txid)>,
    /// Two of them spend one outpoint already: the transaction itself can be in no chain.
    contradictory: bool,
}

impl Spends {
    pub(super) fn of(signed: &SignedTransaction) -> Self {
        let mut spends = Self::default();
        spends.add(signed);
        spends
    }

    /// Adds what the same transaction carries now.
    pub(super) fn add(&mut self, signed: &SignedTransaction) {
        let ancestors = signed.ancestors.iter();
        let ancestors = ancestors.map(|ancestor| (ancestor.txid, &ancestor.inputs));
        for (txid, inputs) in ancestors.chain([(signed.txid, &signed.inputs)]) {
            let coins =
                (inputs.iter()).filter(|input| !input.is_null() || planted(Bug::CoinbaseExcludes));
            self.pairs.extend(coins.map(|input| (*input, txid)));
        }
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let neighbours = self.pairs.iter().zip(self.pairs.iter().skip(1));
        self.contradictory = neighbours.into_iter().any(|(one, next)| one.0 == next.0);
    }

    /// Whether this says nothing that `other` does not say.
    pub(super) fn within(&self, other: &Self) -> bool {
        let known = |pair| other.pairs.binary_search(pair).is_ok();
        self.pairs.iter().all(known)
    }

    /// Whether `other` spends every outpoint that this spends: the transaction itself or an ancestor of it.
    pub(super) fn inputs_within(&self, other: &Self) -> bool {
        let spent = |(outpoint, _): &(OutPoint, Txid)| {
            let place = other.pairs.partition_point(|pair| pair.0 < *outpoint);
            other
                .pairs
                .get(place)
                .is_some_and(|pair| pair.0 == *outpoint)
        };
        self.pairs.iter().all(spent)
    }

    /// Whether the two transactions can never be in one chain.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let (few, many) = if self.pairs.len() <= other.pairs.len() {
            (&self.pairs, &other.pairs)
        } else {
            (&other.pairs, &self.pairs)
        };
        let contradicts = |(outpoint, txid): &(OutPoint, Txid)| {
            let place = many.partition_point(|pair| pair.0.cmp(outpoint) == Ordering::Less);
            let spenders = many.iter().skip(place);
            let mut spenders = spenders.take_while(|pair| pair.0 == *outpoint);
            spenders.any(|pair| pair.1 != *txid || planted(Bug::OneAncestorExcludes))
        };
        let descends = |one: &Self, other: &Self| {
            let made = |(outpoint, _): &(OutPoint, Txid)| {
                other.pairs.iter().any(|pair| pair.1 == outpoint.txid)
            };
            planted(Bug::DescendantExcludes) && one.pairs.iter().any(made)
        };
        self.contradictory
            || other.contradictory
            || few.iter().any(contradicts)
            || descends(self, other)
            || descends(other, self)
    }
}

/// The first of a transaction's carried ancestors that is none: no chain of inputs leads to it, or it
/// comes twice.
pub(super) fn no_ancestor(signed: &SignedTransaction) -> Option<Txid> {
    let mut carried: HashMap<Txid, &[OutPoint]> = HashMap::new();
    for ancestor in &signed.ancestors {
        let again = carried.insert(ancestor.txid, &ancestor.inputs).is_some();
        if again || ancestor.txid == signed.txid {
            return Some(ancestor.txid);
        }
    }
    let mut reached = HashSet::new();
    let mut open: Vec<&[OutPoint]> = vec![&signed.inputs];
    while let Some(inputs) = open.pop() {
        for input in inputs {
            if let Some(further) = carried.get(&input.txid)
                && reached.insert(input.txid)
            {
                open.push(further);
            }
        }
    }
    let mut ancestors = signed.ancestors.iter().map(|ancestor| ancestor.txid);
    ancestors.find(|txid| !reached.contains(txid))
}

/// The most that fees can cost: transactions each exclusive with every other of their group count as one,
/// at the group's highest fee. Groups are made greedily in the order given, which is an upper bound, since
/// whatever confirms takes at most one of each group.
pub(super) fn fees_of_groups<'a>(
    transactions: impl IntoIterator<Item = (&'a Spends, Amount)>,
) -> Amount {
    let mut groups: Vec<(Vec<&Spends>, Amount)> = Vec::new();
    // Whoever excludes a whole group spends an outpoint of its first member.
    let mut by_outpoint: HashMap<OutPoint, Vec<usize>> = HashMap::new();
    for (spends, fee) in transactions {
        let mut near: Vec<usize> = (spends.pairs.iter())
            .filter_map(|(outpoint, _)| by_outpoint.get(outpoint))
            .flatten()
            .copied()
            .collect();
        near.sort_unstable();
        near.dedup();
        let excludes_all = |at: &usize| {
            let group = groups.get(*at);
            group.is_some_and(|(members, _)| {
                let excluded = |one: &&Spends| one.excludes(spends);
                members.iter().all(excluded)
                    || planted(Bug::FeeGroups) && members.iter().any(excluded)
            })
        };
        let found = near.into_iter().find(excludes_all);
        if let Some((members, highest)) = found.and_then(|at| groups.get_mut(at)) {
            members.push(spends);
            *highest = fee.max(*highest);
        } else {
            for (outpoint, _) in &spends.pairs {
                by_outpoint.entry(*outpoint).or_default().push(groups.len());
            }
            groups.push((vec![spends], fee));
        }
    }
    sum(groups.into_iter().map(|(_, highest)| highest))
}

/// A sum that ends at all the money there can be.
pub(super) fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let added = |sum: Amount, amount| sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY);
    let sum = amounts.into_iter().fold(Amount::ZERO, added);
    sum.min(Amount::MAX_MONEY)
}

#[cfg(test)]
#[path = "exclusive_tests.rs"]
mod tests;
