//! Whose voids are still enough to drop an attempt.

use std::collections::BTreeSet;

use policies::document::Policy;

use super::voided;

/// The most sets of signers that are tried before any that is enough, if not the smallest, is named.
const MOST_TRIED: usize = 2_000;

/// The smallest sets of those who may still void it that are enough, together with those whose voids count.
pub(super) fn still_needed(
    (made_under, recovers): (&Policy, bool),
    counting: &BTreeSet<String>,
    may: &[String],
) -> Vec<Vec<String>> {
    let enough = |more: &[&String]| {
        let all = counting.iter().chain(more.iter().copied()).cloned();
        voided(made_under, &all.collect(), recovers)
    };
    let mut least: Vec<&String> = may.iter().collect();
    if enough(&[]) || !enough(&least) {
        return Vec::new();
    }
    // Each set is its signers' places, in ascending order; the next ones have one signer more.
    let mut sets: Vec<Vec<usize>> = (0..may.len()).map(|place| vec![place]).collect();
    let mut tried = 0_usize;
    while !sets.is_empty() {
        tried = tried.saturating_add(sets.len());
        if tried > MOST_TRIED {
            break;
        }
        let names = |set: &Vec<usize>| -> Vec<&String> {
            set.iter().filter_map(|place| may.get(*place)).collect()
        };
        let found: Vec<Vec<String>> = (sets.iter().map(names))
            .filter(|set| enough(set))
            .map(|set| set.into_iter().cloned().collect())
            .collect();
        if !found.is_empty() {
            return found;
        }
        let longer = |set: &Vec<usize>| {
            let after = set.last().map_or(0, |last| last.saturating_add(1));
            let set = set.clone();
            (after..may.len()).map(move |next| [set.as_slice(), &[next]].concat())
        };
        sets = sets.iter().flat_map(longer).collect();
    }
    for name in may {
        let without: Vec<&String> = (least.iter().copied())
            .filter(|kept| *kept != name)
            .collect();
        if enough(&without) {
            least = without;
        }
    }
    vec![least.into_iter().cloned().collect()]
}
