//! What is done of an attempt that is out and stuck: told, replaced or held, once at a tip, within the budget.

use bitcoin::{Amount, FeeRate, Transaction, Txid};
use policies::psbt::AttemptPurpose;
use watchtower::store::chain;
use watchtower::store::events;
use watchtower::store::fees::{self, FeeEstimate};

use super::own_spends::wanted;
use super::world::{BY_HAND, World};
use crate::fees::Bump;
use crate::roles::fixture::Kind;
use crate::service::BatchSettings;
use crate::service::bumping::Look;
use crate::service::fee_policies::{SetFees, set_fees};
use crate::service::rehearsal::Rehearsal;
use crate::service::self_spends::{CreateSelfSpend, SelfSpendPurpose, create_self_spend};
use crate::service::status::show_status;
use crate::session::attempt::AttemptState;
use crate::store::bumps::{self, Outcome};

/// Estimates of so many sat/kwu, made now.
pub(super) async fn estimate(world: &World, kwu: u64) {
    let at = world.service.now();
    let feerate = FeeRate::from_sat_per_kwu(kwu);
    let estimate = FeeEstimate {
        target: 6,
        feerate,
        height: 103,
        at,
    };
    let least = FeeEstimate::least(FeeRate::from_sat_per_kwu(25), 103, at);
    let mut tx = (world.service.database().begin_write().await).expect("begins");
    fees::replace(&mut tx, &[estimate, least])
        .await
        .expect("stores");
    tx.commit().await.expect("commits");
}

pub(super) async fn said(world: &World, bump: Bump, budget_sat: u64) {
    let request = SetFees {
        bump,
        budget_sat,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    let (service, operator) = (&world.service, &world.operator);
    set_fees(service, operator, world.vault, &request)
        .await
        .expect("is set");
}

/// Signs an attempt with two of three, and lets the node have it.
pub(super) async fn broadcast(world: &World, txid: Txid) {
    for signer in [0, 1] {
        world.sign(signer, txid).await;
    }
    world.work().await;
    world.answer_mempool_tests().await;
    world.pass(5);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Broadcasting);
}

/// Lets a block pass, and the jobs look.
pub(super) async fn block(world: &mut World) {
    world.mine(Vec::new()).await;
    world.pass(10);
    world.work().await;
}

pub(super) async fn attempts(world: &World, txid: Txid) -> Vec<Txid> {
    let batch = world.stored(txid).await.batch;
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let rows = crate::store::attempts::of_batch(&mut tx, batch).await;
    rows.expect("reads").iter().map(|row| row.txid).collect()
}

pub(super) async fn outcome(world: &World, txid: Txid) -> (Outcome, String) {
    let batch = world.stored(txid).await.batch;
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let row = bumps::lookup(&mut tx, batch).await.expect("reads");
    let row = row.expect("is remembered");
    (row.outcome, row.code)
}

/// The events of a family of kinds, in their order.
pub(super) async fn told(world: &World, kinds: &[&str]) -> Vec<String> {
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let all = events::after(&mut tx, 0, 10_000).await.expect("reads");
    let kinds = all
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| kinds.contains(&kind.as_str()));
    kinds.collect()
}

pub(super) const KINDS: [&str; 3] = ["attempt.stuck", "attempt.raised", "attempt.held"];

/// An attempt at 2 sat/vB that is out while 5 are asked for.
pub(super) async fn stuck(bump: Bump, budget_sat: u64) -> (World, Txid) {
    stuck_paying(300_000, bump, budget_sat).await
}

/// The same that pays so much.
async fn stuck_paying(sat: u64, bump: Bump, budget_sat: u64) -> (World, Txid) {
    stuck_among(3, sat, bump, budget_sat).await
}

/// The same of a vault with so many coins.
async fn stuck_among(coins: u32, sat: u64, bump: Bump, budget_sat: u64) -> (World, Txid) {
    let mut world = World::funded(Kind::Wsh, coins, 2_000_000).await;
    world.set(BatchSettings {
        estimate_max_age: 1_800,
        fee_cap: Some(FeeRate::from_sat_per_kwu(5_000)),
        ..BY_HAND
    });
    estimate(&world, 250).await;
    said(&world, bump, budget_sat).await;
    world.submit("w-1", sat).await;
    let first = world.batch().await;
    broadcast(&world, first).await;
    estimate(&world, 1_250).await;
    (world, first)
}

