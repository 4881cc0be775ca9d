//! Which settled coins an attempt spends. Pure: exact integers, and the same seed chooses the same coins.
//!
//! All coins of one choice belong to one descriptor, so that every input weighs the same. Three
//! searches propose a set: an exact one that needs no change ([`exact`]), a random draw and the
//! largest coins first ([`fill`]); the cheapest by *waste* is taken. Invariant of every
//! [`Selection`]: inputs = payments + change + fee, and the fee is at least the feerate asked for, and what
//! it costs to take the place of others. Coins that must be spent are in every choice, and the searches
//! choose among the free ones only.
//!
//! Waste, in thousandths of a satoshi, is what the choice costs beyond spending the same coins at
//! the long-term feerate: inputs × weight × (feerate − long-term feerate) + the cost of the change,
//! or what is given away where there is none.
#![deny(clippy::arithmetic_side_effects)]

mod cost;
mod draw;
mod exact;
mod fill;
mod gather;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use bitcoin::{Amount, FeeRate, OutPoint, TxOut, Weight};
use policies::ids::Keychain;
use policies::words::count;

use crate::fee_bump::Replacement;

pub use self::draw::Draw;
pub use self::gather::{Gathered, InputRoom, LoneOutput, Take, gather};
use self::{cost::Cost, exact::find_exact};

/// One coin that may be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The coin.
    pub outpoint: OutPoint,
    /// Its script and amount.
    pub txout: TxOut,
    /// The keychain of its script.
    pub keychain: Keychain,
    /// The index of its script on the keychain.
    pub index: u32,
    /// The height of the block that confirmed it.
    pub height: u32,
    /// Whether somebody froze it: then only what must exclude another transaction by it spends it.
    pub frozen: bool,
}

/// What a choice has to pay for, and within which bounds.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The payments, in any order; change is not among them.
    pub payments: &'a [TxOut],
    /// Coins that must be spent, whatever they are worth.
    pub required: &'a [Candidate],
    /// What the transaction takes the place of, and must pay for.
    pub replacing: Option<&'a Replacement>,
    /// The whole weight of one input: base, script length and heaviest ordinary satisfaction.
    pub input_weight: Weight,
    /// The feerate to pay now.
    pub feerate: FeeRate,
    /// The feerate at which coins are expected to be spent in the long run.
    pub long_term_feerate: FeeRate,
    /// When change is made.
    pub change: ChangePolicy,
    /// The bounds of the policy.
    pub bounds: Bounds,
}

/// When change is made, and what it costs.
#[derive(Debug, Clone, Copy)]
pub struct ChangePolicy {
    /// The least amount that change may have.
    pub min: Amount,
    /// The weight of the change output.
    pub output_weight: Weight,
}

/// The bounds that every choice stays within.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most inputs a transaction may have.
    pub max_inputs: usize,
    /// The highest fee: the lower of the policy's cap and its share of the payments.
    pub fee_max: Amount,
    /// The highest feerate.
    pub feerate_max: FeeRate,
}

/// The coins chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Selection {
    /// The coins to spend, largest first.
    pub inputs: Vec<Candidate>,
    /// The amount of the change output, if there is one.
    pub change: Option<Amount>,
    /// What the inputs leave to the miner.
    pub fee: Amount,
    /// The weight of the signed transaction at its heaviest.
    pub weight: Weight,
    /// Which search proposed it.
    pub found_by: Search,
}

/// The search that proposed a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// A set that needs no change.
    Exact,
    /// Coins drawn by the seed.
    RandomDraw,
    /// The largest coins.
    LargestFirst,
    /// The coins that must be spent, which suffice.
    Required,
}

