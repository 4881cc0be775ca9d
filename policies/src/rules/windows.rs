//! Rolling windows: how much each rule granted, and when.
//!
//! Pure bookkeeping over moments that the caller gives: a journal counts by its own clock what it
//! signed, a coordinator what it reserved. Invariant: an intent is counted once, whatever pays it, and a
//! sum over a window costs a binary search.

use std::collections::{HashMap, HashSet};

use bitcoin::Amount;

use super::{Allowance, Freed};
use crate::document::{Rule, Window};
use crate::ids::IntentHash;
use crate::time::UnixTime;

/// What was counted under each rule, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    counted: HashSet<IntentHash>,
    rules: HashMap<String, Vec<Counted>>,
}

/// One intent's amount, in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    at: UnixTime,
    amount: Amount,
    /// The sum of all amounts before this one. A `u128` holds more sums of money than memory does.
    before: u128,
}

impl Windows {
    /// Nothing counted.
    pub fn none() -> Self {
        Self::default()
    }

    /// Counts an intent's amount under a rule; one that was counted before is not counted again.
    pub fn count(&mut self, rule: &str, intent: IntentHash, amount: Amount, at: UnixTime) {
        if !self.counted.insert(intent) {
            return;
        }
        let list = self.rules.entry(rule.to_owned()).or_default();
        // Almost always the end: time runs forwards.
        let place = list.partition_point(|one| one.at <= at);
        let before = sum_before(list, place);
        list.insert(place, Counted { at, amount, before });
        let later = list.iter_mut().skip(place.saturating_add(1));
        for one in later {
            one.before = one.before.saturating_add(u128::from(amount.to_sat()));
        }
    }

    /// Whether an intent was counted, under whatever rule.
    pub fn counted(&self, intent: &IntentHash) -> bool {
        self.counted.contains(intent)
    }

    /// The sum of what was counted under a rule after `since`, at most all the money there can be.
    #[must_use]
    pub fn spent(&self, rule: &str, since: UnixTime) -> Amount {
        let Some(list) = self.rules.get(rule) else {
            return Amount::ZERO;
        };
        let place = list.partition_point(|one| one.at <= since);
        let sum = sum_before(list, list.len()).saturating_sub(sum_before(list, place));
        let sum = Amount::from_sat(u64::try_from(sum).unwrap_or(u64::MAX));
        sum.min(Amount::MAX_MONEY)
    }

    /// What a rule's window has left, and when more of it is free again: what every decision asks. What was
    /// counted under names that no rule of the policy has any more counts in every window: a version that
    /// renames a rule must not open its window anew.
    #[must_use]
    pub fn allowance(
        &self,
        rules: &[Rule],
        rule: &str,
        window: Window,
        now: UnixTime,
    ) -> Allowance {
        let since = now.saturating_sub(window.per);
        let gone = |name: &&String| !rules.iter().any(|known| known.name == **name);
        let gone = self.rules.keys().filter(gone).map(String::as_str);
        let names: Vec<&str> = gone.filter(|name| *name != rule).chain([rule]).collect();
        let spent_after = |moment| {
            let amounts = names.iter().map(|name| self.spent(name, moment));
            let added = |sum: Amount, amount| sum.checked_add(amount).unwrap_or(Amount::MAX_MONEY);
            amounts.fold(Amount::ZERO, added).min(Amount::MAX_MONEY)
        };
        let spent = spent_after(since);
        let first = names
            .iter()
            .filter_map(|name| self.first_after(name, since));
        let next = first.min().map(|at| Freed {
            at: at.saturating_add(window.per),
            amount: spent.checked_sub(spent_after(at)).unwrap_or(Amount::ZERO),
        });
        Allowance {
            spent,
            most: window.amount,
            per: window.per,
            next,
        }
    }

    fn first_after(&self, rule: &str, since: UnixTime) -> Option<UnixTime> {
        let list = self.rules.get(rule)?;
        let place = list.partition_point(|one| one.at <= since);
        list.get(place).map(|first| first.at)
    }
}

/// The sum of the first `place` amounts.
fn sum_before(list: &[Counted], place: usize) -> u128 {
    let last = place.checked_sub(1).and_then(|last| list.get(last));
    last.map_or(0, |last| {
        last.before.saturating_add(u128::from(last.amount.to_sat()))
    })
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