#[tokio::test]
async fn a_stuck_attempt_is_replaced_once_its_deadline_is_over_and_by_one_only() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    block(&mut world).await;
    let made = attempts(&world, first).await;
    assert_eq!(made.len(), 2, "past its deadline of three blocks");
    assert_eq!(outcome(&world, first).await.0, Outcome::Made);
    let second = world.stored(made[1]).await;
    let paid = second.fee / second.weight;
    assert!(paid >= FeeRate::from_sat_per_kwu(1_250), "{paid}");
    // It waits for its signatures, however long that takes.
    for _ in 0..8 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, made);
    assert_eq!(told(&world, &KINDS).await, ["attempt.raised"]);
    // Once it is out itself, it has a deadline of its own.
    broadcast(&world, made[1]).await;
    estimate(&world, 2_500).await;
    for _ in 0..2 {
        block(&mut world).await;
        assert_eq!(attempts(&world, first).await.len(), 2);
    }
    block(&mut world).await;
    assert_eq!(attempts(&world, first).await.len(), 3);
}

#[tokio::test]
async fn what_costs_more_than_the_budget_is_held_and_says_so_once() {
    let (mut world, first) = stuck(Bump::Automatic, 10).await;
    for _ in 0..6 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    let held = outcome(&world, first).await;
    assert_eq!(held, (Outcome::Held, "over_budget".to_owned()));
    assert_eq!(told(&world, &KINDS).await, ["attempt.held"]);
    let status = show_status(&world.service, &world.operator)
        .await
        .expect("shows");
    let [stuck] = status.stuck.as_slice() else {
        panic!("one is stuck: {:?}", status.stuck);
    };
    assert_eq!(
        (stuck.txid, stuck.code.as_deref()),
        (first, Some("over_budget"))
    );
}

#[tokio::test]
async fn the_budget_of_a_batch_is_for_all_its_replacements_together() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    let second = attempts(&world, first).await[1];
    let row = world.stored(second).await;
    let cost = row.fee - world.stored(first).await.fee;
    // What is left after the first replacement does not suffice for another as dear as that.
    said(&world, Bump::Automatic, cost.to_sat() + cost.to_sat() / 2).await;
    broadcast(&world, second).await;
    estimate(&world, 2_500).await;
    for _ in 0..5 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await.len(), 2);
    assert_eq!(outcome(&world, first).await.1, "over_budget");
}

#[tokio::test]
async fn above_the_fee_cap_it_is_raised_to_the_cap_and_not_beyond() {
    let (mut world, first) = stuck(Bump::Automatic, 1_000_000).await;
    estimate(&world, 20_000).await;
    for _ in 0..3 {
        block(&mut world).await;
    }
    let made = attempts(&world, first).await;
    assert_eq!(made.len(), 2);
    let second = world.stored(made[1]).await;
    let paid = second.fee / second.weight;
    assert!(paid <= FeeRate::from_sat_per_kwu(5_000), "{paid}");
}

#[tokio::test]
async fn a_replacement_that_would_have_to_pay_more_than_the_cap_is_not_made() {
    let (mut world, first) = stuck(Bump::Automatic, 1_000_000).await;
    // More than it pays, and less than what a node takes in its place.
    world.set(BatchSettings {
        estimate_max_age: 1_800,
        fee_cap: Some(FeeRate::from_sat_per_kwu(520)),
        ..BY_HAND
    });
    for _ in 0..4 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    assert_eq!(
        outcome(&world, first).await,
        (Outcome::Held, "above_cap".to_owned())
    );
}

#[tokio::test]
async fn a_proposal_says_what_it_would_cost_and_makes_nothing() {
    let (mut world, first) = stuck(Bump::Propose, 50_000).await;
    for _ in 0..5 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    assert_eq!(outcome(&world, first).await.0, Outcome::Proposed);
    // The same price is told once.
    assert_eq!(told(&world, &KINDS).await, ["attempt.stuck"]);
    estimate(&world, 2_500).await;
    block(&mut world).await;
    assert_eq!(told(&world, &KINDS).await, ["attempt.stuck"; 2]);
}

