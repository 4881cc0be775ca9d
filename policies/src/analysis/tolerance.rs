//! Double-payment tolerance: how many dishonest holders two ordinary sets always outnumber.

use std::collections::BTreeSet;

/// The largest f such that every two sets of keys share more than f holders (k-of-n: 2k−n−1); −1
/// when two sets share no key.
///
/// What two sets share are *keys*, for each key has a journal of its own and only a journal that is
/// asked twice notices: two keys of one person in two sets stop nothing. Of the shared keys, those
/// of one holder count once, for whoever turns one turns all.
pub(crate) fn double_payment_tolerance(
    sets: &[&[usize]],
    holder_of: &impl Fn(usize) -> usize,
) -> i32 {
    let keys = sets
        .iter()
        .flat_map(|set| set.iter())
        .max()
        .map_or(0, |last| last + 1);
    // One bit a key, so that thousands of sets are compared quickly.
    let masks: Vec<Vec<u128>> = sets
        .iter()
        .map(|set| {
            let mut mask = vec![0_u128; keys.div_ceil(128)];
            for key in *set {
                mask[key / 128] |= 1 << (key % 128);
            }
            mask
        })
        .collect();
    let mut least = None;
    for (position, a) in masks.iter().enumerate() {
        for b in &masks[position..] {
            let shared = || a.iter().zip(b).map(|(a, b)| a & b);
            if shared().all(|word| word == 0) {
                return -1;
            }
            // Less than one holder cannot be shared by sets that share a key.
            if least != Some(1) {
                let holders = holders(shared(), holder_of);
                least = Some(least.map_or(holders, |least: usize| least.min(holders)));
            }
        }
    }
    least.map_or(-1, |shared| {
        i32::try_from(shared).map_or(i32::MAX, |shared| shared.saturating_sub(1))
    })
}

/// The distinct holders of the keys in a mask.
fn holders(mask: impl Iterator<Item = u128>, holder_of: &impl Fn(usize) -> usize) -> usize {
    let mut found = BTreeSet::new();
    for (position, mut word) in mask.enumerate() {
        while word != 0 {
            let bit = word.trailing_zeros() as usize;
            found.insert(holder_of(position * 128 + bit));
            word &= word - 1;
        }
    }
    found.len()
}