/// Why no coins were chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// There is no payment.
    #[error("there is nothing to pay")]
    NothingToPay,
    /// The feerate asked for is above the policy's.
    #[error("the feerate of {} sat/kwu is above the policy's {} sat/kwu", .feerate.to_sat_per_kwu(), .cap.to_sat_per_kwu())]
    FeerateAboveCap {
        /// The feerate asked for.
        feerate: FeeRate,
        /// The policy's.
        cap: FeeRate,
    },
    /// All coins together are too few.
    #[error("{available} can be spent at this feerate, {needed} is needed")]
    Shortfall {
        /// What all coins that are worth their own input add up to.
        available: Amount,
        /// Payments and fee for that many inputs.
        needed: Amount,
    },
    /// There is enough, but in too many coins for one transaction.
    #[error("the largest {max_inputs} coins hold {reachable}, {needed} is needed")]
    TooFragmented {
        /// The most inputs of one transaction.
        max_inputs: usize,
        /// What that many of the largest coins add up to.
        reachable: Amount,
        /// Payments and fee for that many inputs.
        needed: Amount,
    },
    /// More coins must be spent than a transaction may have inputs.
    #[error("{} must be spent, and a transaction may have {}", count(*required, "coin"), count(*max_inputs, "input"))]
    TooManyRequired {
        /// How many coins must be spent.
        required: usize,
        /// The most inputs of one transaction.
        max_inputs: usize,
    },
    /// Payments, and one coin, are more than devices take at once.
    #[error("{} and a coin are more than the devices take that must sign", count(*payments, "payment"))]
    BeyondDevices {
        /// How many payments.
        payments: usize,
    },
    /// The fee would be above the policy's bound.
    #[error("the fee would be {fee}, the policy allows {cap}")]
    FeeAboveCap {
        /// The lowest fee that pays the feerate asked for.
        fee: Amount,
        /// The bound.
        cap: Amount,
    },
    /// Something would be left that is too little for change and too much to give away.
    #[error(
        "{left} would be left: below the least change of {min}, and more than the {tolerance} that change costs"
    )]
    ChangeBelowMinimum {
        /// What would be left after payments and fee.
        left: Amount,
        /// The least change.
        min: Amount,
        /// The most that may be given to the fee instead.
        tolerance: Amount,
    },
    /// The transactions that made the coins named are too large for one PSBT.
    #[error("a PSBT has no room for the funding transactions of {coins} of the coins")]
    TooHeavy {
        /// How many coins do not fit.
        coins: usize,
    },
    /// The coins named hold more than the output may take.
    #[error("the output would be {amount}, at most {most} is allowed")]
    AboveMost {
        /// What the coins hold, less the fee.
        amount: Amount,
        /// The most.
        most: Amount,
    },
    /// Amounts or weights do not fit their integers.
    #[error("amounts, feerates or weights are too large to add up")]
    Overflow,
}

/// The most inputs any choice may have, whatever a policy says: a standard transaction holds fewer.
const MAX_INPUTS: usize = 10_000;

/// A proposed set: positions in the sorted candidates, and how it settles.
#[derive(Debug, Clone)]
struct Proposal {
    chosen: Vec<usize>,
    settled: cost::Settled,
    found_by: Search,
}

/// The weight of a transaction with one input, a payment and change.
pub fn single_payment_weight(input: Weight, payment: Weight, change: Weight) -> Option<Weight> {
    // The number of outputs takes one byte for one and for two.
    cost::lone_weight(1, input, payment.checked_add(change)?)
}

/// Chooses coins for `target` among `candidates`; `seed` decides the random draw.
///
/// # Errors
/// Returns why no choice within the bounds was found.
pub fn select(
    candidates: &[Candidate],
    target: &Target<'_>,
    seed: [u8; 32],
) -> Result<Selection, SelectionError> {
    if target.payments.is_empty() {
        return Err(SelectionError::NothingToPay);
    }
    if target.feerate > target.bounds.feerate_max {
        return Err(SelectionError::FeerateAboveCap {
            feerate: target.feerate,
            cap: target.bounds.feerate_max,
        });
    }
    let cost = Cost::new(target, candidates.len())?;
    let is_required = |coin: &Candidate| {
        let mut required = target.required.iter();
        required.any(|one| one.outpoint == coin.outpoint)
    };
    let mut sorted: Vec<&Candidate> = candidates
        .iter()
        .filter(|coin| cost.is_worth_spending(coin.txout.value))
        .filter(|coin| !is_required(coin))
        .collect();
    sorted.sort_unstable_by(|a, b| largest_first(a, b));
    let values: Vec<u64> = sorted
        .iter()
        .map(|coin| coin.txout.value.to_sat())
        .collect();
    // Every later sum is part of this one, so it proves that none overflows.
    values
        .iter()
        .try_fold(cost.required_sum(), |sum, value| sum.checked_add(*value))
        .ok_or(SelectionError::Overflow)?;

    let proposals = [
        cost.settle_required(),
        find_exact(&values, &cost).found,
        fill::draw(&values, &cost, seed),
        fill::largest_first(&values, &cost),
    ];
    // `min_by_key` keeps the first of equals, so the order above decides ties.
    let Some(best) = proposals
        .into_iter()
        .flatten()
        .min_by_key(|proposal| proposal.settled.waste)
    else {
        return Err(cost.why_not(&values, target));
    };
    let free = best.chosen.iter();
    let free = free.filter_map(|position| sorted.get(*position).copied());
    let mut inputs: Vec<Candidate> = target.required.iter().chain(free).cloned().collect();
    inputs.sort_by(largest_first);
    Ok(Selection {
        inputs,
        change: best.settled.change,
        fee: best.settled.fee,
        weight: best.settled.weight,
        found_by: best.found_by,
    })
}

fn largest_first(a: &Candidate, b: &Candidate) -> Ordering {
    let by_value = b.txout.value.cmp(&a.txout.value);
    by_value
        .then(a.height.cmp(&b.height))
        .then(a.outpoint.cmp(&b.outpoint))
}
