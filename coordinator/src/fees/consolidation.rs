//! Which coins are worth joining now, and what that saves over spending each of them later.
//!
//! Invariant: no coin is joined that costs more to spend now than it is worth, and nothing is proposed that does not
//! save. Joining costs a transaction now; it saves, later, all of its inputs but one.
#![deny(clippy::arithmetic_side_effects)]

use bitcoin::{Amount, FeeRate, Weight};

/// What a transaction that joins coins weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// Without inputs, with its one output.
    pub base: Weight,
    /// Each input with its heaviest satisfaction.
    pub input: Weight,
}

/// What joining coins comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consolidation {
    /// The places of the coins to join, the smallest first.
    pub coins: Vec<usize>,
    /// How many are left out since they cost more to spend now than they are worth.
    pub uneconomic: usize,
    /// What joining them costs now.
    pub cost_now: Amount,
    /// What spending each of them would cost later, at the long-term feerate.
    pub cost_later: Amount,
    /// What is saved: that, less what joining costs now and what spending the joined coin costs later.
    pub saving: Amount,
}

/// Plans to join coins at a feerate, where that saves anything over a feerate at which they would be spent later.
/// None where it does not.
pub fn consolidate(
    amounts: &[Amount],
    weights: Weights,
    (now, later): (FeeRate, FeeRate),
    most: usize,
) -> Option<Consolidation> {
    let input_now = now.fee_wu(weights.input)?;
    let mut order: Vec<(Amount, usize)> = (amounts.iter().copied())
        .zip(0..)
        .filter(|(amount, _)| *amount > input_now)
        .collect();
    order.sort_unstable();
    let uneconomic = amounts.len().saturating_sub(order.len());
    order.truncate(most);
    let inputs = u64::try_from(order.len()).ok()?;
    let weight = weights.input.checked_mul(inputs)?;
    let cost_now = now.fee_wu(weights.base.checked_add(weight)?)?;
    let cost_later = later.fee_wu(weight)?;
    let joined_later = later.fee_wu(weights.input)?;
    let saving = cost_later
        .checked_sub(cost_now)?
        .checked_sub(joined_later)?;
    (order.len() > 1 && saving > Amount::ZERO).then(|| Consolidation {
        coins: order.into_iter().map(|(_, place)| place).collect(),
        uneconomic,
        cost_now,
        cost_later,
        saving,
    })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "figures of tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEIGHTS: Weights = Weights {
        base: Weight::from_wu(200),
        input: Weight::from_wu(400),
    };

    fn kwu(feerate: u64) -> FeeRate {
        FeeRate::from_sat_per_kwu(feerate)
    }

    fn plan(amounts: &[u64], now: u64, later: u64, most: usize) -> Option<Consolidation> {
        let amounts: Vec<Amount> = amounts.iter().copied().map(Amount::from_sat).collect();
        consolidate(&amounts, WEIGHTS, (kwu(now), kwu(later)), most)
    }

    #[test]
    fn joining_saves_all_later_inputs_but_one_less_what_it_costs_now() {
        let plan = plan(&[50_000, 9_000, 70_000], 250, 2_500, 10).expect("saves");
        assert_eq!(plan.coins, [1, 0, 2], "the smallest first");
        assert_eq!(plan.cost_now, Amount::from_sat(350));
        assert_eq!(plan.cost_later, Amount::from_sat(3_000));
        assert_eq!(plan.saving, Amount::from_sat(3_000 - 350 - 1_000));
    }

    #[test]
    fn a_coin_that_costs_more_than_it_is_worth_is_left_out() {
        // An input costs 100 sat now.
        let plan = plan(&[100, 101, 50_000, 60], 250, 2_500, 10).expect("saves");
        assert_eq!((plan.coins, plan.uneconomic), (vec![1, 2], 2));
    }

    #[test]
    fn nothing_is_planned_that_does_not_save() {
        assert_eq!(plan(&[50_000, 60_000], 2_500, 2_500, 10), None);
        assert_eq!(plan(&[50_000], 250, 2_500, 10), None);
        assert_eq!(plan(&[], 250, 2_500, 10), None);
        assert_eq!(plan(&[50_000, 60_000, 70_000], 250, 2_500, 1), None);
    }

    proptest! {
        #[test]
        fn what_is_planned_saves_and_joins_no_uneconomic_coin(
            amounts in prop::collection::vec(1..200_000_u64, 0..40),
            now in 1..5_000_u64,
            later in 1..5_000_u64,
            most in 1..30_usize,
        ) {
            if let Some(found) = plan(&amounts, now, later, most) {
                prop_assert!(found.saving > Amount::ZERO && found.coins.len() <= most);
                let costs = kwu(now).fee_wu(WEIGHTS.input).expect("is small").to_sat();
                for place in &found.coins {
                    prop_assert!(amounts[*place] > costs);
                }
                let with_it = found.cost_now + kwu(later).fee_wu(WEIGHTS.input).expect("is small");
                prop_assert_eq!(found.cost_later, with_it + found.saving);
            }
        }
    }
}
