//! What a number of inputs costs, in exact integers, computed once for every possible number.

use bitcoin::{Amount, Weight, consensus::encode::VarInt};

use super::{MAX_INPUTS, Proposal, Search, SelectionError, Target};

/// Version and locktime: four bytes each, four weight units a byte.
const FIXED_WEIGHT: u64 = 32;
/// Segwit marker and flag.
const SEGWIT_WEIGHT: u64 = 2;
/// The most that one more input can add through the length of the input count (1 → 3 bytes).
const COUNT_GROWTH: u64 = 8;

/// The weight of a transaction with some inputs and one output.
pub(super) fn lone_weight(inputs: u64, input: Weight, output: Weight) -> Option<Weight> {
    let counts = VarInt(inputs).size().checked_add(VarInt(1).size())?;
    Weight::from_wu(FIXED_WEIGHT)
        .checked_add(Weight::from_wu(SEGWIT_WEIGHT))?
        .checked_add(Weight::from_non_witness_data_size(
            u64::try_from(counts).ok()?,
        ))?
        .checked_add(output)?
        .checked_add(input.checked_mul(inputs)?)
}

/// The price list of one choice.
#[derive(Debug)]
pub(super) struct Cost {
    payments: u64,
    prices: Vec<Price>,
    change_min: u64,
    /// Above this, giving the rest away costs more than making and spending change.
    tolerance: u64,
    worth: u64,
    /// How many coins must be spent: every number of inputs below is of the free ones.
    required: usize,
    required_sum: u64,
}

/// What a transaction of some number of inputs costs.
#[derive(Debug, Clone, Copy)]
struct Price {
    weight: Weight,
    fee: u64,
    fee_max: u64,
    weight_with_change: Weight,
    fee_with_change: u64,
    fee_max_with_change: u64,
    /// Thousandths of a satoshi, without change.
    waste: i128,
    /// Thousandths of a satoshi, change included.
    waste_with_change: i128,
}

/// How a set of coins settles: with or without change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) change: Option<Amount>,
    pub(super) fee: Amount,
    pub(super) weight: Weight,
    pub(super) waste: i128,
}

impl Cost {
    /// Prices every number of inputs up to the bound, or to the number of `coins`.
    pub(super) fn new(target: &Target<'_>, coins: usize) -> Result<Self, SelectionError> {
        let (required, max_inputs) = (target.required.len(), target.bounds.max_inputs);
        if required > max_inputs.min(MAX_INPUTS) {
            return Err(SelectionError::TooManyRequired {
                required,
                max_inputs,
            });
        }
        Self::price_all(target, coins).ok_or(SelectionError::Overflow)
    }

