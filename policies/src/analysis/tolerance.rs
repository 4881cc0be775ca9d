//! Double-payment tolerance: how many dishonest persons two ordinary sets always outnumber.

use std::collections::BTreeSet;

/// The largest f such that every two sets share more than f persons (k-of-n: 2k−n−1); −1 when two
/// sets share nobody. Two keys of one person are one, for whoever turns one turns both.
pub fn double_payment_tolerance(sets: &[BTreeSet<String>]) -> i32 {
    let mut least = usize::MAX;
    for (position, a) in sets.iter().enumerate() {
        for b in &sets[position..] {
            least = least.min(a.intersection(b).count());
            if least == 0 {
                return -1;
            }
        }
    }
    if least == usize::MAX {
        return -1;
    }
    i32::try_from(least).map_or(i32::MAX, |shared| shared.saturating_sub(1))
}
