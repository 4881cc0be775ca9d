mod filling;
mod holding;

use std::collections::BTreeMap;

use bitcoin::{Amount, FeeRate};
use policies::UnixTime;
use proptest::prelude::*;

use super::*;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const RULES: Rules = Rules {
    targets: [1, 6, 144],
    count: Some(5),
    age: Some(3_600),
    interval: None,
};
/// The policy's highest feerate, 200 sat/vB.
const MOST: u64 = 50_000;
/// 40, 10 and 2 sat/vB.
const ESTIMATES: [(u32, u64); 3] = [(1, 10_000), (6, 2_500), (144, 500)];

fn kwu(feerate: u64) -> FeeRate {
    FeeRate::from_sat_per_kwu(feerate)
}

fn estimates() -> Vec<(u32, FeeRate)> {
    ESTIMATES
        .map(|(target, feerate)| (target, kwu(feerate)))
        .to_vec()
}

fn queued(id: u32, speed: Speed, since: UnixTime) -> Queued {
    Queued {
        requester: "exchange".parse().expect("a name"),
        id: format!("w-{id}").parse().expect("an id"),
        amount: Amount::from_sat(100_000),
        speed,
        latest: None,
        since,
        obstacle: None,
    }
}

fn decided(queued: Vec<Queued>, rules: &Rules, now: UnixTime, cap: u64) -> Decision {
    let estimates = estimates();
    let world = Circumstances {
        now,
        last_batch: None,
        estimates: &estimates,
        is_stale: false,
        cap: kwu(cap),
        allowed: None,
        most: kwu(MOST),
    };
    decide(queued, rules, &world)
}

fn going(decision: &Decision) -> Vec<String> {
    decision
        .goes()
        .map(|queued| queued.id.to_string())
        .collect()
}

fn waits(decision: &Decision) -> Vec<(String, Option<Wait>)> {
    let place = |place: &Place| (place.queued.id.to_string(), place.wait);
    decision.places.iter().map(place).collect()
}

#[test]
fn few_and_young_withdrawals_wait_for_a_batch_of_many() {
    let four: Vec<Queued> = (0..4).map(|id| queued(id, Speed::Normal, START)).collect();
    let decision = decided(four.clone(), &RULES, START, 50_000);
    assert_eq!((decision.feerate, going(&decision).len()), (None, 0));
    assert!(
        waits(&decision)
            .iter()
            .all(|(_, wait)| *wait == Some(Wait::NotDue))
    );
    assert_eq!(decision.next, Some(START.saturating_add(3_600)));
    let five = [four, vec![queued(4, Speed::Normal, START)]].concat();
    let decision = decided(five, &RULES, START, 50_000);
    assert_eq!(
        (decision.feerate, going(&decision).len()),
        (Some(kwu(2_500)), 5)
    );
}

#[test]
fn an_urgent_one_goes_at_once_and_takes_ordinary_ones_along_but_no_patient_ones() {
    let all = vec![
        queued(1, Speed::Economy, START),
        queued(2, Speed::Normal, START),
        queued(3, Speed::Urgent, START.saturating_add(5)),
    ];
    let decision = decided(all, &RULES, START.saturating_add(10), 50_000);
    assert_eq!(decision.feerate, Some(kwu(10_000)));
    assert_eq!(going(&decision), ["w-3", "w-2"]);
    assert_eq!(waits(&decision)[2], ("w-1".to_owned(), Some(Wait::Cheaper)));
}

#[test]
fn patient_ones_ride_along_in_an_ordinary_batch_and_go_alone_at_their_own_feerate() {
    let mut all: Vec<Queued> = (0..4).map(|id| queued(id, Speed::Economy, START)).collect();
    let alone = [all.clone(), vec![queued(4, Speed::Economy, START)]].concat();
    assert_eq!(
        decided(alone, &RULES, START, 50_000).feerate,
        Some(kwu(500))
    );
    all.push(queued(4, Speed::Normal, START));
    let decision = decided(all, &RULES, START, 50_000);
    assert_eq!(
        (decision.feerate, going(&decision).len()),
        (Some(kwu(2_500)), 5)
    );
}

