//! Double-payment tolerance: how many dishonest persons two ordinary sets always outnumber.

use std::collections::BTreeSet;

/// The largest f such that every two sets share more than f persons (k-of-n: 2k−n−1); −1 when two
/// sets share nobody. Two keys of one person are one, for whoever turns one turns both.
pub fn double_payment_tolerance(sets: &[BTreeSet<String>]) -> i32 {
    let persons: BTreeSet<&String> = sets.iter().flatten().collect();
    // One bit a person, so that thousands of sets are compared quickly.
    let masks: Vec<Vec<u128>> = sets
        .iter()
        .map(|set| {
            let mut mask = vec![0_u128; persons.len().div_ceil(128)];
            for (index, _) in persons
                .iter()
                .enumerate()
                .filter(|(_, person)| set.contains(**person))
            {
                mask[index / 128] |= 1 << (index % 128);
            }
            mask
        })
        .collect();
    let mut least = None;
    for (position, a) in masks.iter().enumerate() {
        for b in &masks[position..] {
            let shared: u32 = a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum();
            if shared == 0 {
                return -1;
            }
            least = Some(least.map_or(shared, |least: u32| least.min(shared)));
        }
    }
    least.map_or(-1, |shared| {
        i32::try_from(shared).map_or(i32::MAX, |shared| shared.saturating_sub(1))
    })
}
