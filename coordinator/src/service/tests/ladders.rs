//! Ladders: rungs that exclude one another, held until they are released, within budget and caps.

use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};

use super::bumping::{block, estimate, outcome, said, told};
use super::world::{BY_HAND, World};
use crate::fees::Bump;
use crate::roles::fixture::Kind;
use crate::service::ladders::{
    LadderView, MakeLadder, make_ladder, release_rung, release_this_rung, show_ladder,
};
use crate::service::{BatchSettings, ServiceError};
use crate::session::attempt::AttemptState;
use crate::store::bumps::Outcome;

fn rungs(feerates: &[&str], preview: bool) -> MakeLadder {
    MakeLadder {
        rungs_sat_vb: feerates.iter().map(|one| (*one).to_owned()).collect(),
        preview,
    }
}

/// A vault with an attempt at 1 sat/vB that waits for signatures.
async fn world() -> (World, Txid) {
    let mut world = World::funded(Kind::Wsh, 3, 2_000_000).await;
    world.set(BatchSettings {
        estimate_max_age: u64::MAX,
        fee_cap: Some(FeeRate::from_sat_per_kwu(10_000)),
        ..BY_HAND
    });
    estimate(&world, 250).await;
    world.submit("w-1", 300_000).await;
    let first = world.batch().await;
    (world, first)
}

async fn ladder(world: &World, txid: Txid, feerates: &[&str]) -> Result<LadderView, ServiceError> {
    let (service, operator) = (&world.service, &world.operator);
    make_ladder(service, operator, txid, &rungs(feerates, false)).await
}

async fn unsigned(world: &World, txid: Txid) -> Transaction {
    let psbt = world.stored(txid).await.psbt;
    bitcoin::Psbt::deserialize(&psbt)
        .expect("a PSBT")
        .unsigned_tx
}

async fn sign_all(world: &World, ladder: &LadderView) {
    for rung in &ladder.rungs {
        for signer in [0, 1] {
            world.sign(signer, rung.txid).await;
        }
    }
    world.work().await;
    world.answer_mempool_tests().await;
    world.pass(5);
    world.work().await;
}

#[tokio::test]
async fn rungs_pay_the_same_from_the_same_coins_and_only_change_shrinks() {
    let (world, first) = world().await;
    let (service, operator) = (&world.service, &world.operator);
    let asked = rungs(&["1", "5", "10", "20"], true);
    let preview = make_ladder(service, operator, first, &asked).await;
    let preview = preview.expect("a preview");
    assert!(preview.preview && preview.rungs.len() == 4);
    assert_eq!(super::bumping::attempts(&world, first).await, [first]);
    let made = ladder(&world, first, &["1", "5", "10", "20"])
        .await
        .expect("is made");
    let fees =
        |view: &LadderView| -> Vec<u64> { view.rungs.iter().map(|rung| rung.fee_sat).collect() };
    assert_eq!(fees(&made), fees(&preview));
    let held: Vec<bool> = made.rungs.iter().map(|rung| rung.held).collect();
    assert_eq!(held, [false, true, true, true]);
    let lowest = unsigned(&world, first).await;
    let coins = |transaction: &Transaction| -> Vec<OutPoint> {
        transaction
            .input
            .iter()
            .map(|input| input.previous_output)
            .collect()
    };
    let mut fee = world.stored(first).await.fee;
    for (rung, asked) in made.rungs.iter().zip([250, 1_250, 2_500, 5_000]) {
        let row = world.stored(rung.txid).await;
        assert_eq!(row.batch, world.stored(first).await.batch);
        let transaction = unsigned(&world, rung.txid).await;
        assert_eq!(coins(&transaction), coins(&lowest));
        assert!(row.fee / row.weight >= FeeRate::from_sat_per_kwu(asked));
        let differing =
            (transaction.output.iter().zip(&lowest.output)).filter(|(own, other)| own != other);
        assert!(differing.count() <= 1, "only change differs");
        let scripts = |transaction: &Transaction| -> Vec<_> {
            transaction
                .output
                .iter()
                .map(|output| output.script_pubkey.clone())
                .collect()
        };
        assert_eq!(scripts(&transaction), scripts(&lowest));
        assert!(rung.place == 1 || row.fee > fee);
        fee = row.fee;
    }
    // Every signer's own check takes each of them beside the others.
    sign_all(&world, &made).await;
}