#[test]
fn above_the_cap_only_those_are_held_that_need_more() {
    let all = vec![
        queued(1, Speed::Urgent, START),
        queued(2, Speed::Normal, START),
        queued(3, Speed::Economy, START),
    ];
    let late = START.saturating_add(3_600);
    let decision = decided(all.clone(), &RULES, late, 9_999);
    assert_eq!(decision.held, Some(kwu(10_000)));
    assert_eq!(
        (decision.feerate, going(&decision)),
        (Some(kwu(2_500)), vec!["w-2".into(), "w-3".into()])
    );
    let held = decided(all.clone(), &RULES, late, 499);
    assert_eq!(
        (held.feerate, held.held, going(&held).len()),
        (None, Some(kwu(10_000)), 0)
    );
    assert!(
        waits(&held)
            .iter()
            .all(|(_, wait)| *wait == Some(Wait::AboveCap))
    );
    // At the cap it goes.
    let decision = decided(all, &RULES, late, 10_000);
    assert_eq!((decision.held, going(&decision).len()), (None, 3));
}

#[test]
fn without_an_estimate_nothing_goes() {
    let world = Circumstances {
        now: START.saturating_add(9_999),
        last_batch: None,
        estimates: &[],
        is_stale: false,
        cap: kwu(10_000),
        allowed: None,
        most: kwu(MOST),
    };
    let decision = decide(vec![queued(1, Speed::Urgent, START)], &RULES, &world);
    assert_eq!(waits(&decision)[0].1, Some(Wait::NoEstimate));
    assert_eq!((decision.feerate, decision.held), (None, None));
    let world = Circumstances {
        is_stale: true,
        ..world
    };
    let decision = decide(vec![queued(1, Speed::Urgent, START)], &RULES, &world);
    assert_eq!(waits(&decision)[0].1, Some(Wait::StaleEstimate));
    assert_eq!((decision.feerate, decision.held), (None, None));
}

#[test]
fn a_latest_time_that_comes_near_makes_a_withdrawal_urgent_and_passes() {
    let mut patient = queued(1, Speed::Economy, START);
    patient.latest = Some(START.saturating_add(3_000));
    let at = |seconds| {
        let now = START.saturating_add(seconds);
        let decision = decided(vec![patient.clone()], &RULES, now, 50_000);
        let place = decision.places[0].clone();
        (place.late, place.speed, decision.feerate, decision.next)
    };
    let near = START.saturating_add(1_800);
    assert_eq!(at(1_799), (None, Speed::Economy, None, Some(near)));
    let urgent = (Speed::Urgent, Some(kwu(10_000)), None);
    assert_eq!(
        at(1_800),
        (Some(Late::InDanger), urgent.0, urgent.1, urgent.2)
    );
    assert_eq!(
        at(3_000),
        (Some(Late::Passed), urgent.0, urgent.1, urgent.2)
    );
}

#[test]
fn old_ones_go_before_urgent_ones_oldest_first() {
    let now = START.saturating_add(5_000);
    let all = vec![
        queued(1, Speed::Urgent, now),
        queued(2, Speed::Economy, START.saturating_add(9)),
        queued(3, Speed::Normal, START.saturating_add(7)),
        queued(4, Speed::Normal, START.saturating_add(4_000)),
    ];
    let decision = decided(all, &RULES, now, 50_000);
    assert_eq!(going(&decision), ["w-3", "w-2", "w-1", "w-4"]);
}

#[test]
fn a_batch_is_due_on_the_interval_and_never_without_a_rule() {
    let mut rules = Rules {
        count: None,
        age: None,
        interval: Some(60),
        ..RULES
    };
    let estimates = estimates();
    let at = |seconds, rules: &Rules| {
        let world = Circumstances {
            now: START.saturating_add(seconds),
            last_batch: Some(START),
            estimates: &estimates,
            is_stale: false,
            cap: kwu(50_000),
            allowed: None,
            most: kwu(MOST),
        };
        let decision = decide(vec![queued(1, Speed::Normal, START)], rules, &world);
        (decision.feerate.is_some(), decision.next)
    };
    assert_eq!(at(59, &rules), (false, Some(START.saturating_add(60))));
    assert!(at(60, &rules).0);
    rules.interval = None;
    assert!(!at(PATIENCE, &rules).0);
}

