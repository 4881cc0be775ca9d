//! What a child must pay so that miners take its parent with it at a feerate.
//!
//! Miners and mempools weigh the two together (Bitcoin Core 31: cluster mempool, `src/txmempool.cpp`, and the ancestor
//! feerate before it), in whole virtual bytes of each. The child pays what the parent lacks, besides its own share, and
//! never less than what relays it alone.

use bitcoin::{Amount, FeeRate, Weight};

use super::virtual_size;

/// The most that a transaction and its unconfirmed ancestors may weigh together: 101,000 virtual bytes
/// (`DEFAULT_CLUSTER_SIZE_LIMIT_KVB` in `src/policy/policy.h`, and `DEFAULT_ANCESTOR_SIZE_LIMIT_KVB` before it).
const MOST_WEIGHT: Weight = Weight::from_wu(404_000);

/// Why no child can pay for a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChildError {
    /// The parent pays enough by itself.
    #[error("the parent pays enough by itself")]
    NotNeeded,
    /// The two are larger than mempools take together.
    #[error("parent and child weigh {weight} together, more than mempools take")]
    TooLarge {
        /// What they weigh.
        weight: Weight,
    },
    /// The child's own feerate would be above the cap.
    #[error("the child alone would have to pay more than the fee cap")]
    AboveCap {
        /// Its fee.
        fee: Amount,
    },
    /// More than all money.
    #[error("the fee of a child is more than there is")]
    Overflow,
}

/// The fee of a child of `weight` that lifts itself and a parent, with its fee, to `target` together. The child's own
/// feerate is at least `least`, the least that the mempool takes, and at most `cap`.
///
/// # Errors
/// [`ChildError`], where no child can do that.
pub fn fee_of_child(
    (parent_fee, parent): (Amount, Weight),
    weight: Weight,
    target: FeeRate,
    (least, cap): (FeeRate, FeeRate),
) -> Result<Amount, ChildError> {
    let together = parent.checked_add(weight).ok_or(ChildError::Overflow)?;
    if together > MOST_WEIGHT {
        return Err(ChildError::TooLarge { weight: together });
    }
    let size = virtual_size(parent)
        .checked_add(virtual_size(weight))
        .ok_or(ChildError::Overflow)?;
    let both = at(target, size)?;
    let alone = at(target, virtual_size(parent))?;
    if parent_fee >= alone {
        return Err(ChildError::NotNeeded);
    }
    let lacking = both.checked_sub(parent_fee).unwrap_or(Amount::ZERO);
    let fee = lacking.max(at(least, virtual_size(weight))?);
    if fee > cap.fee_wu(weight).ok_or(ChildError::Overflow)? {
        return Err(ChildError::AboveCap { fee });
    }
    Ok(fee)
}

/// The fee of so many virtual bytes, rounded up.
fn at(feerate: FeeRate, size: u64) -> Result<Amount, ChildError> {
    let weight = size.checked_mul(4).ok_or(ChildError::Overflow)?;
    let fee = feerate.fee_wu(Weight::from_wu(weight));
    fee.filter(|fee| *fee <= Amount::MAX_MONEY)
        .ok_or(ChildError::Overflow)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "figures of tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAP: FeeRate = FeeRate::from_sat_per_kwu(50_000);

    fn kwu(feerate: u64) -> FeeRate {
        FeeRate::from_sat_per_kwu(feerate)
    }

    fn child(
        parent: (u64, u64),
        weight: u64,
        target: u64,
        cap: FeeRate,
    ) -> Result<u64, ChildError> {
        let parent = (Amount::from_sat(parent.0), Weight::from_wu(parent.1));
        let fee = fee_of_child(parent, Weight::from_wu(weight), kwu(target), (kwu(25), cap));
        fee.map(Amount::to_sat)
    }

    #[test]
    fn a_child_pays_what_its_parent_lacks_and_its_own_share() {
        // 200 and 100 virtual bytes at 5 sat/vB are 1,500 sat, of which the parent pays 200.
        assert_eq!(child((200, 800), 400, 1_250, CAP), Ok(1_300));
        assert_eq!(
            child((1_000, 800), 400, 1_250, CAP),
            Err(ChildError::NotNeeded)
        );
        // Halves of virtual bytes are rounded up, of each.
        assert_eq!(child((200, 798), 398, 1_250, CAP), Ok(1_300));
    }

    #[test]
    fn the_childs_own_feerate_stays_within_the_cap_and_both_within_what_mempools_take() {
        let cap = kwu(3_000);
        let fee = Amount::from_sat(1_300);
        assert_eq!(
            child((200, 800), 400, 1_250, cap),
            Err(ChildError::AboveCap { fee })
        );
        let weight = Weight::from_wu(404_001);
        assert_eq!(
            child((200, 403_601), 400, 1_250, CAP),
            Err(ChildError::TooLarge { weight })
        );
    }

    proptest! {
        #[test]
        fn together_they_pay_the_target_and_one_satoshi_less_would_not_suffice(
            fee in 0..100_000_u64,
            parent in 400..100_000_u64,
            weight in 400..10_000_u64,
            target in 25..20_000_u64,
        ) {
            if let Ok(paid) = child((fee, parent), weight, target, FeeRate::MAX) {
                let size = u128::from(parent.div_ceil(4) + weight.div_ceil(4));
                let pays = |child: u64| u128::from(fee + child) * 1_000 >= u128::from(target) * 4 * size;
                prop_assert!(pays(paid));
                let least = u128::from(paid) * 1_000 <= 25 * 4 * u128::from(weight.div_ceil(4)) + 1_000;
                prop_assert!(least || !pays(paid - 1));
            }
        }

        #[test]
        fn the_child_never_pays_more_than_the_cap(
            fee in 0..100_000_u64,
            parent in 400..400_000_u64,
            weight in 400..10_000_u64,
            target in 25..20_000_u64,
            cap in 25..20_000_u64,
        ) {
            if let Ok(paid) = child((fee, parent), weight, target, kwu(cap)) {
                let most = kwu(cap).fee_wu(Weight::from_wu(weight)).expect("is small");
                prop_assert!(Amount::from_sat(paid) <= most);
            }
        }
    }
}
