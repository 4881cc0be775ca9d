//! What a transaction must pay to take the place of others in mempools. Pure: exact integers.
//!
//! The rules are those of Bitcoin Core 31 (`src/policy/rbf.cpp`: `GetEntriesForConflicts`, `PaysForRBF`,
//! `ImprovesFeerateDiagram`; called by `ReplacementChecks` in `src/validation.cpp`): the replacement pays at
//! least the fees of all that it evicts, descendants included, and on top its own size at the node's
//! incremental relay fee, rounded up (`src/policy/feerate.cpp`); and the mempool must be worth more to
//! miners at every size. Earlier versions ask instead for a feerate above that of each direct conflict,
//! in whole satoshi per 1,000 virtual bytes. A feerate above that of each direct conflict, and above what miners
//! would take with it, satisfies both.
//!
//! Invariant: the fee found is never too low for a node that knows no more than we do; where several
//! transactions exclude one another, no mempool holds more than one of them, and only the dearest set that
//! can be there together counts.
#![deny(clippy::arithmetic_side_effects)]

mod child;
mod dearest;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use bitcoin::{Amount, OutPoint, Txid, Weight};

pub use self::child::{ChildError, fee_of_child};
use self::dearest::dearest;
use crate::exclusion::Earlier;

/// The most transactions that a replacement may conflict with, if each is a cluster of its own
/// (`MAX_REPLACEMENT_CANDIDATES` in Bitcoin Core's `src/policy/rbf.h`).
pub const MAX_CONFLICTS: usize = 100;

/// A node's incremental relay fee, in satoshi per 1,000 virtual bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IncrementalFee(u64);

impl IncrementalFee {
    /// What Bitcoin Core asks since version 30 (`DEFAULT_INCREMENTAL_RELAY_FEE` in `src/policy/policy.h`).
    pub const CORE_30: Self = Self(100);
    /// What it asked before, and many nodes still do. Whoever pays it is relayed by both.
    pub const CORE_29: Self = Self(1_000);

    /// A figure in satoshi per 1,000 virtual bytes.
    pub const fn from_sat_per_kvb(sat: u64) -> Self {
        Self(sat)
    }

    /// The figure in satoshi per 1,000 virtual bytes.
    pub const fn to_sat_per_kvb(self) -> u64 {
        self.0
    }

    /// The fee of a size, rounded up.
    fn of(self, size: u64) -> Option<u64> {
        Some(self.0.checked_mul(size)?.div_ceil(1_000))
    }
}

/// A transaction that may be in a mempool and would have to leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaceable {
    /// Its txid.
    pub txid: Txid,
    /// Its fee.
    pub fee: Amount,
    /// The least that it may weigh: with its witnesses where they are known.
    pub weight: Weight,
    /// What it and its unconfirmed ancestors spend, and which of them spends each.
    spends: Vec<(OutPoint, Txid)>,
}

impl Replaceable {
    /// An earlier attempt; `lightest` is what it weighs at least where its witnesses are not known.
    pub fn of(earlier: &Earlier, lightest: Weight) -> Self {
        let complete = earlier.complete.as_ref();
        Self {
            txid: earlier.txid(),
            fee: earlier.fee(),
            weight: complete.map_or(lightest, bitcoin::Transaction::weight),
            spends: earlier.spends().collect(),
        }
    }

    /// A transaction that spends outputs of others that would have to leave, and goes with them.
    pub fn child(
        txid: Txid,
        fee: Amount,
        weight: Weight,
        inputs: &[OutPoint],
        parents: &[&Self],
    ) -> Self {
        let own = inputs.iter().map(|input| (*input, txid));
        let theirs = parents.iter().flat_map(|parent| parent.spends.clone());
        Self {
            txid,
            fee,
            weight,
            spends: own.chain(theirs).collect(),
        }
    }

    /// Whether it, or what it descends from, spends one of these.
    fn spends_one_of(&self, coins: &HashSet<OutPoint>) -> bool {
        let mut spends = self.spends.iter();
        spends.any(|(outpoint, _)| coins.contains(outpoint))
    }
}

/// What a transaction takes the place of, and what that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Replacement {
    replaces: Vec<Txid>,
    fees: Amount,
    /// What the replacement's feerate must be above: fee and weight of each that it conflicts with itself, together
    /// with whatever may leave the mempool with it and pays more.
    chunks: Vec<(Amount, Weight)>,
    incremental: IncrementalFee,
}

