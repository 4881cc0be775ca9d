//! Tests of windows against sums taken one by one.

use proptest::prelude::*;

use super::*;
use crate::document::Approvals;

fn intent(number: u8) -> IntentHash {
    IntentHash::from_bytes([number; 32])
}

const fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// A rule of this name.
fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        kind: None,
        requesters: None,
        to: None,
        amount_max: None,
        window: None,
        approvals: Approvals {
            group: None,
            count: 1,
            page: 0,
        },
    }
}

#[test]
fn a_rule_that_a_new_version_renames_keeps_what_was_counted() {
    let window = Window {
        amount: Amount::from_sat(100),
        per: 1_000,
    };
    let mut windows = Windows::none();
    windows.count("daily", intent(1), Amount::from_sat(60), at(10));
    windows.count("vip", intent(2), Amount::from_sat(30), at(20));
    let left = |names: &[&str], rule_name: &str| {
        let rules: Vec<Rule> = names.iter().map(|name| rule(name)).collect();
        let allowance = windows.allowance(&rules, rule_name, window, at(30));
        (
            allowance.left().to_sat(),
            allowance.next.map(|freed| freed.at),
        )
    };
    assert_eq!(left(&["daily", "vip"], "daily"), (40, Some(at(1_010))));
    assert_eq!(left(&["daily", "vip"], "vip"), (70, Some(at(1_020))));
    // Renamed, and split in two: what was counted counts in each.
    assert_eq!(left(&["per-day", "vip"], "per-day"), (40, Some(at(1_010))));
    assert_eq!(left(&["one", "two", "vip"], "two"), (40, Some(at(1_010))));
    assert_eq!(left(&["per-day"], "per-day"), (10, Some(at(1_010))));
}

#[test]
fn a_window_holds_what_was_counted_after_its_beginning() {
    let mut windows = Windows::none();
    windows.count("small", intent(1), Amount::from_sat(5), at(10));
    windows.count("small", intent(2), Amount::from_sat(7), at(20));
    windows.count("large", intent(3), Amount::from_sat(100), at(20));
    assert_eq!(windows.spent("small", at(9)), Amount::from_sat(12));
    assert_eq!(windows.spent("small", at(10)), Amount::from_sat(7));
    assert_eq!(windows.spent("small", at(20)), Amount::ZERO);
    assert_eq!(windows.spent("large", at(19)), Amount::from_sat(100));
    assert_eq!(windows.spent("none", UnixTime::ZERO), Amount::ZERO);
}

#[test]
fn an_intent_is_counted_once_under_whatever_rule() {
    let mut windows = Windows::none();
    windows.count("small", intent(1), Amount::from_sat(5), at(10));
    windows.count("small", intent(1), Amount::from_sat(5), at(30));
    windows.count("large", intent(1), Amount::from_sat(5), at(30));
    assert!(windows.counted(&intent(1)));
    assert!(!windows.counted(&intent(2)));
    assert_eq!(windows.spent("small", UnixTime::ZERO), Amount::from_sat(5));
    assert_eq!(windows.spent("large", UnixTime::ZERO), Amount::ZERO);
}

#[test]
fn a_sum_ends_at_all_the_money_there_can_be() {
    let mut windows = Windows::none();
    for number in 0..200 {
        windows.count("all", intent(number), Amount::MAX, at(u64::from(number)));
    }
    assert_eq!(windows.spent("all", UnixTime::ZERO), Amount::MAX_MONEY);
    assert_eq!(windows.spent("all", at(199)), Amount::ZERO);
}

proptest! {
    #[test]
    fn a_window_is_what_adding_one_by_one_gives(
        counted in prop::collection::vec((0_u8..3, any::<u8>(), 0_u64..1_000, 0_u64..50), 0..80),
        rule in 0_u8..3,
        since in 0_u64..60,
    ) {
        let mut windows = Windows::none();
        let mut first: Vec<(u8, u8, u64, u64)> = Vec::new();
        for one in counted {
            windows.count(&one.0.to_string(), intent(one.1), Amount::from_sat(one.2), at(one.3));
            if first.iter().all(|earlier| earlier.1 != one.1) {
                first.push(one);
            }
        }
        let expected: u64 = first
            .iter()
            .filter(|one| one.0 == rule && one.3 > since)
            .map(|one| one.2)
            .sum();
        prop_assert_eq!(windows.spent(&rule.to_string(), at(since)), Amount::from_sat(expected));
    }
}