#[tokio::test]
async fn without_an_estimate_that_counts_a_stuck_attempt_is_held() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    world.pass(1_800);
    for _ in 0..3 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    assert_eq!(outcome(&world, first).await.1, "fees_stale");
    estimate(&world, 1_250).await;
    block(&mut world).await;
    assert_eq!(attempts(&world, first).await.len(), 2);
}

#[tokio::test]
async fn a_coordinator_that_stops_in_between_replaces_it_once_all_the_same() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    for _ in 0..2 {
        block(&mut world).await;
    }
    world.mine(Vec::new()).await;
    world.pass(10);
    // One dies with everything done and nothing committed.
    let batch = world.stored(first).await.batch;
    let service = world.service.clone();
    let mut tx = service.database().begin_write().await.expect("begins");
    let look = Look::at(&service, &mut tx, world.vault, batch).await;
    let look = look.expect("reads").expect("one is out");
    let mut rehearsal = Rehearsal::begin(&service);
    Box::pin(look.act(&service, &mut tx, &mut rehearsal))
        .await
        .expect("is done");
    let inside = crate::store::attempts::of_batch(&mut tx, batch).await;
    assert_eq!(inside.expect("reads").len(), 2);
    tx.rollback().await.expect("is taken back");
    assert_eq!(attempts(&world, first).await.len(), 1);
    // Two others look at the same tip; one of them is started anew in between.
    crate::jobs::round(&world.service, "one")
        .await
        .expect("a round");
    assert_eq!(attempts(&world, first).await.len(), 2);
    world.restart().await;
    world.set(BatchSettings {
        estimate_max_age: 1_800,
        fee_cap: Some(FeeRate::from_sat_per_kwu(5_000)),
        ..BY_HAND
    });
    world.pass(70);
    crate::jobs::round(&world.service, "two")
        .await
        .expect("a round");
    world.work().await;
    assert_eq!(attempts(&world, first).await.len(), 2);
    assert_eq!(told(&world, &KINDS).await, ["attempt.raised"]);
}

#[tokio::test]
async fn what_is_in_a_block_is_left_alone() {
    let (mut world, first) = stuck(Bump::Automatic, 50_000).await;
    let transaction: Transaction = world
        .stored(first)
        .await
        .final_transaction
        .expect("is signed");
    world.mine(vec![transaction]).await;
    for _ in 0..6 {
        block(&mut world).await;
    }
    assert_eq!(attempts(&world, first).await, [first]);
    assert!(told(&world, &KINDS).await.is_empty());
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let tip = chain::tip(&mut tx).await.expect("reads");
    assert!(tip.is_some());
    assert!(world.stored(first).await.fee < Amount::from_sat(2_000));
}

/// The spends to ourselves of a vault.
pub(super) async fn children(world: &World) -> Vec<crate::store::attempts::AttemptRow> {
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let all = crate::store::attempts::list(&mut tx, world.vault, None, 100).await;
    let all = all.expect("reads").into_iter();
    all.filter(|row| row.purpose == AttemptPurpose::Refresh)
        .collect()
}