impl Replacement {
    /// Of those that may be in a mempool, what a transaction that spends `coins` takes the place of; none
    /// where it conflicts with none of them.
    pub fn by_spending(
        coins: &[OutPoint],
        among: &[Replaceable],
        incremental: IncrementalFee,
    ) -> Option<Self> {
        let coins: HashSet<OutPoint> = coins.iter().copied().collect();
        let conflicts: Vec<&Replaceable> = among
            .iter()
            .filter(|one| one.spends_one_of(&coins))
            .collect();
        if conflicts.is_empty() {
            return None;
        }
        Some(Self {
            replaces: conflicts.iter().map(|one| one.txid).collect(),
            fees: dearest(&conflicts),
            chunks: chunks(&conflicts, &coins),
            incremental,
        })
    }

    /// What it takes the place of, in the order given.
    pub fn replaces(&self) -> &[Txid] {
        &self.replaces
    }

    /// The highest sum of fees that may leave a mempool for it.
    pub const fn fees(&self) -> Amount {
        self.fees
    }

    /// The least fee of a replacement that weighs this much at most; none where it is beyond all money.
    pub fn least(&self, weight: Weight) -> Option<Amount> {
        let size = virtual_size(weight);
        let fees = self.fees.to_sat();
        let mut least = fees.checked_add(self.incremental.of(size)?)?;
        // Nothing that costs relaying nothing improves a mempool.
        least = least.max(fees.checked_add(1)?);
        for (fee, theirs) in &self.chunks {
            least = least.max(above(*fee, *theirs, weight)?);
        }
        Some(Amount::from_sat(least)).filter(|least| *least <= Amount::MAX_MONEY)
    }
}

/// Of each that spends one of the coins itself, the dearest set per weight of it and others that leave with it. Miners
/// take what pays for its parents together with them, so that a feerate above each of these improves what they have.
fn chunks(conflicts: &[&Replaceable], coins: &HashSet<OutPoint>) -> Vec<(Amount, Weight)> {
    let is_direct = |one: &&Replaceable| {
        let mut own = one.spends.iter().filter(|(_, by)| *by == one.txid);
        own.any(|(outpoint, _)| coins.contains(outpoint))
    };
    let (mut direct, mut others): (Vec<&Replaceable>, Vec<&Replaceable>) =
        conflicts.iter().copied().partition(is_direct);
    if direct.is_empty() {
        // What it conflicts with itself is not known here.
        direct.clone_from(&others);
    }
    let per_weight = |one: &Replaceable, other: &Replaceable| {
        let cross = |fee: Amount, weight: Weight| {
            u128::from(fee.to_sat()).checked_mul(u128::from(weight.to_wu()))
        };
        cross(one.fee, other.weight).cmp(&cross(other.fee, one.weight))
    };
    others.sort_by(|one, other| per_weight(other, one));
    let with_others = |first: &Replaceable| {
        let mut sum = (first.fee, first.weight);
        for other in &others {
            let raises = u128::from(other.fee.to_sat())
                .checked_mul(u128::from(sum.1.to_wu()))
                .zip(u128::from(sum.0.to_sat()).checked_mul(u128::from(other.weight.to_wu())))
                .is_some_and(|(theirs, ours)| theirs > ours);
            let added = (
                sum.0.checked_add(other.fee),
                sum.1.checked_add(other.weight),
            );
            if let (true, (Some(fee), Some(weight))) = (raises, added) {
                sum = (fee, weight);
            }
        }
        sum
    };
    direct.into_iter().map(with_others).collect()
}

/// The least fee of something of `weight` whose feerate is above that of `fee` for `theirs`: by weight, and
/// in whole satoshi per 1,000 virtual bytes rounded down, as nodes have compared.
fn above(fee: Amount, theirs: Weight, weight: Weight) -> Option<u64> {
    let (ours, theirs) = (u128::from(weight.to_wu()), u128::from(theirs.to_wu()));
    let fee = u128::from(fee.to_sat());
    let by_weight = fee.checked_mul(ours)?.checked_div(theirs)?.checked_add(1)?;
    let size = u128::from(virtual_size(Weight::from_wu(u64::try_from(theirs).ok()?)));
    let whole = fee.checked_mul(1_000)?.checked_div(size)?.checked_add(1)?;
    let our_size = u128::from(virtual_size(weight));
    let by_size = whole.checked_mul(our_size)?.div_ceil(1_000);
    u64::try_from(by_weight.max(by_size)).ok()
}

/// Virtual bytes, rounded up (BIP 141). Nodes count signature checks besides, which never weigh more than
/// the witness of an input of ours.
const fn virtual_size(weight: Weight) -> u64 {
    weight.to_wu().div_ceil(4)
}
