//! Whether a transaction of ours is pinned: what others hang on it makes replacing it dear, or leaves no room for a child
//! of ours. Pure.
//!
//! A replacement pays the fees of all that it evicts (Bitcoin Core, `src/policy/rbf.cpp`, `PaysForRBF`), and a mempool
//! keeps clusters of at most 64 transactions and 101,000 virtual bytes (`src/policy/policy.h`, `DEFAULT_CLUSTER_LIMIT`,
//! `DEFAULT_CLUSTER_SIZE_LIMIT_KVB`). That somebody spends at once what we pay is no attack: only what costs us is told.
#![deny(clippy::arithmetic_side_effects)]

use bitcoin::{Amount, Txid};

/// The most transactions of a cluster.
const CLUSTER_COUNT: usize = 64;
/// The most virtual bytes of a cluster.
const CLUSTER_SIZE: u64 = 101_000;
/// The share of a cluster, as one in so many, that others may leave free before that is told.
const FREE: usize = 8;

/// A transaction in the mempool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooled {
    /// Its id.
    pub txid: Txid,
    /// Its fee.
    pub fee: Amount,
    /// Its size in virtual bytes.
    pub size: u64,
}

/// How a transaction is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Pinned {
    /// Replacing it costs more than twice its own fee, for what others hang on it.
    #[error(
        "{} descendants of others pay {} sat together: whoever replaces it pays these too, beside its own {} sat", .count, .fees.to_sat(), .own.to_sat()
    )]
    Dear {
        /// How many.
        count: usize,
        /// What they pay.
        fees: Amount,
        /// What it pays itself.
        own: Amount,
    },
    /// There is hardly room for a child of ours.
    #[error(
        "{count} descendants of others of {size} vB leave hardly any room for a child of ours (64 transactions, 101000 vB)"
    )]
    Full {
        /// How many.
        count: usize,
        /// Their size in virtual bytes.
        size: u64,
    },
}

/// Looks at a transaction and at those that hang on it and are not ours.
#[must_use]
pub fn pinned(own: Pooled, foreign: &[Pooled]) -> Option<Pinned> {
    if foreign.is_empty() {
        return None;
    }
    let count = foreign.len();
    let size = foreign
        .iter()
        .fold(own.size, |sum, one| sum.saturating_add(one.size));
    let most = CLUSTER_SIZE.saturating_sub(CLUSTER_SIZE.checked_div(8).unwrap_or_default());
    let full = CLUSTER_COUNT.saturating_sub(CLUSTER_COUNT.checked_div(FREE).unwrap_or_default());
    if count.saturating_add(1) >= full || size >= most {
        return Some(Pinned::Full { count, size });
    }
    let fees = foreign.iter().fold(Amount::ZERO, |sum, one| {
        sum.checked_add(one.fee).unwrap_or(Amount::MAX_MONEY)
    });
    (fees >= own.fee).then_some(Pinned::Dear {
        count,
        fees,
        own: own.fee,
    })
}

#[cfg(test)]
mod tests {
    use bitcoin::hashes::Hash as _;

    use super::*;

    fn pooled(seed: u8, sat: u64, size: u64) -> Pooled {
        Pooled {
            txid: Txid::from_byte_array([seed; 32]),
            fee: Amount::from_sat(sat),
            size,
        }
    }

    #[test]
    fn a_child_that_pays_less_than_we_do_pins_nothing() {
        let own = pooled(1, 1_000, 300);
        assert_eq!(pinned(own, &[]), None);
        assert_eq!(pinned(own, &[pooled(2, 999, 110)]), None);
    }

    #[test]
    fn children_that_pay_as_much_as_we_do_together_make_replacing_dear() {
        let own = pooled(1, 1_000, 300);
        let found = pinned(own, &[pooled(2, 400, 110), pooled(3, 600, 110)]);
        let dear = Pinned::Dear {
            count: 2,
            fees: Amount::from_sat(1_000),
            own: Amount::from_sat(1_000),
        };
        assert_eq!(found, Some(dear));
        assert!(
            dear.to_string()
                .starts_with("2 descendants of others pay 1000 sat")
        );
    }

    #[test]
    fn a_cluster_that_is_nearly_full_leaves_no_room_for_a_child_of_ours() {
        let own = pooled(1, 100_000, 300);
        let many: Vec<Pooled> = (0..55).map(|seed| pooled(seed, 1, 110)).collect();
        assert!(matches!(
            pinned(own, &many),
            Some(Pinned::Full { count: 55, .. })
        ));
        assert_eq!(pinned(own, &many[..54]), None);
        let large = [pooled(2, 1, 88_075)];
        assert!(matches!(
            pinned(own, &large),
            Some(Pinned::Full { size: 88_375, .. })
        ));
        assert_eq!(pinned(own, &[pooled(2, 1, 88_074)]), None);
    }
}
