//! Alarms about fees: what is stuck and held, and what waits without a feerate. Each ends by itself.

use bitcoin::{FeeRate, Txid};
use watchtower::alarm::AlarmKind;
use watchtower::store::alarms;
use watchtower::store::fees::{self, FeeEstimate};

use super::beside::{cancel_by_hand, replace_by_hand};
use super::bumping::{attempts, block, estimate, outcome, said, stuck};
use super::world::{BY_HAND, World};
use crate::fees::Bump;
use crate::roles::fixture::Kind;
use crate::service::BatchSettings;
use crate::service::fee_policies::clear_fees;
use crate::store::bumps::Outcome;

/// Whether an alarm of a kind is open, and about what; after the jobs that look around.
async fn alarmed(world: &World, kind: AlarmKind) -> Vec<String> {
    world.pass(61);
    world.work().await;
    let mut tx = world.read().await;
    let open = alarms::open_of(&mut tx, kind).await.expect("reads");
    open.into_iter().map(|row| row.subject).collect()
}

/// An attempt that is stuck, and held since the budget does not suffice; the alarm is open.
async fn held() -> (World, Txid) {
    let (mut world, first) = stuck(Bump::Automatic, 10).await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
    for _ in 0..3 {
        block(&mut world).await;
    }
    assert_eq!(outcome(&world, first).await.0, Outcome::Held);
    let open = alarmed(&world, AlarmKind::BumpHeld).await;
    assert_eq!(open, [first.to_string()]);
    (world, first)
}

#[tokio::test]
async fn what_is_held_is_an_alarm_until_its_budget_is_raised() {
    let (mut world, first) = Box::pin(held()).await;
    said(&world, Bump::Automatic, 50_000).await;
    block(&mut world).await;
    assert_eq!(attempts(&world, first).await.len(), 2);
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
}

#[tokio::test]
async fn what_is_held_is_an_alarm_until_nobody_asks_for_it_any_more() {
    let (world, _) = Box::pin(held()).await;
    said(&world, Bump::Off, 10).await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
    said(&world, Bump::Automatic, 10).await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await.len(), 1);
    clear_fees(&world.service, &world.operator, world.vault)
        .await
        .expect("is taken away");
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
}

#[tokio::test]
async fn what_is_held_is_an_alarm_until_a_block_has_it() {
    let (mut world, first) = Box::pin(held()).await;
    let transaction = world.stored(first).await.final_transaction;
    world.mine(vec![transaction.expect("is signed")]).await;
    world.work().await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
}

#[tokio::test]
async fn what_is_held_is_an_alarm_until_somebody_replaces_it() {
    let (mut world, first) = Box::pin(held()).await;
    let second = replace_by_hand(&world, first, "5").await;
    block(&mut world).await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
    // Nor is the former one an alarm once the replacement is in a block.
    let last = world.broadcast(second).await;
    world.mine(vec![last]).await;
    world.work().await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
}

#[tokio::test]
async fn what_is_held_is_no_alarm_once_a_cancellation_is_out_or_in_a_block() {
    let (mut world, first) = Box::pin(held()).await;
    let cancel = cancel_by_hand(&world, first, "5").await;
    let last = world.broadcast(cancel).await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
    world.mine(vec![last]).await;
    world.work().await;
    assert_eq!(alarmed(&world, AlarmKind::BumpHeld).await, [""; 0]);
}

#[tokio::test]
async fn there_is_no_feerate_to_go_by_while_something_waits_to_be_paid_and_not_longer() {
    let mut world = World::funded(Kind::Wsh, 2, 2_000_000).await;
    world.set(BatchSettings {
        estimate_max_age: 1_800,
        ..BY_HAND
    });
    let nothing = alarmed(&world, AlarmKind::FeesUnknown).await;
    assert_eq!(nothing, [""; 0], "there is nothing to pay");
    world.submit("w-1", 300_000).await;
    let vault = world.vault.to_string();
    let nothing = alarmed(&world, AlarmKind::FeesUnknown).await;
    assert_eq!(nothing, [""; 0], "the node was not asked yet");
    let least = FeeRate::from_sat_per_kwu(25);
    let least = FeeEstimate::least(least, 103, world.service.now());
    let mut tx = world.write().await;
    fees::replace(&mut tx, &[least]).await.expect("stores");
    tx.commit().await.expect("commits");
    let open = alarmed(&world, AlarmKind::FeesUnknown).await;
    assert_eq!(open, [vault.as_str()]);
    estimate(&world, 250).await;
    assert_eq!(alarmed(&world, AlarmKind::FeesUnknown).await, [""; 0]);
    world.pass(1_800);
    let open = alarmed(&world, AlarmKind::FeesUnknown).await;
    assert_eq!(open, [vault.as_str()], "the estimate is too old");
    world.batch().await;
    let nothing = alarmed(&world, AlarmKind::FeesUnknown).await;
    assert_eq!(nothing, [""; 0], "somebody said a feerate");
}
