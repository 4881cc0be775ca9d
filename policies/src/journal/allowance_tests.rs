//! Tests of what budgets and windows have left.

use super::*;
use crate::document::Window;
use crate::ids::IntentHash;
use crate::journal::SignedTransaction;
use crate::journal::history::tests::signed;
use crate::rules::Windows;

const DAY: u64 = 86_400;
const FIRST: UnixTime = UnixTime::from_secs(1_795_478_500);

const fn at(after: u64) -> UnixTime {
    FIRST.saturating_add(after)
}

fn costing(number: u8, input: u8, sat: u64, after: u64, mode: SpendMode) -> SignedTransaction {
    SignedTransaction {
        fee: Amount::from_sat(sat),
        at: at(after),
        mode,
        ..signed(number, &[input], &[])
    }
}

fn freed(after: u64, sat: u64) -> Freed {
    let amount = Amount::from_sat(sat);
    Freed {
        at: at(after),
        amount,
    }
}

#[test]
fn a_window_says_what_is_left_and_when_more_is_free_again() {
    let window = Window {
        amount: Amount::from_sat(100),
        per: DAY,
    };
    let mut windows = Windows::none();
    let empty = windows.allowance(&[], "small", window, at(0));
    assert_eq!((empty.left().to_sat(), empty.next), (100, None));
    for (number, sat, after) in [(1, 30, 0), (2, 20, 0), (3, 10, 60)] {
        let intent = IntentHash::from_bytes([number; 32]);
        windows.count("small", intent, Amount::from_sat(sat), at(after));
    }
    let used = windows.allowance(&[], "small", window, at(60));
    assert_eq!(
        (used.left().to_sat(), used.next),
        (40, Some(freed(DAY, 50)))
    );
    // At that very moment it is free, and one second before it is not.
    let just_before = windows.allowance(&[], "small", window, at(DAY - 1));
    assert_eq!(just_before.left().to_sat(), 40);
    let then = windows.allowance(&[], "small", window, at(DAY));
    assert_eq!(
        (then.left().to_sat(), then.next),
        (90, Some(freed(DAY + 60, 10)))
    );
    let over = Window {
        amount: Amount::from_sat(5),
        ..window
    };
    assert_eq!(
        windows.allowance(&[], "small", over, at(60)).left(),
        Amount::ZERO
    );
}

#[test]
fn a_fee_budget_says_what_is_left_and_when_more_is_free_again() {
    let budget = FeeBudget {
        amount: Amount::from_sat(1_000),
        window: DAY,
    };
    let mut history = History::none();
    let empty = history.fee_allowance(budget, at(0));
    assert_eq!((empty.left().to_sat(), empty.next), (1_000, None));
    // The second excludes the first: together they cost the higher fee, which stays when the first leaves.
    history.record(costing(1, 1, 100, 0, SpendMode::Pay));
    history.record(costing(2, 1, 300, 10, SpendMode::Pay));
    history.record(costing(3, 2, 50, 20, SpendMode::Pay));
    let used = history.fee_allowance(budget, at(20));
    assert_eq!(
        (used.left().to_sat(), used.next),
        (650, Some(freed(DAY + 10, 300)))
    );
    let then = history.fee_allowance(budget, at(DAY + 10));
    assert_eq!(
        (then.left().to_sat(), then.next),
        (950, Some(freed(DAY + 20, 50)))
    );
}

#[test]
fn the_budget_of_self_spends_says_what_is_left_of_fees_and_number() {
    let budget = SelfSpendBudget {
        amount: Amount::from_sat(500),
        count: 3,
        window: DAY,
    };
    let mut history = History::none();
    assert_eq!(history.self_spend_allowance(budget, at(0)).left(), 3);
    history.record(costing(1, 1, 100, 0, SpendMode::Pay));
    history.record(costing(2, 2, 200, 10, SpendMode::SelfSpend));
    history.record(costing(3, 3, 50, 20, SpendMode::SelfSpend));
    let used = history.self_spend_allowance(budget, at(20));
    assert_eq!((used.left(), used.fees.left().to_sat()), (1, 250));
    assert_eq!(used.fees.next, Some(freed(DAY + 10, 200)));
}
