//! Coins for a transaction whose one output takes all that they hold, less the fee: sweeps, spends to
//! ourselves, recoveries. Invariant: inputs = output + fee, and the output is within its bounds.

use std::collections::BTreeMap;

use bitcoin::{Amount, FeeRate, OutPoint, Weight};

use super::cost::lone_weight;
use super::{Bounds, Candidate, SelectionError};
use crate::fee_bump::Replacement;

/// What the one output costs and may be.
#[derive(Debug, Clone, Copy)]
pub struct LoneOutput<'a> {
    /// The weight of one input with its heaviest satisfaction.
    pub input_weight: Weight,
    /// The weight of the output.
    pub output_weight: Weight,
    /// The feerate to pay.
    pub feerate: FeeRate,
    /// The least that the output may be.
    pub least: Amount,
    /// The most that the output may be.
    pub most: Amount,
    /// The bounds of the policy.
    pub bounds: Bounds,
    /// How many of the coins given, from the first on, must be taken.
    pub required: usize,
    /// What the transaction takes the place of, and must pay for.
    pub replacing: Option<&'a Replacement>,
    /// The bytes that there are for inputs.
    pub room: InputRoom<'a>,
}

/// The bytes that a PSBT has for inputs, and what each coin takes of them.
#[derive(Debug, Clone, Copy)]
pub struct InputRoom<'a> {
    /// All of them.
    pub bytes: usize,
    /// By coin; one that is not in it takes none.
    pub taken: &'a BTreeMap<OutPoint, usize>,
}

/// Which of the coins given are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All of them.
    Every,
    /// Those that fit, in the order given: a coin that does not pay for itself, for whose bytes there is no
    /// room left, or that would take the output or the fee above its bound, is left.
    Fitting,
}

/// The coins gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Gathered {
    /// The coins, in the order given.
    pub inputs: Vec<Candidate>,
    /// What the output takes.
    pub amount: Amount,
    /// The fee.
    pub fee: Amount,
    /// The weight of the whole transaction with the heaviest satisfactions.
    pub weight: Weight,
}

/// Gathers coins for one output.
///
/// Room is taken by what is gathered alone: a coin that is left takes none from those behind it.
///
/// # Errors
/// Why they cannot be spent together within the bounds.
pub fn gather(
    coins: &[Candidate],
    output: &LoneOutput<'_>,
    take: Take,
) -> Result<Gathered, SelectionError> {
    let cap = output.bounds.feerate_max;
    if output.feerate > cap {
        return Err(SelectionError::FeerateAboveCap {
            feerate: output.feerate,
            cap,
        });
    }
    let overflow = SelectionError::Overflow;
    let mut taken: Vec<Candidate> = Vec::new();
    let mut left = output.room.bytes;
    let mut heavy = 0_usize;
    let mut sum = Amount::ZERO;
    let mut price = output.price(0).ok_or(overflow.clone())?;
    for coin in coins {
        let more = sum.checked_add(coin.txout.value).ok_or(overflow.clone())?;
        let count = taken.len().checked_add(1).ok_or(overflow.clone())?;
        let next = output.price(count).ok_or(overflow.clone())?;
        let bytes = output.room.taken.get(&coin.outpoint);
        let after = left.checked_sub(bytes.copied().unwrap_or(0));
        if take == Take::Fitting && taken.len() >= output.required {
            if taken.len() >= output.bounds.max_inputs || next.fee > output.bounds.fee_max {
                break;
            }
            let pays_for_itself = next
                .fee
                .checked_sub(price.fee)
                .is_some_and(|added| coin.txout.value > added);
            let fits = more
                .checked_sub(next.fee)
                .is_none_or(|amount| amount <= output.most);
            if !(pays_for_itself && fits && after.is_some()) {
                continue;
            }
        }
        if after.is_none() {
            heavy = heavy.saturating_add(1);
        }
        left = after.unwrap_or(left);
        taken.push(coin.clone());
        (sum, price) = (more, next);
    }
    if heavy > 0 {
        return Err(SelectionError::TooHeavy { coins: heavy });
    }
    output.settle(taken, sum, price)
}

