//! When an attempt is stuck, and what is done then: by example, and whatever surrounds it.

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
        beside: Beside::Nothing,
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
    for beside in [Beside::Other, Beside::Waits { since: 0 }] {
        let rivalled = Out { beside, ..late() };
        assert_eq!(automatic(rivalled), Turn::Rest(Rest::Rivalled));
    }
}

/// With a child that may pay.
fn helped(out: Out) -> Turn {
    let policy = FeePolicy {
        cpfp: true,
        ..policy(Bump::Automatic)
    };
    decide(&policy, &out)
}

#[test]
fn a_child_pays_once_its_replacement_waits_a_whole_deadline_more_and_only_where_that_is_said() {
    let waits = |since, tip| Out {
        beside: Beside::Waits { since },
        tip,
        ..late()
    };
    assert_eq!(helped(waits(106, 111)), Turn::Rest(Rest::Rivalled));
    assert_eq!(helped(waits(106, 112)), Turn::Child(kwu(1_250)));
    assert_eq!(automatic(waits(106, 112)), Turn::Rest(Rest::Rivalled));
    let proposed = FeePolicy {
        cpfp: true,
        ..policy(Bump::Propose)
    };
    assert_eq!(
        decide(&proposed, &waits(106, 112)),
        Turn::Rest(Rest::Rivalled)
    );
    let other = Out {
        beside: Beside::Other,
        ..waits(106, 112)
    };
    assert_eq!(helped(other), Turn::Rest(Rest::Rivalled));
    let enough = Out {
        paid: kwu(1_250),
        ..waits(106, 112)
    };
    assert_eq!(helped(enough), Turn::Rest(Rest::Rivalled));
    let unknown = Out {
        estimate: Err(Gap::Unknown),
        ..waits(106, 112)
    };
    assert_eq!(helped(unknown), Turn::Rest(Rest::Rivalled));
    let done = Out {
        is_done_at_tip: true,
        ..waits(106, 112)
    };
    assert_eq!(helped(done), Turn::Rest(Rest::DoneAtTip));
    let dear = Out {
        estimate: Ok(kwu(9_000)),
        ..waits(106, 112)
    };
    assert_eq!(helped(dear), Turn::Child(kwu(2_500)));
}

#[test]
fn what_a_child_pays_too_little_for_is_raised_a_deadline_later_and_one_unsigned_is_waited_for() {
    let child = |since, together: Option<u64>| Out {
        beside: Beside::Child {
            since,
            together: together.map(kwu),
        },
        tip: 112,
        ..late()
    };
    let rest = Turn::Rest(Rest::Rivalled);
    assert_eq!(automatic(child(107, Some(1_000))), rest);
    assert_eq!(automatic(child(106, Some(1_000))), Turn::Raise(kwu(1_250)));
    assert_eq!(automatic(child(106, Some(1_250))), rest);
    assert_eq!(automatic(child(106, None)), rest);
    let done = Out {
        is_done_at_tip: true,
        ..child(106, Some(1_000))
    };
    assert_eq!(automatic(done), Turn::Rest(Rest::DoneAtTip));
    let dear = Out {
        estimate: Ok(kwu(9_000)),
        ..child(106, Some(2_500))
    };
    let held = Held::AboveCap {
        estimate: kwu(9_000),
        cap: kwu(2_500),
    };
    assert_eq!(automatic(dear), Turn::Hold(held));
    let on_ladder = Out {
        next_rung: Some(kwu(2_000)),
        ..child(106, Some(1_000))
    };
    assert_eq!(automatic(on_ladder), Turn::Release(kwu(2_000)));
    let lower_rung = Out {
        next_rung: Some(kwu(1_000)),
        ..child(106, Some(1_000))
    };
    assert_eq!(automatic(lower_rung), Turn::Raise(kwu(1_250)));
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

fn any_beside() -> impl Strategy<Value = Beside> {
    prop_oneof![
        Just(Beside::Nothing),
        Just(Beside::Other),
        (0..300_u32).prop_map(|since| Beside::Waits { since }),
        (0..300_u32, prop::option::of(1..5_000_u64)).prop_map(|(since, together)| {
            let together = together.map(kwu);
            Beside::Child { since, together }
        }),
    ]
}

prop_compose! {
    fn any_out()(
        paid in 1..5_000_u64,
        in_mempool: bool,
        since in 0..300_u32,
        tip in 0..300_u32,
        is_done_at_tip: bool,
        beside in any_beside(),
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
            beside,
            estimate: estimate.map(kwu).ok_or(Gap::Unknown),
            least: least.map(kwu),
            cap: kwu(cap),
            next_rung: next_rung.map(kwu),
        }
    }
}

/// Whether nothing is on its way, or a child that pays too little with it.
fn is_free(beside: Beside, target: FeeRate) -> bool {
    match beside {
        Beside::Nothing => true,
        Beside::Child { together, .. } => together.is_some_and(|together| together < target),
        Beside::Waits { .. } | Beside::Other => false,
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
            prop_assert!(!out.is_done_at_tip && is_free(out.beside, target));
            let has_child = matches!(out.beside, Beside::Child { .. });
            prop_assert!(out.next_rung.is_none() || has_child);
        }
        if let Turn::Release(rung) = automatic(out) {
            prop_assert!(rung <= out.cap && Some(rung) == out.next_rung);
            prop_assert!(!out.is_done_at_tip && is_free(out.beside, FeeRate::MAX));
        }
    }

    #[test]
    fn a_child_pays_meanwhile_only_within_estimate_and_cap_and_a_deadline_after_its_rival(out in any_out()) {
        prop_assert!(!matches!(automatic(out), Turn::Child(_)));
        if let Turn::Child(target) = helped(out) {
            let asked = out.estimate.expect("an estimate").max(out.least.unwrap_or(FeeRate::ZERO));
            prop_assert!(target > out.paid && target <= out.cap && target <= asked);
            prop_assert!(out.least.is_none_or(|least| target >= least));
            prop_assert!(!out.is_done_at_tip);
            let Beside::Waits { since } = out.beside else {
                panic!("nothing waits: {out:?}");
            };
            prop_assert!(out.tip >= since.saturating_add(6));
        }
        if matches!(out.beside, Beside::Waits { .. } | Beside::Other) {
            prop_assert!(matches!(helped(out), Turn::Rest(_) | Turn::Child(_)));
        }
    }

    #[test]
    fn a_replacement_and_a_child_that_are_both_within_the_budget_cost_no_more_whichever_is_paid(
        first in 1..5_000_u64,
        paid in 1..9_000_u64,
        replacement in 1..9_000_u64,
        child in 1..9_000_u64,
    ) {
        let policy = policy(Bump::Automatic);
        let [first, paid, replacement, child] =
            [first, paid.max(first), replacement, child].map(Amount::from_sat);
        if within_budget(&policy, first, paid.max(replacement), child).is_ok() {
            let cost = |paid: Amount| paid.checked_sub(first).unwrap_or(Amount::ZERO);
            prop_assert!(cost(replacement) <= policy.budget);
            prop_assert!(cost(paid.checked_add(child).expect("is small")) <= policy.budget);
        }
    }

    #[test]
    fn nothing_happens_where_it_is_off_and_nothing_early_to_what_the_mempool_holds(out in any_out()) {
        prop_assert_eq!(decide(&policy(Bump::Off), &out), Turn::Rest(Rest::Off));
        let since = match out.beside {
            Beside::Child { since, .. } => since,
            Beside::Nothing | Beside::Waits { .. } | Beside::Other => out.since,
        };
        if out.in_mempool && out.tip.saturating_sub(since) < 6 {
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
