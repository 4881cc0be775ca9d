//! Spending paths put together for a drawing: all sets of k keys of the same n stand as "k of n" once.
//!
//! Invariant: every path is in exactly one band, and a band says nothing that its paths do not.

use std::collections::{BTreeMap, BTreeSet};

use policies::analysis::SpendingPath;

/// Who can spend from an age on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Blocks that a coin must be old; 0 for any coin.
    pub from: u16,
    /// Who, such as `alice + bob` or `2 of alice, bob, machine`.
    pub who: String,
    /// How many paths it stands for.
    pub paths: usize,
}

/// The bands of all paths, those that open first in front.
pub fn bands(paths: &[SpendingPath]) -> Vec<Band> {
    let mut by_age: BTreeMap<u16, Vec<BTreeSet<&str>>> = BTreeMap::new();
    for path in paths {
        let keys = path.keys.iter().map(String::as_str).collect();
        by_age
            .entry(path.older.unwrap_or(0))
            .or_default()
            .push(keys);
    }
    let mut found = Vec::new();
    for (from, sets) in by_age {
        if let Some(who) = threshold(&sets) {
            let paths = sets.len();
            found.push(Band { from, who, paths });
            continue;
        }
        found.extend(sets.into_iter().map(|set| Band {
            from,
            who: set.into_iter().collect::<Vec<_>>().join(" + "),
            paths: 1,
        }));
    }
    found
}

/// The words of sets that are all sets of k among the same n keys, for 1 < n and more than one set.
fn threshold(sets: &[BTreeSet<&str>]) -> Option<String> {
    let of: BTreeSet<&str> = sets.iter().flatten().copied().collect();
    let k = sets.first()?.len();
    let distinct: BTreeSet<&BTreeSet<&str>> = sets.iter().collect();
    let is_whole = sets.len() > 1
        && sets.iter().all(|set| set.len() == k)
        && distinct.len() == sets.len()
        && choose(of.len(), k) == Some(sets.len());
    let names = of.into_iter().collect::<Vec<_>>().join(", ");
    is_whole.then(|| format!("any {k} of {names}"))
}

/// n choose k; none where it cannot be counted.
fn choose(n: usize, k: usize) -> Option<usize> {
    let mut ways = 1_usize;
    for step in 0..k {
        let factor = n.checked_sub(step)?;
        ways = ways
            .checked_mul(factor)?
            .checked_div(step.checked_add(1)?)?;
    }
    Some(ways)
}

#[cfg(test)]
mod tests {
    use bitcoin::Weight;

    use super::*;

    fn path(keys: &[&str], older: Option<u16>) -> SpendingPath {
        SpendingPath {
            name: String::new(),
            keys: keys.iter().map(ToString::to_string).collect(),
            older,
            satisfaction_weight: Weight::ZERO,
            costs: Vec::new(),
            ordinary: older.is_none(),
        }
    }

    fn told(paths: &[SpendingPath]) -> Vec<(u16, String)> {
        let bands = bands(paths).into_iter();
        bands.map(|band| (band.from, band.who)).collect()
    }

    #[test]
    fn all_pairs_of_three_stand_as_two_of_three_and_a_missing_pair_does_not() {
        let pairs = [["a", "b"], ["a", "c"], ["b", "c"]];
        let mut paths: Vec<_> = pairs.iter().map(|pair| path(pair, None)).collect();
        paths.push(path(&["v"], Some(12_960)));
        assert_eq!(
            told(&paths),
            [(0, "any 2 of a, b, c".to_owned()), (12_960, "v".to_owned())]
        );
        paths.remove(1);
        assert_eq!(
            told(&paths),
            [
                (0, "a + b".to_owned()),
                (0, "b + c".to_owned()),
                (12_960, "v".to_owned())
            ]
        );
    }

    #[test]
    fn every_path_is_in_one_band() {
        let paths = [
            path(&["a"], None),
            path(&["b", "c"], None),
            path(&["b"], Some(10)),
            path(&["c"], Some(10)),
        ];
        let bands = bands(&paths);
        assert_eq!(bands.iter().map(|band| band.paths).sum::<usize>(), 4);
        assert_eq!(bands.last().expect("a band").who, "any 1 of b, c");
    }
}