/// What a number of inputs costs.
#[derive(Debug, Clone, Copy)]
struct Price {
    weight: Weight,
    fee: Amount,
    /// The most that the policy's feerate allows.
    most: Amount,
}

impl LoneOutput<'_> {
    fn price(&self, inputs: usize) -> Option<Price> {
        let weight = lone_weight(
            u64::try_from(inputs).ok()?,
            self.input_weight,
            self.output_weight,
        )?;
        // Rounded up, but never above what the cap allows for this weight.
        let most = self
            .bounds
            .feerate_max
            .to_sat_per_kwu()
            .checked_mul(weight.to_wu())?
            .checked_div(1000)?;
        let most = Amount::from_sat(most);
        let replacing = self.replacing.map(|replacement| replacement.least(weight));
        let least = replacing.map_or(Some(Amount::ZERO), |least| least)?;
        Some(Price {
            weight,
            fee: self.feerate.fee_wu(weight)?.min(most).max(least),
            most,
        })
    }

    fn settle(
        &self,
        inputs: Vec<Candidate>,
        sum: Amount,
        Price { weight, fee, most }: Price,
    ) -> Result<Gathered, SelectionError> {
        let needed = self
            .least
            .checked_add(fee)
            .ok_or(SelectionError::Overflow)?;
        if inputs.len() > self.bounds.max_inputs {
            return Err(SelectionError::TooFragmented {
                max_inputs: self.bounds.max_inputs,
                reachable: sum,
                needed,
            });
        }
        let cap = self.bounds.fee_max.min(most);
        if fee > cap {
            return Err(SelectionError::FeeAboveCap { fee, cap });
        }
        let amount = sum
            .checked_sub(fee)
            .filter(|amount| !inputs.is_empty() && *amount >= self.least)
            .ok_or(SelectionError::Shortfall {
                available: sum,
                needed,
            })?;
        if amount > self.most {
            return Err(SelectionError::AboveMost {
                amount,
                most: self.most,
            });
        }
        Ok(Gathered {
            inputs,
            amount,
            fee,
            weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;
    use bitcoin::{OutPoint, ScriptBuf, TxOut, Txid};
    use policies::ids::Keychain;
    use proptest::prelude::*;

    use super::*;

    fn coins(values: &[u64]) -> Vec<Candidate> {
        (0_u32..)
            .zip(values)
            .map(|(index, value)| Candidate {
                outpoint: OutPoint {
                    txid: Txid::from_byte_array([7; 32]),
                    vout: index,
                },
                txout: TxOut {
                    value: Amount::from_sat(*value),
                    script_pubkey: ScriptBuf::new(),
                },
                keychain: Keychain::External,
                index,
                height: 100,
                frozen: false,
            })
            .collect()
    }

    fn output(least: u64, most: u64) -> LoneOutput<'static> {
        LoneOutput {
            input_weight: Weight::from_wu(416),
            output_weight: Weight::from_wu(172),
            feerate: FeeRate::from_sat_per_vb_u32(4),
            least: Amount::from_sat(least),
            most: Amount::from_sat(most),
            bounds: Bounds {
                max_inputs: 5,
                fee_max: Amount::from_sat(10_000),
                feerate_max: FeeRate::from_sat_per_vb_u32(200),
            },
            required: 0,
            replacing: None,
            room: InputRoom {
                bytes: usize::MAX,
                taken: &EMPTY,
            },
        }
    }

    static EMPTY: BTreeMap<OutPoint, usize> = BTreeMap::new();

    #[test]
    fn every_coin_named_is_spent_or_the_reason_is_named() {
        let named = coins(&[50_000, 300, 60_000]);
        let all = gather(&named, &output(1_000, u64::MAX), Take::Every).expect("fit");
        assert_eq!(all.inputs, named);
        assert_eq!(all.amount.to_sat() + all.fee.to_sat(), 110_300);
        let too_many = coins(&[50_000; 6]);
        assert!(matches!(
            gather(&too_many, &output(1_000, u64::MAX), Take::Every),
            Err(SelectionError::TooFragmented { max_inputs: 5, .. })
        ));
        assert!(matches!(
            gather(&named, &output(1_000, 100_000), Take::Every),
            Err(SelectionError::AboveMost { .. })
        ));
        assert!(matches!(
            gather(&[], &output(1_000, u64::MAX), Take::Every),
            Err(SelectionError::Shortfall { .. })
        ));
    }

    #[test]
    fn coins_that_cost_more_than_they_bring_are_left() {
        let some = gather(
            &coins(&[50_000, 400, 60_000]),
            &output(1_000, u64::MAX),
            Take::Fitting,
        )
        .expect("fit");
        assert_eq!(some.inputs.len(), 2, "an input costs 416 sat");
    }

    #[test]
    fn only_what_is_gathered_takes_room() {
        let given = coins(&[300, 60_000, 70_000, 80_000]);
        let taken = [1_000, 1_000, 400, 600];
        let taken: BTreeMap<OutPoint, usize> =
            given.iter().map(|coin| coin.outpoint).zip(taken).collect();
        let mut bounded = output(1_000, u64::MAX);
        bounded.room = InputRoom {
            bytes: 1_000,
            taken: &taken,
        };
        let values = |found: Gathered| -> Vec<u64> {
            let inputs = found.inputs.iter();
            inputs.map(|coin| coin.txout.value.to_sat()).collect()
        };
        let some = gather(&given, &bounded, Take::Fitting).expect("the second fits");
        assert_eq!(values(some), [60_000], "the first does not pay for itself");
        let behind = given.get(2..).expect("two");
        let both = gather(behind, &bounded, Take::Fitting).expect("both fit");
        assert_eq!(values(both), [70_000, 80_000]);
        let every = gather(&given, &bounded, Take::Every);
        assert_eq!(every, Err(SelectionError::TooHeavy { coins: 3 }));
        bounded.required = 2;
        let required = gather(&given, &bounded, Take::Fitting);
        assert_eq!(required, Err(SelectionError::TooHeavy { coins: 1 }));
    }

    #[test]
    fn a_feerate_at_the_cap_is_not_rounded_above_it() {
        let mut at_cap = output(1_000, u64::MAX);
        at_cap.feerate = FeeRate::from_sat_per_kwu(333);
        at_cap.bounds.feerate_max = at_cap.feerate;
        for count in 1..5 {
            let fit = gather(&coins(&vec![50_000; count]), &at_cap, Take::Every).expect("fit");
            let reviewed = (fit.fee.to_sat() * 1000).div_ceil(fit.weight.to_wu());
            assert!(reviewed <= 333, "{reviewed}");
        }
    }

    proptest! {
        #[test]
        fn the_output_takes_all_that_the_fee_leaves_and_stays_within_its_bounds(
            values in proptest::collection::vec(1_u64..200_000, 0..12),
            least in 1_u64..200_000,
            more in 0_u64..400_000,
            every in any::<bool>(),
        ) {
            let target = output(least, least.saturating_add(more));
            let take = if every { Take::Every } else { Take::Fitting };
            if let Ok(found) = gather(&coins(&values), &target, take) {
                let sum: u64 = found.inputs.iter().map(|coin| coin.txout.value.to_sat()).sum();
                prop_assert_eq!(sum, found.amount.to_sat().saturating_add(found.fee.to_sat()));
                prop_assert!(found.amount >= target.least && found.amount <= target.most);
                prop_assert!(found.inputs.len() <= 5 && found.fee <= target.bounds.fee_max);
            }
        }
    }
}