#[tokio::test]
async fn a_rung_that_is_held_is_not_broadcast_until_it_is_released() {
    let (world, first) = world().await;
    let made = ladder(&world, first, &["5", "10"]).await.expect("is made");
    sign_all(&world, &made).await;
    let state = async |place: usize| world.stored(made.rungs[place].txid).await.state;
    assert_eq!(state(0).await, AttemptState::Broadcasting);
    assert_eq!(state(1).await, AttemptState::Signed);
    assert_eq!(state(2).await, AttemptState::Signed);
    let (service, operator) = (&world.service, &world.operator);
    let released = release_rung(service, operator, first)
        .await
        .expect("the next");
    assert!(!released.rungs[1].held && released.rungs[2].held);
    world.work().await;
    assert_eq!(state(1).await, AttemptState::Broadcasting);
    assert_eq!(state(2).await, AttemptState::Signed);
    assert_eq!(world.show("w-1").await.txid, Some(made.rungs[1].txid));
    release_rung(service, operator, made.rungs[2].txid)
        .await
        .expect("by name");
    world.work().await;
    assert_eq!(state(2).await, AttemptState::Broadcasting);
    let nothing = release_rung(service, operator, first).await;
    assert_eq!(
        nothing.expect_err("is refused").code(),
        "nothing_held_of_ladder"
    );
    assert_eq!(told(&world, &["attempt.released"]).await.len(), 2);
}

#[tokio::test]
async fn a_rung_that_is_named_is_released_once_and_no_other_in_its_place() {
    let (world, first) = world().await;
    let made = ladder(&world, first, &["5", "10"]).await.expect("is made");
    let (service, operator) = (&world.service, &world.operator);
    let second = made.rungs[1].txid;
    let released = release_this_rung(service, operator, second).await;
    assert!(!released.expect("is released").rungs[1].held);
    for txid in [second, first] {
        let again = release_this_rung(service, operator, txid).await;
        let code = again.expect_err("is refused");
        assert_eq!(code.code(), "nothing_held_of_ladder");
    }
    let view = show_ladder(service, operator, first).await.expect("shows");
    assert!(view.rungs[2].held);
}

#[tokio::test]
async fn each_deadline_releases_one_rung_within_the_budget() {
    let (mut world, first) = world().await;
    let made = ladder(&world, first, &["5", "10", "20"])
        .await
        .expect("is made");
    let third = world.stored(made.rungs[2].txid).await.fee;
    let first_fee = world.stored(first).await.fee;
    // Enough for the third rung, and not for the fourth.
    said(&world, Bump::Automatic, (third - first_fee).to_sat()).await;
    sign_all(&world, &made).await;
    estimate(&world, 1_250).await;
    let released = async |world: &World| {
        let view = show_ladder(&world.service, &world.operator, first).await;
        view.expect("shows")
            .rungs
            .iter()
            .filter(|rung| !rung.held)
            .count()
    };
    for blocks in 1..=3 {
        block(&mut world).await;
        let expected = if blocks < 3 { 1 } else { 2 };
        assert_eq!(released(&world).await, expected, "after {blocks} blocks");
    }
    assert_eq!(
        super::bumping::attempts(&world, first).await.len(),
        4,
        "none was made besides"
    );
    estimate(&world, 5_000).await;
    for _ in 0..5 {
        block(&mut world).await;
    }
    assert_eq!(released(&world).await, 3);
    for _ in 0..8 {
        block(&mut world).await;
    }
    assert_eq!(
        released(&world).await,
        3,
        "the fourth costs more than the budget"
    );
    let held = outcome(&world, first).await;
    assert_eq!(held, (Outcome::Held, "over_budget".to_owned()));
}

