//! A node's estimates as they can be relied on: fresh, of a node that is well, never below what its mempool takes.

use bitcoin::FeeRate;
use policies::UnixTime;

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The node has none.
    Unknown,
    /// Nobody asked the node for too long.
    Stale {
        /// The age in seconds.
        age_s: u64,
        /// The greatest age at which an estimate counts, in seconds.
        max_age_s: u64,
    },
    /// The node is in trouble, so that what it says of fees does not count.
    NodeTrouble {
        /// The code of its trouble.
        trouble: &'static str,
    },
}

impl Gap {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "fees_unknown",
            Self::Stale { .. } => "fees_stale",
            Self::NodeTrouble { .. } => "node_trouble",
        }
    }
}

/// What a node's fees come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimates {
    of_targets: Vec<(u32, FeeRate)>,
    least: Option<FeeRate>,
    gap: Option<Gap>,
    age_s: Option<u64>,
}

impl Estimates {
    /// Judges what a node said: `said` by target, nearest first, and the least that its mempool takes, each with the
    /// time when it was said.
    #[must_use]
    pub fn judge(
        said: &[(u32, FeeRate, UnixTime)],
        least: Option<(FeeRate, UnixTime)>,
        (now, max_age_s): (UnixTime, u64),
        trouble: Option<&'static str>,
    ) -> Self {
        let times = said.iter().map(|(_, _, at)| *at);
        let oldest = times.chain(least.map(|(_, at)| at)).min();
        let age_s = oldest.map(|at| now.secs_since(at));
        let stale = age_s.filter(|age| *age > max_age_s);
        let gap = match (trouble, stale) {
            (Some(trouble), _) => Some(Gap::NodeTrouble { trouble }),
            (None, Some(age_s)) => Some(Gap::Stale { age_s, max_age_s }),
            (None, None) if said.is_empty() => Some(Gap::Unknown),
            (None, None) => None,
        };
        let least = least.map(|(feerate, _)| feerate);
        let floor = least.unwrap_or(FeeRate::ZERO);
        let clamped = said.iter();
        let clamped = clamped.map(|(target, feerate, _)| (*target, (*feerate).max(floor)));
        Self {
            of_targets: if gap.is_none() {
                clamped.collect()
            } else {
                Vec::new()
            },
            least: match gap {
                // A node without estimates still says what its mempool takes.
                None | Some(Gap::Unknown) => least,
                Some(Gap::Stale { .. } | Gap::NodeTrouble { .. }) => None,
            },
            gap,
            age_s,
        }
    }

    /// The estimates that count, by target, nearest first; empty where there is a gap.
    pub fn of_targets(&self) -> &[(u32, FeeRate)] {
        &self.of_targets
    }

    /// The estimate of the nearest target at or after this, or else of the farthest.
    ///
    /// # Errors
    /// Why there is none: nothing takes its place.
    pub fn for_target(&self, target: u32) -> Result<FeeRate, Gap> {
        let found = crate::queue::estimate_of(&self.of_targets, target);
        found.ok_or(self.gap.unwrap_or(Gap::Unknown))
    }

    /// The least feerate that the mempool takes, where that is known.
    pub const fn least(&self) -> Option<FeeRate> {
        self.least
    }

    /// Why there is no estimate; nothing where there is one.
    pub const fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// The seconds since the node was asked; none where nobody ever did.
    pub const fn age_s(&self) -> Option<u64> {
        self.age_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(10_000);

    fn kwu(feerate: u64) -> FeeRate {
        FeeRate::from_sat_per_kwu(feerate)
    }

    fn said(at: u64) -> Vec<(u32, FeeRate, UnixTime)> {
        let at = UnixTime::from_secs(at);
        vec![(2, kwu(2_500), at), (144, kwu(250), at)]
    }

    #[test]
    fn an_estimate_counts_until_it_is_too_old_and_nothing_takes_its_place() {
        let judged = |at| Estimates::judge(&said(at), None, (NOW, 1_800), None);
        assert_eq!(judged(8_200).for_target(2), Ok(kwu(2_500)));
        let stale = Gap::Stale {
            age_s: 1_801,
            max_age_s: 1_800,
        };
        assert_eq!(judged(8_199).for_target(2), Err(stale));
        assert!(judged(8_199).of_targets().is_empty());
        assert_eq!(judged(8_199).gap(), Some(stale));
    }

    #[test]
    fn without_an_estimate_there_is_none_and_the_mempools_least_is_known_all_the_same() {
        let least = Some((kwu(300), NOW));
        let judged = Estimates::judge(&[], least, (NOW, 1_800), None);
        assert_eq!(judged.for_target(6), Err(Gap::Unknown));
        assert_eq!(judged.least(), Some(kwu(300)));
    }

    #[test]
    fn an_estimate_is_never_below_what_the_mempool_takes() {
        let least = Some((kwu(1_000), NOW));
        let judged = Estimates::judge(&said(10_000), least, (NOW, 1_800), None);
        assert_eq!(judged.for_target(144), Ok(kwu(1_000)));
        assert_eq!(judged.for_target(2), Ok(kwu(2_500)));
    }

    #[test]
    fn a_node_in_trouble_has_no_estimate() {
        let judged = Estimates::judge(&said(10_000), None, (NOW, 1_800), Some("NODE_BEHIND"));
        let trouble = Gap::NodeTrouble {
            trouble: "NODE_BEHIND",
        };
        assert_eq!(judged.for_target(6), Err(trouble));
    }
}