    fn price_all(target: &Target<'_>, coins: usize) -> Option<Self> {
        let payments = target
            .payments
            .iter()
            .try_fold(Amount::ZERO, |sum, payment| sum.checked_add(payment.value))?;
        let outputs = target
            .payments
            .iter()
            .try_fold(Weight::ZERO, |sum, payment| {
                sum.checked_add(payment.weight())
            })?;
        let output_count = u64::try_from(target.payments.len()).ok()?;
        let required = target.required.len();
        let required_sum = (target.required.iter()).try_fold(0_u64, |sum, coin| {
            sum.checked_add(coin.txout.value.to_sat())
        })?;
        let most = coins.max(1).checked_add(required)?;
        let input_count = target.bounds.max_inputs.min(most).min(MAX_INPUTS);

        let weigh = |inputs: u64, change: bool| -> Option<Weight> {
            let output_count = output_count.checked_add(u64::from(change))?;
            let counts = VarInt(inputs)
                .size()
                .checked_add(VarInt(output_count).size())?;
            let mut weight = Weight::from_wu(FIXED_WEIGHT)
                .checked_add(Weight::from_wu(SEGWIT_WEIGHT))?
                .checked_add(Weight::from_non_witness_data_size(
                    u64::try_from(counts).ok()?,
                ))?
                .checked_add(outputs)?
                .checked_add(target.input_weight.checked_mul(inputs)?)?;
            if change {
                weight = weight.checked_add(target.change.output_weight)?;
            }
            Some(weight)
        };
        let rate_of = |weight: Weight| target.feerate.fee_wu(weight).map(Amount::to_sat);
        let fee_of = |weight: Weight| {
            let replacing = target
                .replacing
                .map(|replacement| replacement.least(weight));
            let least = replacing.map_or(Some(Amount::ZERO), |least| least)?;
            Some(rate_of(weight)?.max(least.to_sat()))
        };
        let cap_of = |weight: Weight| {
            Some(
                target
                    .bounds
                    .feerate_max
                    .fee_wu(weight)?
                    .min(target.bounds.fee_max)
                    .to_sat(),
            )
        };

        let change_now = rate_of(target.change.output_weight)?;
        let change_later = target
            .long_term_feerate
            .fee_wu(target.input_weight)?
            .to_sat();
        let tolerance = change_now.checked_add(change_later)?;
        let premium = i128::from(target.feerate.to_sat_per_kwu())
            .checked_sub(i128::from(target.long_term_feerate.to_sat_per_kwu()))?
            .checked_mul(i128::from(target.input_weight.to_wu()))?;
        let change_waste = i128::from(tolerance).checked_mul(1000)?;

        let mut prices = Vec::with_capacity(input_count.checked_add(1)?);
        for inputs in 0..=u64::try_from(input_count).ok()? {
            let weight = weigh(inputs, false)?;
            let weight_with_change = weigh(inputs, true)?;
            let waste = premium.checked_mul(i128::from(inputs))?;
            prices.push(Price {
                weight,
                fee: fee_of(weight)?,
                fee_max: cap_of(weight)?,
                weight_with_change,
                fee_with_change: fee_of(weight_with_change)?,
                fee_max_with_change: cap_of(weight_with_change)?,
                waste,
                waste_with_change: waste.checked_add(change_waste)?,
            });
        }
        // Every later sum of payments, fee and change minimum is part of this one.
        let last = prices.last()?;
        payments
            .to_sat()
            .checked_add(last.fee_with_change)?
            .checked_add(target.change.min.to_sat())?
            .checked_add(tolerance)?;
        Some(Self {
            payments: payments.to_sat(),
            change_min: target.change.min.to_sat(),
            tolerance,
            worth: rate_of(
                target
                    .input_weight
                    .checked_add(Weight::from_wu(COUNT_GROWTH))?,
            )?
            .max(dearest_input(&prices)?),
            required,
            required_sum,
            prices,
        })
    }

    /// The most free inputs that were priced.
    pub(super) fn max_inputs(&self) -> usize {
        let all = self.prices.len().saturating_sub(1);
        all.saturating_sub(self.required)
    }

    /// What the coins that must be spent hold.
    pub(super) const fn required_sum(&self) -> u64 {
        self.required_sum
    }

    /// The coins that must be spent, where they suffice.
    pub(super) fn settle_required(&self) -> Option<Proposal> {
        let settled = self.settle(0, 0).filter(|_| self.required > 0)?;
        Some(Proposal {
            chosen: Vec::new(),
            settled,
            found_by: Search::Required,
        })
    }

    /// What a transaction with `inputs` free inputs costs.
    fn price(&self, inputs: usize) -> Option<&Price> {
        self.prices.get(inputs.checked_add(self.required)?)
    }

    /// Payments and fee of `inputs` free inputs.
    fn needed(&self, inputs: usize) -> Option<u64> {
        self.payments.checked_add(self.price(inputs)?.fee)
    }

    /// Whether a coin pays for its own input: then one more input never raises what is missing.
    pub(super) fn is_worth_spending(&self, value: Amount) -> bool {
        value.to_sat() > self.worth
    }

    /// What `inputs` free inputs must hold to pay everything without change.
    pub(super) fn least(&self, inputs: usize) -> Option<u64> {
        let needed = self.needed(inputs)?;
        Some(needed.saturating_sub(self.required_sum))
    }

    /// What `inputs` free inputs may hold at most to settle without change; none if nothing.
    pub(super) fn most_without_change(&self, inputs: usize) -> Option<u64> {
        let most = self.needed(inputs)?.checked_add(self.tolerance)?;
        most.checked_sub(self.required_sum)
    }

