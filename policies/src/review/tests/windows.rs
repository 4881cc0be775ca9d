//! What a signer counts over time: payments under windows, and fees under budgets, until they are old.

use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};

use super::super::world::{Asked, Attempt, CHANGE_INDEX, NOW, World, stranger};
use crate::descriptor::ScriptKind;
use crate::document::{FeeBudgetDraft, PolicyDraft, WindowDraft};
use crate::ids::Keychain;
use crate::journal::{History, SignedTransaction};
use crate::review::Refusal;
use crate::rules::{DenyReason, Miss};
use crate::time::UnixTime;
use crate::words::review_text;

/// A day, the length of each window here, and the last second that is still within it.
const DAY: u64 = 86_400;
const EDGE: UnixTime = NOW.saturating_add(DAY);
const LAST: UnixTime = NOW.saturating_add(DAY - 1);

fn windowed(draft: &mut PolicyDraft) {
    draft.rules.truncate(1);
    draft.rules[0].window = Some(WindowDraft {
        sat: 7_000_000,
        per: "24h".to_owned(),
    });
}

/// Small payouts from a coin of its own.
pub(super) fn payouts(world: &World, number: u32, amounts: &[u64]) -> Attempt {
    let mut plan = world.plan();
    plan.coins = vec![world.coin(Keychain::External, 60 + number, 50_000_000)];
    plan.asked = (0u8..)
        .zip(amounts)
        .map(|(seed, sat)| Asked {
            intent: world.intent(&format!("p-{number}-{seed}"), stranger(100 + seed), *sat),
            by: "exchange",
            approved_by: vec![],
        })
        .collect();
    // Long enough that a window of a day goes by.
    for asked in &mut plan.asked {
        asked.intent.expires = NOW.saturating_add(7 * 86_400);
    }
    let change = 50_000_000 - amounts.iter().sum::<u64>() - 1_000;
    plan.change = Some((CHANGE_INDEX, Amount::from_sat(change)));
    world.build(&plan)
}

/// Why the one rule does not match.
fn miss(world: &World, attempt: &Attempt, history: &History, now: UnixTime) -> Miss {
    let refusals = world.review_at(attempt, history, now).expect_err("denied");
    match &refusals[..] {
        [
            Refusal::Denied {
                reason: DenyReason::NoMatchingRule { missed },
                ..
            },
        ] => missed[0].miss,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_window_is_counted_over_the_payments_of_one_transaction() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let world = World::with(kind, windowed);
        let review = world.reviewed(&payouts(&world, 1, &[4_000_000, 3_000_000]));
        let text = review_text(&review, &world.policy);
        assert!(
            text.contains("leaves 0.03 000 000 BTC (3,000,000 sat) of"),
            "{text}"
        );
        assert!(text.contains("in 1d"), "{text}");
        let over = payouts(&world, 1, &[4_000_000, 3_000_001]);
        assert_eq!(world.refusals(&over), ["DENIED"]);
    }
}

#[test]
fn a_window_is_counted_over_what_was_signed_and_ages() {
    let world = World::with(ScriptKind::Wsh, windowed);
    let mut history = History::none();
    let first = payouts(&world, 1, &[4_000_000]);
    let review = world.review_at(&first, &history, NOW).expect("the first");
    history.record(review.signed_transaction(NOW));
    assert!(
        world.refusals_at(&first, &history, NOW).is_empty(),
        "not twice"
    );
    let second = payouts(&world, 2, &[3_000_001]);
    assert_eq!(world.refusals_at(&second, &history, NOW), ["DENIED"]);
    let exact = payouts(&world, 2, &[3_000_000]);
    assert!(world.refusals_at(&exact, &history, NOW).is_empty());
    // The window holds what was signed for a day, to the second.
    for now in [NOW, NOW.saturating_add(80_000), LAST] {
        assert_eq!(world.refusals_at(&second, &history, now), ["DENIED"]);
        let (left, per) = (Amount::from_sat(3_000_000), DAY);
        let expected = Miss::Window { left, per };
        assert_eq!(miss(&world, &second, &history, now), expected);
    }
    assert!(world.refusals_at(&second, &history, EDGE).is_empty());
    // What is signed then counts again, alone.
    let review = world.review_at(&second, &history, EDGE).expect("aged");
    history.record(review.signed_transaction(EDGE));
    let third = payouts(&world, 3, &[3_999_999]);
    assert!(world.refusals_at(&third, &history, EDGE).is_empty());
    let more = payouts(&world, 3, &[4_000_001]);
    assert_eq!(world.refusals_at(&more, &history, EDGE), ["DENIED"]);
    let (left, per) = (Amount::from_sat(3_999_999), DAY);
    assert_eq!(
        miss(&world, &more, &history, EDGE),
        Miss::Window { left, per }
    );
}

