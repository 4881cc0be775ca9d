//! What a journal leaves of the budgets of its policy, counted as signing counts it.

use bitcoin::Amount;

use super::entry::SpendMode;
use super::history::History;
use crate::document::{FeeBudget, SelfSpendBudget};
use crate::rules::{Allowance, Freed};
use crate::time::UnixTime;

/// How far the budget of spends to ourselves is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfSpendAllowance {
    /// Their fees; what is free again next is free for fees and number alike.
    pub fees: Allowance,
    /// How many count.
    pub count: u32,
    /// How many may count.
    pub most: u32,
}

impl SelfSpendAllowance {
    /// How many more nobody needs to approve.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.most.saturating_sub(self.count)
    }
}

impl History {
    /// What the fee budget has left for a transaction that excludes nothing signed before.
    #[must_use]
    pub fn fee_allowance(&self, budget: FeeBudget, now: UnixTime) -> Allowance {
        let since = now.saturating_sub(budget.window);
        let spent = self.fees_since(since);
        let leaves = |at| {
            let left = self.fees_since(at);
            let amount = spent.checked_sub(left).filter(|sum| *sum > Amount::ZERO)?;
            let at = freed_at(at, budget.window);
            Some(Freed { at, amount })
        };
        let mut times: Vec<UnixTime> = self.times_after(since, None).collect();
        times.dedup();
        Allowance {
            spent,
            most: budget.amount,
            per: budget.window,
            next: times.into_iter().find_map(leaves),
        }
    }

    /// What the budget of spends to ourselves has left.
    #[must_use]
    pub fn self_spend_allowance(
        &self,
        budget: SelfSpendBudget,
        now: UnixTime,
    ) -> SelfSpendAllowance {
        let since = now.saturating_sub(budget.window);
        let (spent, count) = self.self_spends_in_window(since);
        let first = self.times_after(since, Some(SpendMode::SelfSpend)).next();
        let next = first.map(|at| {
            let (left, _) = self.self_spends_in_window(at);
            Freed {
                at: freed_at(at, budget.window),
                amount: spent.checked_sub(left).unwrap_or(Amount::ZERO),
            }
        });
        SelfSpendAllowance {
            fees: Allowance {
                spent,
                most: budget.amount,
                per: budget.window,
                next,
            },
            count,
            most: budget.count,
        }
    }
}

/// What counts after `now - window` counts no more once that is its own moment.
const fn freed_at(at: UnixTime, window: u64) -> UnixTime {
    at.saturating_add(window)
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