#[tokio::test]
async fn where_it_cannot_be_replaced_a_child_of_its_own_change_pays_once() {
    // A fee of more than two percent of what is paid is refused: a replacement cannot be built.
    let (mut world, first) = stuck_paying(30_000, Bump::Automatic, 50_000).await;
    for _ in 0..4 {
        block(&mut world).await;
    }
    assert!(
        children(&world).await.is_empty(),
        "nobody said that a child may pay"
    );
    assert_eq!(
        outcome(&world, first).await,
        (Outcome::Held, "coin_selection".to_owned())
    );
    let request = SetFees {
        cpfp: true,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    let (service, operator) = (world.service.clone(), world.operator.clone());
    set_fees(&service, &operator, world.vault, &request)
        .await
        .expect("is set");
    for _ in 0..4 {
        block(&mut world).await;
    }
    let made = children(&world).await;
    let [child] = made.as_slice() else {
        panic!("one child: {made:?}");
    };
    let psbt = bitcoin::Psbt::deserialize(&child.psbt).expect("a PSBT");
    let spent: Vec<Txid> = psbt
        .unsigned_tx
        .input
        .iter()
        .map(|input| input.previous_output.txid)
        .collect();
    assert_eq!(
        spent,
        [first],
        "it spends the change of the attempt and nothing else"
    );
    let parent = world.stored(first).await;
    let weight = parent
        .final_transaction
        .as_ref()
        .expect("is signed")
        .weight()
        + child.weight;
    let together = (parent.fee + child.fee) / weight;
    assert!(together >= FeeRate::from_sat_per_kwu(1_250), "{together}");
    assert!(together < FeeRate::from_sat_per_kwu(1_300), "{together}");
    assert_eq!(attempts(&world, first).await, [first]);
    assert_eq!(
        told(&world, &KINDS).await,
        ["attempt.held", "attempt.raised"]
    );
}

#[tokio::test]
async fn where_a_child_pays_too_little_once_fees_rise_that_is_told_a_deadline_later_and_once() {
    let (mut world, first) = stuck_paying(30_000, Bump::Automatic, 50_000).await;
    let request = SetFees {
        cpfp: true,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    let (service, operator) = (world.service.clone(), world.operator.clone());
    set_fees(&service, &operator, world.vault, &request)
        .await
        .expect("is set");
    for _ in 0..3 {
        block(&mut world).await;
    }
    let child = children(&world).await[0].txid;
    estimate(&world, 2_000).await;
    for _ in 0..4 {
        block(&mut world).await;
    }
    assert_eq!(
        outcome(&world, first).await,
        (Outcome::Made, String::new()),
        "its child waits for signatures"
    );
    broadcast(&world, child).await;
    for _ in 0..4 {
        block(&mut world).await;
    }
    assert_eq!(outcome(&world, first).await.0, Outcome::Held);
    assert_eq!(children(&world).await.len(), 1);
    assert_eq!(
        told(&world, &KINDS).await,
        ["attempt.raised", "attempt.held"]
    );
}

#[tokio::test]
async fn a_child_is_made_that_signers_sign_without_approvals_and_with_room_for_a_cancellation() {
    Box::pin(a_child_beside(2, true)).await;
}

#[tokio::test]
async fn no_child_takes_the_last_spend_that_signers_sign_without_approvals() {
    Box::pin(a_child_beside(3, false)).await;
}

#[tokio::test]
async fn no_child_is_made_that_signers_would_not_sign_without_approvals() {
    Box::pin(a_child_beside(4, false)).await;
}

/// A stuck attempt that cannot be replaced, after so many spends to ourselves: whether a child pays for it.
async fn a_child_beside(spends: usize, is_made: bool) {
    let (mut world, first) = Box::pin(stuck_among(6, 30_000, Bump::Automatic, 50_000)).await;
    let refresh = CreateSelfSpend {
        max_inputs: Some(1),
        ..wanted(SelfSpendPurpose::Refresh)
    };
    let (service, operator) = (world.service.clone(), world.operator.clone());
    // The fixture's signers sign four spends to ourselves a day without approvals.
    for _ in 0..spends {
        create_self_spend(&service, &operator, world.vault, &refresh)
            .await
            .expect("is made");
    }
    let request = SetFees {
        cpfp: true,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    set_fees(&service, &operator, world.vault, &request)
        .await
        .expect("is set");
    for _ in 0..5 {
        block(&mut world).await;
    }
    let made = children(&world).await.len();
    assert_eq!(made, spends + usize::from(is_made));
    let (outcome, _) = outcome(&world, first).await;
    let expected = if is_made {
        Outcome::Made
    } else {
        Outcome::Held
    };
    assert_eq!(outcome, expected);
}

#[tokio::test]
async fn a_child_costs_no_more_than_the_budget_of_its_parents_batch() {
    let (mut world, first) = stuck_paying(30_000, Bump::Automatic, 50_000).await;
    let request = SetFees {
        cpfp: true,
        budget_sat: 100,
        rungs_sat_vb: Vec::new(),
        ..super::fee_policies::asked()
    };
    let (service, operator) = (world.service.clone(), world.operator.clone());
    set_fees(&service, &operator, world.vault, &request)
        .await
        .expect("is set");
    for _ in 0..5 {
        block(&mut world).await;
    }
    assert!(children(&world).await.is_empty());
    assert_eq!(outcome(&world, first).await.1, "over_budget");
}
