//! A bounded search for a set of coins that needs no change.
//!
//! Branch and bound over the coins sorted by value: a branch is left when it holds too much
//! already, when the largest coins that remain cannot pay, or when equal coins would repeat it.
//! It looks at no more than [`ROUNDS`] sets, so its time does not depend on the number of coins.

use super::{Proposal, Search, cost::Cost};

/// How many steps the search takes at most: about a millisecond.
pub(super) const ROUNDS: u32 = 20_000;

/// What the search found, and in how many steps.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) found: Option<Proposal>,
    /// How many steps were taken, [`ROUNDS`] at most.
    pub(super) rounds: u32,
}

/// Looks for the least wasteful set of `values`, sorted from large to small, that needs no change.
pub(super) fn find_exact(values: &[u64], cost: &Cost) -> Outcome {
    let mut outcome = Outcome {
        found: None,
        rounds: 0,
    };
    let Some(mut walk) = Walk::new(values) else {
        return outcome;
    };
    while outcome.rounds < ROUNDS {
        outcome.rounds = outcome.rounds.saturating_add(1);
        if walk.can_go_deeper(cost) {
            walk.take();
            if let Some(settled) = cost.settle_exactly(walk.chosen.len(), walk.sum) {
                let is_better = outcome
                    .found
                    .as_ref()
                    .is_none_or(|best| settled.waste < best.settled.waste);
                if is_better {
                    outcome.found = Some(Proposal {
                        chosen: walk.chosen.clone(),
                        settled,
                        found_by: Search::Exact,
                    });
                }
            }
        } else if !walk.go_back() {
            break;
        }
    }
    outcome
}

/// A position in the tree of all sets.
struct Walk<'a> {
    values: &'a [u64],
    /// `sums[i]` is the sum of the first `i` values.
    sums: Vec<u64>,
    chosen: Vec<usize>,
    sum: u64,
    /// The next position to take or to leave out.
    next: usize,
}

impl<'a> Walk<'a> {
    fn new(values: &'a [u64]) -> Option<Self> {
        let mut sums = Vec::with_capacity(values.len().checked_add(1)?);
        let mut sum = 0_u64;
        sums.push(sum);
        for value in values {
            sum = sum.checked_add(*value)?;
            sums.push(sum);
        }
        Some(Self {
            values,
            sums,
            chosen: Vec::new(),
            sum: 0,
            next: 0,
        })
    }

    /// Moves `next` to the first coin that does not overshoot; says whether taking it can lead anywhere.
    fn can_go_deeper(&mut self, cost: &Cost) -> bool {
        self.deepen(cost).unwrap_or(false)
    }

    fn deepen(&mut self, cost: &Cost) -> Option<bool> {
        let inputs = self.chosen.len().checked_add(1)?;
        if inputs > cost.max_inputs() {
            return Some(false);
        }
        // Each further coin pays more than its own input, so what overshoots now overshoots for ever.
        let Some(room) = cost.most_without_change(inputs)?.checked_sub(self.sum) else {
            return Some(false);
        };
        let rest = self.values.get(self.next..)?;
        self.next = self
            .next
            .checked_add(rest.partition_point(|value| *value > room))?;
        let more = cost
            .max_inputs()
            .checked_sub(self.chosen.len())?
            .min(self.values.len().checked_sub(self.next)?);
        if more == 0 {
            return Some(false);
        }
        let reach = self
            .sums
            .get(self.next.checked_add(more)?)?
            .checked_sub(*self.sums.get(self.next)?)?;
        Some(self.sum.checked_add(reach)? >= cost.least(self.chosen.len().checked_add(more)?)?)
    }

    fn take(&mut self) {
        let Some(value) = self.values.get(self.next) else {
            return;
        };
        self.chosen.push(self.next);
        self.sum = self.sum.saturating_add(*value);
        self.next = self.next.saturating_add(1);
    }

    /// Gives the last coin back and goes on behind it and its equals; false when nothing is left.
    fn go_back(&mut self) -> bool {
        let Some(last) = self.chosen.pop() else {
            return false;
        };
        let Some((value, rest)) = self.values.get(last..).and_then(<[u64]>::split_first) else {
            return false;
        };
        self.sum = self.sum.saturating_sub(*value);
        let equals = rest.partition_point(|other| other == value);
        self.next = last.saturating_add(1).saturating_add(equals);
        true
    }
}
