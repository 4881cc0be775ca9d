//! Whose loss freezes coins and whose theft takes them, by the age of the coins.
//!
//! Invariant: the sets are exact and minimal. Where there are more than can be listed in bounded
//! time, none are given, never some.

use std::collections::BTreeSet;

use serde::Serialize;

use super::holders::Holders;
use crate::descriptor::{Effort, VaultDescriptor, minimal};

/// The minimal sets of holders, by name, who freeze or take coins of an age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// Blocks that the coins are old; none for any coin, also the newest.
    pub older: Option<u16>,
    /// If every key of one of these sets is lost, nobody can spend; none if too many to list.
    pub loss: Option<Vec<Vec<String>>>,
    /// Whoever has every key of one of these sets can spend; none if too many to list.
    pub theft: Option<Vec<Vec<String>>>,
    /// Of the thefts those that only this age made possible: on them the coins rest from here on.
    pub newly: Option<Vec<Vec<String>>>,
}

/// The exposure now and after each timelock.
pub(super) fn exposures(descriptor: &VaultDescriptor, holders: &Holders) -> Vec<Exposure> {
    let mut effort = Effort::new();
    let mut ages: Vec<u16> = descriptor
        .paths()
        .iter()
        .filter_map(|path| path.older)
        .collect();
    ages.sort_unstable();
    ages.dedup();
    let mut found = Vec::new();
    let mut before: Option<Vec<BTreeSet<usize>>> = Some(Vec::new());
    for older in std::iter::once(None).chain(ages.into_iter().map(Some)) {
        let age = older.unwrap_or(0);
        let able = descriptor
            .paths()
            .iter()
            .filter(|path| path.older.unwrap_or(0) <= age)
            .map(|path| path.keys.iter().map(|key| holders.of_key(*key)).collect());
        let theft = minimal(able, &mut effort).ok();
        let loss = descriptor
            .blocking_sets(age, &|key| holders.of_key(key), &mut effort)
            .ok();
        let newly = match (&before, &theft) {
            (Some(before), Some(theft)) => Some(
                theft
                    .iter()
                    .filter(|set| !before.contains(set))
                    .cloned()
                    .collect::<Vec<_>>(),
            ),
            (None, _) | (_, None) => None,
        };
        let named =
            |sets: &Option<Vec<BTreeSet<usize>>>| sets.as_ref().map(|sets| holders.names(sets));
        found.push(Exposure {
            older,
            loss: named(&loss),
            theft: named(&theft),
            newly: named(&newly),
        });
        before = theft;
    }
    found
}