#[tokio::test]
async fn by_itself_the_lowest_rung_is_released_that_a_quorum_has_signed() {
    let (mut world, first) = world().await;
    let made = ladder(&world, first, &["5", "10"]).await.expect("is made");
    let [lowest, lost, top] = made.rungs.as_slice() else {
        panic!("three rungs: {made:?}");
    };
    for rung in [lowest, top] {
        for signer in [0, 1] {
            world.sign(signer, rung.txid).await;
        }
    }
    world.work().await;
    world.answer_mempool_tests().await;
    world.pass(5);
    world.work().await;
    said(&world, Bump::Automatic, 1_000_000).await;
    estimate(&world, 1_250).await;
    for _ in 0..5 {
        block(&mut world).await;
    }
    let state = async |txid| world.stored(txid).await.state;
    assert_eq!(state(top.txid).await, AttemptState::Broadcasting);
    assert_eq!(state(lost.txid).await, AttemptState::Issued);
}

#[tokio::test]
async fn a_ladder_has_as_many_rungs_above_the_attempt_as_a_fee_policy_may_name() {
    let (world, first) = world().await;
    let most = ["3", "4", "5", "6", "7", "8", "9", "10"];
    let made = ladder(&world, first, &most).await.expect("is made");
    assert_eq!(made.rungs.len(), 9);
    sign_all(&world, &made).await;
}

#[tokio::test]
async fn a_rung_above_the_fee_cap_stays_held_by_itself() {
    let (mut world, first) = world().await;
    world.set(BatchSettings {
        estimate_max_age: u64::MAX,
        fee_cap: Some(FeeRate::from_sat_per_kwu(1_000)),
        ..BY_HAND
    });
    let made = ladder(&world, first, &["10", "20"]).await.expect("is made");
    sign_all(&world, &made).await;
    estimate(&world, 900).await;
    said(&world, Bump::Automatic, 1_000_000).await;
    for _ in 0..5 {
        block(&mut world).await;
    }
    assert_eq!(
        outcome(&world, first).await,
        (Outcome::Held, "above_cap".to_owned())
    );
    assert_eq!(
        world.stored(made.rungs[1].txid).await.state,
        AttemptState::Signed
    );
}

#[tokio::test]
async fn no_ladder_stands_where_its_rungs_could_not() {
    let (world, first) = world().await;
    let code = async |feerates: &[&str]| {
        let refused = ladder(&world, first, feerates).await;
        refused.expect_err("is refused").code()
    };
    assert_eq!(code(&["10", "5"]).await, "bad_fee_policy");
    assert_eq!(code(&["0.5", "1"]).await, "no_rung_above");
    assert_eq!(code(&[]).await, "bad_fee_policy");
    assert_eq!(code(&["5", "50"]).await, "self_review_refused");
    assert_eq!(super::bumping::attempts(&world, first).await, [first]);
    ladder(&world, first, &["5"]).await.expect("is made");
    assert_eq!(code(&["10"]).await, "ladder_there");
    let unknown = show_ladder(&world.service, &world.operator, first).await;
    assert_eq!(unknown.expect("shows").rungs.len(), 2);
}

#[tokio::test]
async fn a_rung_that_somebody_else_broadcast_is_followed_and_the_others_die_with_it() {
    let (mut world, first) = world().await;
    let made = ladder(&world, first, &["5", "10"]).await.expect("is made");
    sign_all(&world, &made).await;
    let top = made.rungs[2].txid;
    let transaction = world
        .stored(top)
        .await
        .final_transaction
        .expect("is signed");
    world.mine(vec![transaction]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "settled");
    for rung in &made.rungs[..2] {
        let state = world.stored(rung.txid).await.state;
        assert!(matches!(state, AttemptState::Dead { .. }), "{state:?}");
    }
    assert!(world.stored(top).await.fee > Amount::ZERO);
}

#[tokio::test]
async fn a_ladder_is_not_climbed_where_its_attempt_left_no_change_for_it() {
    let (world, _) = world().await;
    world.submit("w-2", 3_650_000).await;
    let view = world.show("w-2").await;
    let approval = world.approval(&[view.intent_hash], false);
    crate::service::approvals::record_approvals(
        &world.service,
        &world.operator,
        world.vault,
        &approval,
    )
    .await
    .expect("is taken");
    let tight = world.batch().await;
    let refused = ladder(&world, tight, &["5", "2000"])
        .await
        .expect_err("is refused");
    assert!(
        ["rung_change_too_small", "self_review_refused"].contains(&refused.code()),
        "{refused}"
    );
}