#[test]
fn among_equals_the_older_goes_first_whatever_their_latest_times() {
    let mut soon = queued(1, Speed::Urgent, START.saturating_add(2));
    soon.latest = Some(START.saturating_add(10_000));
    let all = vec![soon, queued(2, Speed::Urgent, START.saturating_add(1))];
    let decision = decided(all, &RULES, START.saturating_add(3), 50_000);
    assert_eq!(going(&decision), ["w-2", "w-1"]);
}

#[test]
fn a_patient_one_in_danger_is_not_held_where_it_would_go_as_it_was() {
    let mut patient = queued(1, Speed::Economy, START);
    patient.latest = Some(START.saturating_add(600));
    let at = |cap| {
        let decision = decided(vec![patient.clone()], &RULES, START, cap);
        (decision.feerate, decision.held)
    };
    // The urgent estimate is within the cap, above it, and even the patient one is above it.
    assert_eq!(at(10_000), (Some(kwu(10_000)), None));
    assert_eq!(at(9_999), (Some(kwu(9_999)), None));
    assert_eq!(at(500), (Some(kwu(500)), None));
    assert_eq!(at(499), (None, Some(kwu(10_000))));
}

#[test]
fn one_for_which_the_coins_do_not_suffice_counts_but_sets_no_feerate() {
    let mut five: Vec<Queued> = (0..4).map(|id| queued(id, Speed::Economy, START)).collect();
    five.push(queued(4, Speed::Urgent, START));
    five[4].obstacle = Some(Obstacle::Coins);
    let decision = decided(five.clone(), &RULES, START, 50_000);
    assert_eq!(
        (decision.feerate, going(&decision).len()),
        (Some(kwu(500)), 4)
    );
    five[4].obstacle = Some(Obstacle::Other);
    assert_eq!(decided(five.clone(), &RULES, START, 50_000).feerate, None);
    // What cannot go asks for nothing above the cap either.
    let held = decided(five, &RULES, START, 600);
    assert_eq!((held.held, held.offers.len()), (None, 0));
}

fn speeds() -> impl Strategy<Value = Speed> {
    prop::sample::select(Speed::ALL.to_vec())
}

/// Withdrawals that come in within a round, and how many a batch of that round pays.
fn rounds() -> impl Strategy<Value = Vec<(Vec<Speed>, usize)>> {
    prop::collection::vec((prop::collection::vec(speeds(), 0..4), 1..5_usize), 40..80)
}

