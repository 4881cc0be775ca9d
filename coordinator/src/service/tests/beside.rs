//! A child that pays for an attempt while its replacement waits for signatures.

use bitcoin::{Amount, FeeRate, Txid};
use watchtower::store::fees::{self, FeeEstimate};
use watchtower::store::outgoing;

use super::bumping::{KINDS, attempts, block, broadcast, children, estimate, outcome, stuck, told};
use super::world::World;
use crate::fees::Bump;
use crate::service::attempts::show_attempt;
use crate::service::fee_policies::{SetFees, set_fees};
use crate::service::renewals::{Renew, cancel_batch, replace_attempt};
use crate::session::attempt::AttemptState;
use crate::store::bumps::Outcome;

/// Replaces an attempt by hand.
pub(super) async fn replace_by_hand(world: &World, txid: Txid, feerate: &str) -> Txid {
    let renew = Renew {
        feerate_sat_vb: Some(feerate.to_owned()),
        ..Renew::default()
    };
    let made = replace_attempt(&world.service, &world.operator, txid, &renew).await;
    let made = made.expect("is replaced");
    made.batches[0].attempts.last().expect("an attempt").txid
}

/// Cancels the batch of an attempt by hand.
pub(super) async fn cancel_by_hand(world: &World, txid: Txid, feerate: &str) -> Txid {
    let batch = world.stored(txid).await.batch;
    let renew = Renew {
        feerate_sat_vb: Some(feerate.to_owned()),
        ..Renew::default()
    };
    let made = cancel_batch(&world.service, &world.operator, batch, &renew).await;
    let made = made.expect("is cancelled");
    made.batches[0].attempts.last().expect("an attempt").txid
}

/// Says that a child may pay, within a budget.
async fn with_children(world: &World, budget_sat: u64) {
    let request = SetFees {
        cpfp: true,
        budget_sat,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    let (service, operator) = (&world.service, &world.operator);
    set_fees(service, operator, world.vault, &request)
        .await
        .expect("is set");
}

/// A stuck attempt whose replacement was made, and waits for signatures.
async fn waiting(budget_sat: u64) -> (World, Txid, Txid) {
    let (mut world, first) = stuck(Bump::Automatic, budget_sat).await;
    with_children(&world, budget_sat).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    let made = attempts(&world, first).await;
    let [_, second] = made.as_slice() else {
        panic!("one replacement: {made:?}");
    };
    assert!(children(&world).await.is_empty());
    let second = *second;
    (world, first, second)
}

#[tokio::test]
async fn while_its_signers_are_away_a_child_pays_a_deadline_later_and_once() {
    let (mut world, first, second) = Box::pin(waiting(50_000)).await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty(), "not before the deadline");
    block(&mut world).await;
    let made = children(&world).await;
    let [child] = made.as_slice() else {
        panic!("one child: {made:?}");
    };
    let child = child.clone();
    let psbt = bitcoin::Psbt::deserialize(&child.psbt).expect("a PSBT");
    let inputs = psbt.unsigned_tx.input.iter();
    let spent: Vec<Txid> = inputs.map(|input| input.previous_output.txid).collect();
    assert_eq!(spent, [first], "it spends the change of the attempt alone");
    // Both wait for signatures from here on, and nothing else is made.
    for _ in 0..8 {
        block(&mut world).await;
    }
    assert_eq!(children(&world).await.len(), 1);
    assert_eq!(attempts(&world, first).await, [first, second]);
    assert_eq!(told(&world, &KINDS).await, ["attempt.raised"; 2]);
    assert_eq!(outcome(&world, first).await.0, Outcome::Made);
    // What is first in a block decides, and pays once: the replacement excludes the attempt and with it the child.
    let last = world.broadcast(second).await;
    world.mine(vec![last]).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    for txid in [first, child.txid] {
        let state = world.stored(txid).await.state;
        assert!(matches!(state, AttemptState::Dead { .. }), "{state:?}");
    }
}

#[tokio::test]
async fn no_child_pays_meanwhile_where_nobody_said_so() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    for _ in 0..8 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await.len(), 2);
    assert!(children(&world).await.is_empty());
}

