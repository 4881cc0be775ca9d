//! Whether an attempt that is out is stuck, and what it is to pay then.
//!
//! Invariants: nothing is raised to more than the cap or the estimate, nor twice at one tip, nor while something that
//! may take its place is out for signing; and all that is done for one batch never costs more than its budget beyond
//! the first fee.
#![deny(clippy::arithmetic_side_effects)]

use bitcoin::{Amount, FeeRate};

use super::{Bump, FeePolicy, Gap};

/// An attempt that was broadcast and that no block holds, and what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Out {
    /// What it pays.
    pub paid: FeeRate,
    /// Whether the node's mempool holds it.
    pub in_mempool: bool,
    /// The height of the tip when it was first found to be out.
    pub since: u32,
    /// The height of the tip.
    pub tip: u32,
    /// Whether something was done or said of its batch at this tip already.
    pub is_done_at_tip: bool,
    /// Whether an attempt that takes its place waits for signatures or to be broadcast.
    pub is_rivalled: bool,
    /// The estimate for the policy's target.
    pub estimate: Result<FeeRate, Gap>,
    /// The least that the node's mempool takes.
    pub least: Option<FeeRate>,
    /// The highest feerate that is paid without asking, within the policy document's.
    pub cap: FeeRate,
    /// What the next rung of its ladder pays, if it has one that is held.
    pub next_rung: Option<FeeRate>,
}

/// Why nothing is done of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing happens by itself.
    Off,
    /// It may still wait.
    InTime,
    /// What it pays is what is asked for.
    PaysEnough,
    /// Something that takes its place waits for signatures.
    Rivalled,
    /// It was looked at since the last block.
    DoneAtTip,
}

/// Why a stuck attempt is held as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// There is no estimate.
    NoEstimate(Gap),
    /// The node asks for more than is paid without asking, and the attempt pays that already.
    AboveCap {
        /// The estimate.
        estimate: FeeRate,
        /// The cap.
        cap: FeeRate,
    },
    /// It would cost more than the budget.
    OverBudget {
        /// What it would cost beyond the first fee.
        more: Amount,
        /// The budget.
        budget: Amount,
    },
}

impl Held {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoEstimate(gap) => gap.code(),
            Self::AboveCap { .. } => "above_cap",
            Self::OverBudget { .. } => "over_budget",
        }
    }
}

/// What is to be done of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Nothing.
    Rest(Rest),
    /// It is stuck, and nothing can be done within what was said.
    Hold(Held),
    /// It is to pay this, if that is within the budget.
    Raise(FeeRate),
    /// The next rung of its ladder, which pays this, is to be released, if that is within the budget.
    Release(FeeRate),
}

/// Decides what is to be done.
pub fn decide(policy: &FeePolicy, out: &Out) -> Turn {
    if policy.bump == Bump::Off {
        return Turn::Rest(Rest::Off);
    }
    if out.is_rivalled {
        return Turn::Rest(Rest::Rivalled);
    }
    let is_late = out.tip.saturating_sub(out.since) >= policy.deadline;
    let is_dropped = !out.in_mempool && out.least.is_some_and(|least| out.paid < least);
    if !is_late && !is_dropped {
        return Turn::Rest(Rest::InTime);
    }
    let asked = match out.estimate {
        Ok(estimate) => estimate.max(out.least.unwrap_or(FeeRate::ZERO)),
        Err(gap) => return once(out, Turn::Hold(Held::NoEstimate(gap))),
    };
    if out.paid >= asked {
        return Turn::Rest(Rest::PaysEnough);
    }
    let target = asked.min(out.cap);
    let below_least = out.least.is_some_and(|least| target < least);
    if target <= out.paid || below_least {
        let held = Held::AboveCap {
            estimate: asked,
            cap: out.cap,
        };
        return once(out, Turn::Hold(held));
    }
    match out.next_rung {
        Some(rung) if rung > out.cap => {
            let held = Held::AboveCap {
                estimate: rung,
                cap: out.cap,
            };
            once(out, Turn::Hold(held))
        }
        Some(rung) => once(out, Turn::Release(rung)),
        None => once(out, Turn::Raise(target)),
    }
}

/// Nothing more than once at one tip.
fn once(out: &Out, turn: Turn) -> Turn {
    if out.is_done_at_tip {
        Turn::Rest(Rest::DoneAtTip)
    } else {
        turn
    }
}

