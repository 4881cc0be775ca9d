//! What was signed before: M2 for directly shared coins, and one body for each id.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Txid};

use super::super::world::{Asked, CHANGE_INDEX, NOW, Plan, World, stranger, withdrawal};
use crate::descriptor::ScriptKind;
use crate::ids::Keychain;
use crate::journal::History;

/// A history in which the honest attempt was signed.
fn after_the_honest_attempt(world: &World) -> History {
    let mut history = History::none();
    let review = world.reviewed(&world.attempt());
    history.record(review.signed_transaction(NOW));
    history
}

/// One payment alone, from one coin of 50,000,000.
fn paying_alone(world: &World, asked: usize, coin: u32) -> Plan {
    let mut plan = world.plan();
    let asked = plan.asked.swap_remove(asked);
    let rest = 50_000_000 - asked.intent.amount.to_sat() - 1_000;
    plan.asked = vec![asked];
    plan.coins = vec![world.coin(Keychain::External, coin, 50_000_000)];
    plan.change = Some((CHANGE_INDEX + 1, Amount::from_sat(rest)));
    plan
}

#[test]
fn the_same_transaction_may_be_signed_again() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let attempt = world.attempt();
        assert!(world.refusals_at(&attempt, &history, NOW).is_empty());
    }
}

#[test]
fn a_withdrawal_is_not_paid_again_from_other_coins() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let attempt = world.build(&paying_alone(&world, 0, 40));
        assert!(world.refusals(&attempt).is_empty());
        assert_eq!(
            world.refusals_at(&attempt, &history, NOW),
            ["NOT_EXCLUSIVE"]
        );
    }
}

#[test]
fn a_withdrawal_may_be_paid_by_another_transaction_that_spends_a_coin_of_the_first() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let mut plan = paying_alone(&world, 0, 40);
        plan.coins.push(world.plan().coins[1].clone());
        plan.change = Some((CHANGE_INDEX + 1, Amount::from_sat(75_999_000)));
        let attempt = world.build(&plan);
        assert!(world.refusals_at(&attempt, &history, NOW).is_empty());
    }
}

#[test]
fn three_transactions_of_a_line_must_all_exclude_each_other() {
    // The second shares a coin with the first, the third with the second only.
    for world in World::both() {
        let mut history = after_the_honest_attempt(&world);
        let mut second = paying_alone(&world, 0, 40);
        second.coins.push(world.plan().coins[1].clone());
        second.change = Some((CHANGE_INDEX + 1, Amount::from_sat(75_999_000)));
        let review = world
            .review_at(&world.build(&second), &history, NOW)
            .expect("exclusive with the first");
        history.record(review.signed_transaction(NOW));
        let third = world.build(&paying_alone(&world, 0, 40));
        assert_eq!(world.refusals_at(&third, &history, NOW), ["NOT_EXCLUSIVE"]);
    }
}

#[test]
fn an_equal_payment_under_another_id_is_of_the_same_line() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let mut plan = paying_alone(&world, 0, 40);
        plan.asked[0].intent.id = withdrawal("w-8");
        let attempt = world.build(&plan);
        assert_eq!(
            world.refusals_at(&attempt, &history, NOW),
            ["NOT_EXCLUSIVE"]
        );
        // One satoshi less is another payment.
        let less = plan.asked[0].intent.amount - Amount::ONE_SAT;
        plan.asked[0].intent.amount = less;
        plan.asked[0].intent.min = less;
        let attempt = world.build(&plan);
        assert!(world.refusals_at(&attempt, &history, NOW).is_empty());
    }
}

#[test]
fn a_replacement_is_of_the_line_that_it_replaces() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let first = world.plan().asked.swap_remove(0);
        let mut plan = paying_alone(&world, 0, 40);
        plan.asked[0].intent.id = withdrawal("w-8");
        plan.asked[0].intent.script_pubkey = stranger(77);
        plan.asked[0].intent.replaces = Some(first.intent.id.clone());
        plan.carried.push(Asked { ..first });
        let attempt = world.build(&plan);
        assert!(world.refusals(&attempt).is_empty());
        assert_eq!(
            world.refusals_at(&attempt, &history, NOW),
            ["NOT_EXCLUSIVE"]
        );
    }
}

#[test]
fn an_id_is_never_signed_with_a_second_body() {
    for world in World::both() {
        let history = after_the_honest_attempt(&world);
        let mut plan = paying_alone(&world, 0, 40);
        plan.asked[0].intent.script_pubkey = stranger(77);
        plan.coins.push(world.plan().coins[1].clone());
        plan.change = Some((CHANGE_INDEX + 1, Amount::from_sat(75_999_000)));
        let attempt = world.build(&plan);
        assert_eq!(world.refusals_at(&attempt, &history, NOW), ["SECOND_BODY"]);
    }
}

#[test]
fn a_clock_set_back_does_not_bring_expired_intents_back() {
    for world in World::both() {
        let mut history = History::none();
        let review = world.reviewed(&world.attempt());
        let later = NOW.saturating_add(86_400);
        history.record(review.signed_transaction(later));
        let codes = world.refusals_at(&world.attempt(), &history, NOW);
        assert!(codes.contains(&"INTENT_EXPIRED"), "{codes:?}");
    }
}

#[test]
fn what_is_remembered_of_one_withdrawal_is_bounded() {
    let world = World::new(ScriptKind::Wsh);
    let mut history = after_the_honest_attempt(&world);
    let mut next = world.reviewed(&world.attempt()).signed_transaction(NOW);
    // Each attempt has two inputs, and counts a hundred.
    for number in 1..199_u32 {
        let mut txid = next.txid.to_byte_array();
        txid[..4].copy_from_slice(&number.to_le_bytes());
        next.txid = Txid::from_byte_array(txid);
        history.record(next.clone());
    }
    let mut plan = world.plan();
    plan.change = Some((CHANGE_INDEX, Amount::from_sat(35_980_000)));
    let another = world.build(&plan);
    let review = world.review_at(&another, &history, NOW).expect("the last");
    history.record(review.signed_transaction(NOW));
    // Also the same transactions: each could be shown again with other ancestors.
    for attempt in [another, world.attempt()] {
        assert_eq!(
            world.refusals_at(&attempt, &history, NOW),
            ["TOO_MANY_ATTEMPTS"]
        );
    }
    // Other withdrawals are not concerned.
    let mut other = paying_alone(&world, 0, 40);
    other.asked[0].intent = world.intent("another", stranger(99), 4_000_000);
    other.change = Some((CHANGE_INDEX, Amount::from_sat(45_990_000)));
    assert!(world.review_at(&world.build(&other), &history, NOW).is_ok());
}