#[tokio::test]
async fn replacement_and_child_count_in_one_budget_and_the_reason_is_told_once() {
    // What a child costs, as another vault of the same kind shows.
    let (mut other, _, _) = Box::pin(waiting(50_000)).await;
    for _ in 0..3 {
        block(&mut other).await;
    }
    let child = children(&other).await[0].fee.to_sat();
    let (mut world, first, second) = Box::pin(waiting(50_000)).await;
    let fee = async |txid| world.stored(txid).await.fee;
    let more = (fee(second).await - fee(first).await).to_sat();
    // Each alone is within it.
    with_children(&world, more + child - 1).await;
    for _ in 0..9 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty());
    let over = (Outcome::Made, "over_budget".to_owned());
    assert_eq!(outcome(&world, first).await, over);
    let kinds = told(&world, &KINDS).await;
    assert_eq!(kinds, ["attempt.raised", "attempt.held"]);
    with_children(&world, more + child).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    assert_eq!(children(&world).await.len(), 1);
}

#[tokio::test]
async fn no_child_hurries_an_attempt_that_somebody_cancels() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    with_children(&world, 50_000).await;
    cancel_by_hand(&world, first, "5").await;
    for _ in 0..9 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty());
    assert_eq!(attempts(&world, first).await.len(), 2);
}

#[tokio::test]
async fn what_somebody_made_by_hand_waits_a_whole_deadline_too() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    with_children(&world, 50_000).await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    replace_by_hand(&world, first, "5").await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty());
    block(&mut world).await;
    assert_eq!(children(&world).await.len(), 1);
}

#[tokio::test]
async fn the_block_at_which_it_was_made_may_go_and_it_waits_from_there_anew() {
    let (mut world, _, _) = Box::pin(waiting(50_000)).await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    for _ in 0..3 {
        world.unmine().await;
    }
    world.pass(10);
    world.work().await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty());
    block(&mut world).await;
    assert_eq!(children(&world).await.len(), 1);
}

#[tokio::test]
async fn a_replacement_that_is_out_is_raised_whatever_child_its_former_attempt_has() {
    let (mut world, first, second) = Box::pin(waiting(100_000)).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    assert_eq!(children(&world).await.len(), 1);
    broadcast(&world, second).await;
    estimate(&world, 2_500).await;
    for _ in 0..4 {
        block(&mut world).await;
    }
    let made = attempts(&world, first).await;
    assert_eq!(made.len(), 3);
    let fees = world.stored(made[2]).await.fee + children(&world).await[0].fee;
    let cost = fees - world.stored(first).await.fee;
    assert!(cost <= Amount::from_sat(100_000), "{cost}");
}

#[tokio::test]
async fn a_replacement_pays_for_its_size_what_the_node_asks_for_and_never_less_than_others_do() {
    for (said, asked) in [(2_500, 2_500), (25, 250)] {
        let (world, first) = stuck(Bump::Off, 10).await;
        let more = FeeRate::from_sat_per_kwu(said);
        let more = FeeEstimate::incremental(more, 103, world.service.now());
        let mut tx = (world.service.database().begin_write().await).expect("begins");
        fees::replace(&mut tx, &[more]).await.expect("stores");
        tx.commit().await.expect("commits");
        let second = replace_by_hand(&world, first, "1.1").await;
        let second = world.stored(second).await;
        let more = second.fee - world.stored(first).await.fee;
        let size = FeeRate::from_sat_per_kwu(asked).fee_wu(second.weight);
        let size = size.expect("is small");
        assert!(
            more >= size && more < size + Amount::from_sat(50),
            "{more} {size}"
        );
    }
}

#[tokio::test]
async fn a_child_is_signed_and_handed_over_before_any_node_has_its_parent() {
    let (mut world, first, _) = Box::pin(waiting(50_000)).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    let child = children(&world).await[0].txid;
    let shown = show_attempt(&world.service, &world.operator, child).await;
    assert_eq!(shown.expect("is shown").inputs.len(), 1);
    broadcast(&world, child).await;
    assert_eq!(world.stored(first).await.state, AttemptState::Broadcasting);
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let packages = outgoing::packages(&mut tx, child).await.expect("reads");
    let txids = packages
        .iter()
        .map(|package| package.iter().map(|one| one.txid).collect());
    let txids: Vec<Vec<Txid>> = txids.collect();
    assert_eq!(txids, [[first, child]], "both go together, the child last");
    let of_parent = outgoing::packages(&mut tx, first).await.expect("reads");
    assert_eq!(of_parent, packages);
}