/// What is left of a batch's budget once `fee` is paid in the place of `first`, and `children` besides.
///
/// # Errors
/// [`Held::OverBudget`] with what it would cost.
pub fn within_budget(
    policy: &FeePolicy,
    first: Amount,
    fee: Amount,
    children: Amount,
) -> Result<Amount, Held> {
    let budget = policy.budget;
    let over = |more| Held::OverBudget { more, budget };
    let costs = fee.checked_add(children).ok_or(over(Amount::MAX_MONEY))?;
    let more = costs.checked_sub(first).unwrap_or(Amount::ZERO);
    budget.checked_sub(more).ok_or(over(more))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kwu(feerate: u64) -> FeeRate {
        FeeRate::from_sat_per_kwu(feerate)
    }

    fn policy(bump: Bump) -> FeePolicy {
        FeePolicy {
            target: 6,
            deadline: 6,
            budget: Amount::from_sat(10_000),
            bump,
            cpfp: false,
            consolidate_below: None,
            rungs: Vec::new(),
        }
    }

    /// Late, at 1 sat/vB, where 5 are asked for and 10 may be paid.
    fn late() -> Out {
        Out {
            paid: kwu(250),
            in_mempool: true,
            since: 100,
            tip: 106,
            is_done_at_tip: false,
            is_rivalled: false,
            estimate: Ok(kwu(1_250)),
            least: Some(kwu(250)),
            cap: kwu(2_500),
            next_rung: None,
        }
    }

    fn automatic(out: Out) -> Turn {
        decide(&policy(Bump::Automatic), &out)
    }

    #[test]
    fn an_attempt_is_stuck_past_the_deadline_and_not_before() {
        assert_eq!(automatic(late()), Turn::Raise(kwu(1_250)));
        let early = Out { tip: 105, ..late() };
        assert_eq!(automatic(early), Turn::Rest(Rest::InTime));
        assert_eq!(decide(&policy(Bump::Off), &late()), Turn::Rest(Rest::Off));
        let proposed = decide(&policy(Bump::Propose), &late());
        assert_eq!(proposed, Turn::Raise(kwu(1_250)));
    }

    #[test]
    fn one_that_fell_out_of_the_mempool_below_its_minimum_is_stuck_at_once() {
        let dropped = Out {
            in_mempool: false,
            least: Some(kwu(500)),
            tip: 100,
            ..late()
        };
        assert_eq!(automatic(dropped), Turn::Raise(kwu(1_250)));
        let evicted_for_another_reason = Out {
            least: Some(kwu(250)),
            ..dropped
        };
        assert_eq!(
            automatic(evicted_for_another_reason),
            Turn::Rest(Rest::InTime)
        );
    }

    #[test]
    fn nothing_is_done_twice_at_a_tip_nor_beside_a_rival() {
        let done = Out {
            is_done_at_tip: true,
            ..late()
        };
        assert_eq!(automatic(done), Turn::Rest(Rest::DoneAtTip));
        let rivalled = Out {
            is_rivalled: true,
            ..late()
        };
        assert_eq!(automatic(rivalled), Turn::Rest(Rest::Rivalled));
    }

    #[test]
    fn without_an_estimate_it_is_held_and_never_raised_to_a_default() {
        let stale = Gap::Stale {
            age_s: 2_000,
            max_age_s: 1_800,
        };
        let out = Out {
            estimate: Err(stale),
            ..late()
        };
        assert_eq!(automatic(out), Turn::Hold(Held::NoEstimate(stale)));
    }

    #[test]
    fn above_the_cap_it_is_raised_to_the_cap_and_held_there() {
        let dear = Out {
            estimate: Ok(kwu(9_000)),
            ..late()
        };
        assert_eq!(automatic(dear), Turn::Raise(kwu(2_500)));
        let held = Held::AboveCap {
            estimate: kwu(9_000),
            cap: kwu(2_500),
        };
        let there = Out {
            paid: kwu(2_500),
            ..dear
        };
        assert_eq!(automatic(there), Turn::Hold(held));
        // No mempool takes what is below its own minimum.
        let useless = Out {
            least: Some(kwu(3_000)),
            ..dear
        };
        assert_eq!(automatic(useless), Turn::Hold(held));
    }

    #[test]
    fn a_ladder_is_climbed_before_anything_is_made_and_not_above_the_cap() {
        let on_ladder = |rung| Out {
            next_rung: Some(kwu(rung)),
            ..late()
        };
        assert_eq!(automatic(on_ladder(2_000)), Turn::Release(kwu(2_000)));
        let held = Held::AboveCap {
            estimate: kwu(2_501),
            cap: kwu(2_500),
        };
        assert_eq!(automatic(on_ladder(2_501)), Turn::Hold(held));
        let early = Out {
            tip: 105,
            ..on_ladder(2_000)
        };
        assert_eq!(automatic(early), Turn::Rest(Rest::InTime));
    }

    #[test]
    fn the_budget_counts_all_that_is_paid_beyond_the_first_fee() {
        let budget = |fee, children| {
            let [fee, children] = [fee, children].map(Amount::from_sat);
            within_budget(
                &policy(Bump::Automatic),
                Amount::from_sat(500),
                fee,
                children,
            )
        };
        assert_eq!(budget(10_500, 0), Ok(Amount::ZERO));
        let over = |more| {
            Err(Held::OverBudget {
                more: Amount::from_sat(more),
                budget: Amount::from_sat(10_000),
            })
        };
        assert_eq!(budget(10_501, 0), over(10_001));
        assert_eq!(budget(10_400, 101), over(10_001));
        assert_eq!(budget(400, 0), Ok(Amount::from_sat(10_000)));
    }

    prop_compose! {
        fn any_out()(
            paid in 1..5_000_u64,
            in_mempool: bool,
            since in 0..300_u32,
            tip in 0..300_u32,
            is_done_at_tip: bool,
            is_rivalled: bool,
            estimate in prop::option::of(1..5_000_u64),
            least in prop::option::of(1..5_000_u64),
            cap in 1..5_000_u64,
            next_rung in prop::option::of(1..5_000_u64),
        ) -> Out {
            Out {
                paid: kwu(paid),
                in_mempool,
                since,
                tip,
                is_done_at_tip,
                is_rivalled,
                estimate: estimate.map(kwu).ok_or(Gap::Unknown),
                least: least.map(kwu),
                cap: kwu(cap),
                next_rung: next_rung.map(kwu),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_raised_pays_more_than_before_and_never_more_than_asked_or_capped(out in any_out()) {
            if let Turn::Raise(target) = automatic(out) {
                let asked = out.estimate.expect("an estimate").max(out.least.unwrap_or(FeeRate::ZERO));
                prop_assert!(target > out.paid);
                prop_assert!(target <= out.cap);
                prop_assert!(target <= asked);
                prop_assert!(out.least.is_none_or(|least| target >= least));
                prop_assert!(!out.is_done_at_tip && !out.is_rivalled);
                prop_assert!(out.next_rung.is_none());
            }
            if let Turn::Release(rung) = automatic(out) {
                prop_assert!(rung <= out.cap && Some(rung) == out.next_rung);
                prop_assert!(!out.is_done_at_tip && !out.is_rivalled);
            }
        }

        #[test]
        fn nothing_happens_where_it_is_off_and_nothing_early_to_what_the_mempool_holds(out in any_out()) {
            prop_assert_eq!(decide(&policy(Bump::Off), &out), Turn::Rest(Rest::Off));
            if out.in_mempool && out.tip.saturating_sub(out.since) < 6 {
                prop_assert!(matches!(automatic(out), Turn::Rest(_)));
            }
        }

        #[test]
        fn raising_again_and_again_never_costs_more_than_the_budget(
            first in 1..5_000_u64,
            steps in prop::collection::vec((1..9_000_u64, 0..3_000_u64), 1..20),
        ) {
            let policy = policy(Bump::Automatic);
            let first = Amount::from_sat(first);
            let (mut paid, mut children) = (first, Amount::ZERO);
            for (fee, child) in steps {
                let fee = Amount::from_sat(fee).max(paid);
                let with = children.checked_add(Amount::from_sat(child)).expect("is small");
                if within_budget(&policy, first, fee, with).is_ok() {
                    (paid, children) = (fee, with);
                }
            }
            let cost = paid.checked_add(children).and_then(|all| all.checked_sub(first));
            prop_assert!(cost.is_some_and(|cost| cost <= policy.budget));
        }
    }
}
