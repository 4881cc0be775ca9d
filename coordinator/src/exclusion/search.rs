//! The search for a smallest set of coins that together exclude everything.
//!
//! Exact while it is small: first one coin, then every pair, and so on, always on the earlier transaction
//! that the fewest coins exclude; greedy once too many steps were taken.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::Txid;

use super::ancestry::{Ancestry, Stand};
use crate::coin_selection::Candidate;

/// How many steps the exact search takes at most: depositors and requesters decide how many coins and earlier
/// transactions there are.
const MAX_STEPS: u32 = 2_000;

/// A coin, and which earlier transactions (by position) it excludes through which of its ancestors.
#[derive(Debug, Clone)]
pub(super) struct Anchor<'a> {
    pub(super) coin: &'a Candidate,
    pub(super) excludes: BTreeMap<usize, Vec<Txid>>,
}

impl Anchor<'_> {
    /// How many transactions it needs carried.
    pub(super) fn carries(&self) -> usize {
        let carried: BTreeSet<&Txid> = self.excludes.values().flatten().collect();
        carried.len()
    }
}

/// Positions of anchors, the best first, that together exclude all of `earlier`; none where there is no such
/// set of at most `max` coins that can stand together.
pub(super) fn cover(
    anchors: &[Anchor<'_>],
    earlier: usize,
    max: usize,
    ancestry: &Ancestry<'_>,
) -> Option<Vec<usize>> {
    let mut search = Search {
        anchors,
        by_earlier: vec![Vec::new(); earlier],
        ancestry,
        steps: 0,
    };
    for (position, anchor) in anchors.iter().enumerate() {
        for excluded in anchor.excludes.keys() {
            if let Some(those) = search.by_earlier.get_mut(*excluded) {
                those.push(position);
            }
        }
    }
    let open: BTreeSet<usize> = (0..earlier).collect();
    for depth in 1..=max.min(earlier) {
        let found = search.deepen(&open, &Stand::default(), depth);
        if found.is_some() {
            return found;
        }
        if search.steps >= MAX_STEPS {
            return search.greedily(open, max);
        }
    }
    None
}

struct Search<'a> {
    anchors: &'a [Anchor<'a>],
    /// For each earlier transaction the anchors that exclude it.
    by_earlier: Vec<Vec<usize>>,
    ancestry: &'a Ancestry<'a>,
    steps: u32,
}

impl Search<'_> {
    /// A set of at most `depth` anchors that excludes all that are open.
    fn deepen(
        &mut self,
        open: &BTreeSet<usize>,
        stand: &Stand,
        depth: usize,
    ) -> Option<Vec<usize>> {
        let scarce = |one: &&usize| self.by_earlier.get(**one).map_or(0, Vec::len);
        let Some(hardest) = open.iter().min_by_key(scarce) else {
            return Some(Vec::new());
        };
        let depth = depth.checked_sub(1)?;
        for position in self.by_earlier.get(*hardest).cloned().unwrap_or_default() {
            self.steps = self.steps.saturating_add(1);
            if self.steps >= MAX_STEPS {
                return None;
            }
            let Some(anchor) = self.anchors.get(position) else {
                continue;
            };
            if !stand.takes(&anchor.coin.outpoint, self.ancestry) {
                continue;
            }
            let mut left = open.clone();
            left.retain(|one| !anchor.excludes.contains_key(one));
            if depth == 0 && !left.is_empty() {
                continue;
            }
            let mut further = stand.clone();
            further.add(anchor.coin.outpoint, self.ancestry);
            if let Some(mut found) = self.deepen(&left, &further, depth) {
                found.insert(0, position);
                return Some(found);
            }
        }
        None
    }

    /// Always the anchor that excludes the most of what is still open.
    fn greedily(&self, mut open: BTreeSet<usize>, max: usize) -> Option<Vec<usize>> {
        let mut stand = Stand::default();
        let mut chosen = Vec::new();
        while !open.is_empty() {
            let excluded = |anchor: &Anchor<'_>| {
                let those = open.iter().filter(|one| anchor.excludes.contains_key(one));
                those.count()
            };
            let mut best: Option<(usize, usize)> = None;
            for (position, anchor) in self.anchors.iter().enumerate() {
                let count = excluded(anchor);
                let better = count > best.map_or(0, |(_, most)| most);
                if better && stand.takes(&anchor.coin.outpoint, self.ancestry) {
                    best = Some((position, count));
                }
            }
            let (position, _) = best?;
            let anchor = self.anchors.get(position)?;
            if chosen.len() >= max {
                return None;
            }
            open.retain(|one| !anchor.excludes.contains_key(one));
            stand.add(anchor.coin.outpoint, self.ancestry);
            chosen.push(position);
        }
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bitcoin::Transaction;

    use super::*;
    use crate::exclusion::world::{coin, foreign, known, transaction};

    /// Coins of which each excludes two of a ring of earlier ones, `width` coins for each pair.
    fn ring(earlier: usize, width: u32) -> (Vec<Transaction>, Vec<(Candidate, [usize; 2])>) {
        let mut made = Vec::new();
        let mut coins = Vec::new();
        for one in 0..earlier {
            for number in 0..width {
                let label = u32::try_from(one).expect("few") * width + number;
                let deposit = transaction(label, &[foreign(1)], 1);
                coins.push((coin(&deposit, 0), [one, (one + 1) % earlier]));
                made.push(deposit);
            }
        }
        (made, coins)
    }

    #[test]
    fn a_search_that_would_never_end_stops_and_a_greedy_one_goes_on() {
        // All of the coins contradict one another, so that no two stand together: the exact search would try
        // every pair at every depth.
        let (made, coins) = ring(12, 60);
        let known = known(&made.iter().collect::<Vec<_>>());
        let anchors: Vec<Anchor<'_>> = coins
            .iter()
            .map(|(coin, excluded)| Anchor {
                coin,
                excludes: excluded.map(|one| (one, Vec::new())).into(),
            })
            .collect();
        let ancestry = Ancestry::new(&known);
        assert_eq!(cover(&anchors, 12, 12, &ancestry), None);

        let apart: BTreeMap<_, _> = BTreeMap::new();
        let free = Ancestry::new(&apart);
        let found = cover(&anchors, 12, 12, &free).expect("they stand together");
        let excluded: BTreeSet<usize> = found
            .iter()
            .filter_map(|at| anchors.get(*at))
            .flat_map(|anchor| anchor.excludes.keys().copied())
            .collect();
        assert_eq!(excluded.len(), 12);
    }
}