proptest! {
    /// One that cannot be paid changes nothing for all others: who goes, in which order, at which feerate, and
    /// what is held and asked.
    #[test]
    fn one_that_cannot_be_paid_holds_up_nobody(
        queue in prop::collection::vec((speeds(), 0..7_200_u64, prop::option::of(0..7_200_u64)), 0..12),
        stuck in (speeds(), 0..7_200_u64, prop::option::of(0..7_200_u64)),
        cap in 400..11_000_u64,
    ) {
        let now = START.saturating_add(7_200);
        let one = |id, (speed, since, latest): (Speed, u64, Option<u64>)| Queued {
            latest: latest.map(|latest| START.saturating_add(latest * 2)),
            ..queued(id, speed, START.saturating_add(since))
        };
        let all: Vec<Queued> = (1..).zip(queue).map(|(id, said)| one(id, said)).collect();
        let alone = decided(all.clone(), &RULES, now, cap);
        let stuck = Queued { obstacle: Some(Obstacle::Other), ..one(0, stuck) };
        let beside = decided([vec![stuck], all].concat(), &RULES, now, cap);
        let others: Vec<Place> = (beside.places.iter())
            .filter(|place| place.queued.id.as_str() != "w-0")
            .cloned()
            .collect();
        prop_assert_eq!(&others, &alone.places);
        prop_assert_eq!(
            (beside.feerate, beside.held, beside.least, beside.offers),
            (alone.feerate, alone.held, alone.least, alone.offers)
        );
    }

    /// Coming near its latest time never stops one that would have gone.
    #[test]
    fn danger_never_holds_up(
        speed in speeds(),
        age in 0..7_200_u64,
        cap in 400..11_000_u64,
    ) {
        let now = START.saturating_add(7_200);
        let calm = queued(1, speed, now.saturating_sub(age));
        let late = Queued { latest: Some(now.saturating_add(60)), ..calm.clone() };
        let calm = decided(vec![calm], &RULES, now, cap);
        let late = decided(vec![late], &RULES, now, cap);
        let able = calm.places[0].wait != Some(Wait::AboveCap);
        prop_assert_eq!(late.feerate.is_some(), able);
    }

    /// Whoever is in the queue when old is paid before everyone younger, however many urgent ones come in, as
    /// soon as those before it are: so it waits no longer than the patience and one batch for each older one.
    #[test]
    fn nobody_starves(rounds in rounds()) {
        const ROUND: u64 = 300;
        let mut waiting: BTreeMap<u32, Queued> = BTreeMap::new();
        let mut ahead: BTreeMap<u32, usize> = BTreeMap::new();
        let mut number = 0;
        for (round, (arrivals, room)) in (0_u64..).zip(rounds) {
            let now = START.saturating_add(round * ROUND);
            // One a second, so that nobody is as old as another.
            for (second, speed) in (0..).zip(arrivals) {
                number += 1;
                waiting.insert(number, queued(number, speed, now.saturating_add(second)));
            }
            let decision = decided(waiting.values().cloned().collect(), &RULES, now, 50_000);
            let old: Vec<u32> = waiting
                .iter()
                .filter(|(_, queued)| now.secs_since(queued.since) >= RULES.patience())
                .map(|(number, _)| *number)
                .collect();
            if let Some(first) = old.first() {
                prop_assert!(decision.feerate.is_some(), "an old one makes a batch");
                let going = going(&decision);
                prop_assert_eq!(going.first(), Some(&format!("w-{first}")));
            }
            let paid: Vec<String> = going(&decision).into_iter().take(room).collect();
            waiting.retain(|number, _| !paid.contains(&format!("w-{number}")));
            for number in old.into_iter().filter(|number| waiting.contains_key(number)) {
                let before = waiting.range(..number).count();
                let last = ahead.insert(number, before);
                prop_assert!(last.is_none_or(|last| before < last || last == 0), "it gets on");
            }
        }
    }

    #[test]
    fn nothing_goes_above_the_cap_and_everyone_has_one_place(
        speeds in prop::collection::vec((speeds(), 0..7_200_u64, prop::option::of(0..7_200_u64)), 0..20),
        cap in 400..11_000_u64,
    ) {
        let now = START.saturating_add(7_200);
        let all: Vec<Queued> = (0..)
            .zip(&speeds)
            .map(|(id, (speed, since, latest))| Queued {
                latest: latest.map(|latest| START.saturating_add(latest * 2)),
                ..queued(id, *speed, START.saturating_add(*since))
            })
            .collect();
        let decision = decided(all.clone(), &RULES, now, cap);
        prop_assert_eq!(decision.places.len(), all.len());
        prop_assert!(decision.feerate.is_none_or(|feerate| feerate <= kwu(cap)));
        prop_assert_eq!(decision.feerate.is_some(), decision.goes().next().is_some());
        for place in &decision.places {
            let above = place.feerate.is_some_and(|feerate| feerate > kwu(cap));
            prop_assert_eq!(place.wait == Some(Wait::AboveCap), above);
            if place.wait.is_none() {
                prop_assert!(place.feerate <= decision.feerate);
            }
        }
    }
}