    /// Settles `inputs` free inputs that hold `sum` without change, where little enough is left.
    pub(super) fn settle_exactly(&self, inputs: usize, sum: u64) -> Option<Settled> {
        let price = self.price(inputs)?;
        let sum = sum.checked_add(self.required_sum)?;
        let fee = sum.checked_sub(self.payments)?;
        let excess = fee.checked_sub(price.fee)?;
        let waste = price
            .waste
            .checked_add(i128::from(excess).checked_mul(1000)?)?;
        (excess <= self.tolerance && fee <= price.fee_max).then_some(Settled {
            change: None,
            fee: Amount::from_sat(fee),
            weight: price.weight,
            waste,
        })
    }

    /// Settles `inputs` free inputs that hold `sum`: without change where little enough is left, else with it.
    pub(super) fn settle(&self, inputs: usize, sum: u64) -> Option<Settled> {
        if let Some(settled) = self.settle_exactly(inputs, sum) {
            return Some(settled);
        }
        let price = self.price(inputs)?;
        let change = sum
            .checked_add(self.required_sum)?
            .checked_sub(self.payments)?
            .checked_sub(price.fee_with_change)?;
        (change >= self.change_min
            && change > 0
            && price.fee_with_change <= price.fee_max_with_change)
            .then_some(Settled {
                change: Some(Amount::from_sat(change)),
                fee: Amount::from_sat(price.fee_with_change),
                weight: price.weight_with_change,
                waste: price.waste_with_change,
            })
    }

    /// Names the reason why no set of `values`, largest first, was found.
    pub(super) fn why_not(&self, values: &[u64], target: &Target<'_>) -> SelectionError {
        self.name_reason(values, target)
            .unwrap_or(SelectionError::Overflow)
    }

    fn name_reason(&self, values: &[u64], target: &Target<'_>) -> Option<SelectionError> {
        let reach = self.max_inputs().min(values.len());
        let mut sum = self.required_sum;
        let mut paid_by = (self.required > 0 && sum >= self.needed(0)?).then_some(0);
        for (position, value) in values.iter().take(reach).enumerate() {
            sum = sum.checked_add(*value)?;
            let inputs = position.checked_add(1)?;
            if paid_by.is_none() && sum >= self.needed(inputs)? {
                paid_by = Some(inputs);
            }
        }
        let Some(inputs) = paid_by else {
            let fewest = usize::from(self.required == 0);
            let needed = Amount::from_sat(self.needed(reach.max(fewest).min(self.max_inputs()))?);
            let available = values
                .iter()
                .try_fold(self.required_sum, |sum, value| sum.checked_add(*value))?;
            return Some(if available >= needed.to_sat() {
                SelectionError::TooFragmented {
                    max_inputs: reach.checked_add(self.required)?,
                    reachable: Amount::from_sat(sum),
                    needed,
                }
            } else {
                SelectionError::Shortfall {
                    available: Amount::from_sat(available),
                    needed,
                }
            });
        };
        let price = self.price(inputs)?;
        if price.fee > price.fee_max {
            return Some(SelectionError::FeeAboveCap {
                fee: Amount::from_sat(price.fee),
                cap: Amount::from_sat(price.fee_max),
            });
        }
        let all = self.price(reach)?;
        let left = sum
            .checked_sub(self.payments)?
            .saturating_sub(all.fee_with_change);
        if left >= self.change_min {
            // Change would be large enough with all of them, so it was the fee that forbade it.
            return Some(SelectionError::FeeAboveCap {
                fee: Amount::from_sat(all.fee_with_change),
                cap: Amount::from_sat(all.fee_max_with_change),
            });
        }
        Some(SelectionError::ChangeBelowMinimum {
            left: Amount::from_sat(left),
            min: target.change.min,
            tolerance: Amount::from_sat(self.tolerance),
        })
    }
}

/// The most that one more input adds to the fee.
fn dearest_input(prices: &[Price]) -> Option<u64> {
    let mut dearest = 0;
    for (one, next) in prices.iter().zip(prices.iter().skip(1)) {
        let bare = next.fee.checked_sub(one.fee)?;
        let with_change = next.fee_with_change.checked_sub(one.fee_with_change)?;
        dearest = bare.max(with_change).max(dearest);
    }
    Some(dearest)
}
