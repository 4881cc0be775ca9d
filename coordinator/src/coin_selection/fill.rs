//! Two searches that fill up until everything is paid: coins drawn at random, and the largest first.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Draw, Proposal, Search, cost::Cost};

/// Takes the largest of `values`, sorted from large to small, until they settle.
pub(super) fn largest_first(values: &[u64], cost: &Cost) -> Option<Proposal> {
    let mut sum = 0_u64;
    for (position, value) in values.iter().enumerate().take(cost.max_inputs()) {
        sum = sum.checked_add(*value)?;
        let inputs = position.checked_add(1)?;
        if let Some(settled) = cost.settle(inputs, sum) {
            return Some(Proposal {
                chosen: (0..inputs).collect(),
                settled,
                found_by: Search::LargestFirst,
            });
        }
    }
    None
}

/// Takes coins in an order drawn by `seed` until they settle; beyond the most inputs the smallest is given back.
pub(super) fn draw(values: &[u64], cost: &Cost, seed: [u8; 32]) -> Option<Proposal> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    Draw::new("coin selection", seed).shuffle(&mut order);
    let mut chosen: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut sum = 0_u64;
    for position in order {
        let value = *values.get(position)?;
        chosen.push(Reverse((value, position)));
        sum = sum.checked_add(value)?;
        if chosen.len() > cost.max_inputs() {
            let Reverse((smallest, _)) = chosen.pop()?;
            sum = sum.checked_sub(smallest)?;
        }
        if let Some(settled) = cost.settle(chosen.len(), sum) {
            let chosen = chosen
                .into_iter()
                .map(|Reverse((_, position))| position)
                .collect();
            return Some(Proposal {
                chosen,
                settled,
                found_by: Search::RandomDraw,
            });
        }
    }
    None
}