#[test]
fn small_fees_add_up_to_the_budget() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 2_000,
            window: "24h".to_owned(),
        });
    });
    let mut history = History::none();
    for number in 0..2 {
        let attempt = payouts(&world, number, &[1_000_000 + u64::from(number)]);
        let review = world.review_at(&attempt, &history, NOW).expect("within");
        history.record(review.signed_transaction(NOW));
    }
    let third = payouts(&world, 2, &[1_000_002]);
    assert_eq!(world.refusals_at(&third, &history, NOW), ["FEE_BUDGET"]);
    let codes = world.refusals_at(&world.self_spend(1_000), &history, NOW);
    assert_eq!(codes, ["FEE_BUDGET"], "self-spends cost, too");
    let codes = world.refusals_at(&world.recovery(1_000), &history, NOW);
    assert_eq!(codes, ["FEE_BUDGET"], "recoveries, too");
    // The budget holds them for a day, to the second.
    assert_eq!(world.refusals_at(&third, &history, LAST), ["FEE_BUDGET"]);
    assert!(world.refusals_at(&third, &history, EDGE).is_empty());
}

/// So many transactions like one that was signed, each of a coin, for a withdrawal and to a script of its own.
fn like(signed: &SignedTransaction, count: u32) -> impl Iterator<Item = SignedTransaction> {
    (0..count).map(|number| {
        let mut other = signed.clone();
        let txid = |fill: u8| {
            let bytes = [&number.to_le_bytes()[..], &[fill; 28]].concat();
            Txid::from_slice(&bytes).expect("32 bytes")
        };
        other.txid = txid(7);
        other.inputs = vec![OutPoint::new(txid(8), 0)];
        for intent in &mut other.intents {
            intent.id = format!("q-{number}").parse().expect("an id");
            let script = [&[0, 20][..], &number.to_le_bytes(), &[9; 16]].concat();
            intent.script_pubkey = ScriptBuf::from_bytes(script);
        }
        other
    })
}

#[test]
fn a_thousand_small_transactions_fill_the_fee_budget_and_one_more_is_refused() {
    // Each pays 1,000 sat, far below the cap of one transaction; the budget is a thousand times that.
    let world = World::with(ScriptKind::Wsh, |draft| {
        draft.limits.fee_budget = Some(FeeBudgetDraft {
            sat: 1_000_000,
            window: "24h".to_owned(),
        });
    });
    let mut history = History::none();
    let first = payouts(&world, 1, &[1_000_000]);
    let review = world.review_at(&first, &history, NOW).expect("the first");
    let signed = review.signed_transaction(NOW);
    assert_eq!(signed.fee.to_sat(), 1_000);
    for small in like(&signed, 999) {
        history.record(small);
    }
    assert!(
        world.refusals_at(&first, &history, NOW).is_empty(),
        "the thousandth"
    );
    history.record(signed);
    let more = payouts(&world, 2, &[1_000_001]);
    assert_eq!(world.refusals_at(&more, &history, NOW), ["FEE_BUDGET"]);
    assert_eq!(world.refusals_at(&more, &history, LAST), ["FEE_BUDGET"]);
    assert!(world.refusals_at(&more, &history, EDGE).is_empty());
}

#[test]
fn a_thousand_small_payments_fill_the_window_and_one_more_satoshi_is_denied() {
    let world = World::with(ScriptKind::Wsh, |draft| {
        windowed(draft);
        let window = draft.rules[0].window.as_mut().expect("just set");
        window.sat = 70_000_000;
    });
    let mut history = History::none();
    let first = payouts(&world, 1, &[69_500]);
    let review = world.review_at(&first, &history, NOW).expect("the first");
    for small in like(&review.signed_transaction(NOW), 1_000) {
        history.record(small);
    }
    let exact = payouts(&world, 2, &[500_000]);
    assert!(world.refusals_at(&exact, &history, NOW).is_empty());
    let more = payouts(&world, 2, &[500_001]);
    assert_eq!(world.refusals_at(&more, &history, NOW), ["DENIED"]);
    let (left, per) = (Amount::from_sat(500_000), DAY);
    let expected = Miss::Window { left, per };
    assert_eq!(miss(&world, &more, &history, LAST), expected);
    assert!(world.refusals_at(&more, &history, EDGE).is_empty());
}
