//! Whatever is killed when: the next process goes on from what is stored.

use policies::UnixTime;
use watchtower::store::fees::{self, FeeEstimate};

use super::world::{BY_HAND, NOW, World};
use crate::jobs;
use crate::roles::fixture::Kind;
use crate::service::{BatchSettings, Service};
use crate::session::attempt::AttemptState;
use crate::store::jobs::{self as table, ClaimError};

#[tokio::test]
async fn every_step_goes_on_after_a_restart() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    world.restart().await;
    let txid = world.batch().await;
    world.restart().await;
    world.sign(0, txid).await;
    world.restart().await;
    world.sign(1, txid).await;
    world.restart().await;
    world.work().await;
    world.restart().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Signed);
    world.answer_mempool_tests().await;
    world.restart().await;
    world.pass(1);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Broadcasting);
    let last = world
        .stored(txid)
        .await
        .final_transaction
        .expect("is final");
    world.mine(vec![last]).await;
    world.restart().await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "confirmed");
}

#[tokio::test]
async fn a_worker_killed_with_a_claim_is_followed_by_another_when_the_lease_ends() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    world.sign(0, txid).await;
    world.sign(1, txid).await;
    let now = world.service.now();
    let key = txid.to_string();
    let mut tx = world.write().await;
    let stale = table::claim(&mut tx, "finalize", &key, "killed", now, 60)
        .await
        .expect("claims")
        .expect("is due");
    tx.commit().await.expect("commits");
    world.work().await;
    assert_eq!(
        world.stored(txid).await.state,
        AttemptState::Issued,
        "the lease holds"
    );
    world.pass(61);
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Signed);
    let mut tx = world.write().await;
    let error = table::finish(&mut tx, &stale, now).await;
    // Nothing has claimed it since it was done, or somebody has: both times the epoch differs.
    assert!(matches!(error, Err(ClaimError::Lost { .. })));
}

#[tokio::test]
async fn idle_recurring_work_never_takes_the_turn_of_other_work() {
    let world = World::new(Kind::Wsh).await;
    let now = UnixTime::from_secs(NOW);
    let mut tx = world.write().await;
    for number in 0..300_u32 {
        // The batches of idle vaults, due for longer than anything else.
        let vault = format!("{number:064x}");
        table::ensure(&mut tx, "batch", &vault, UnixTime::from_secs(NOW - 1))
            .await
            .expect("is added");
    }
    table::enqueue(&mut tx, "conjure", "money", now)
        .await
        .expect("enqueues");
    tx.commit().await.expect("commits");
    jobs::round(&world.service, "a").await.expect("a round");
    let status = crate::service::status::show_status(&world.service, &world.operator)
        .await
        .expect("a status");
    assert!(status.jobs.iter().any(|job| job.parked.is_some()));
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_ever_slower_and_seen_by_operators() {
    let world = World::new(Kind::Wsh).await;
    let now = UnixTime::from_secs(NOW);
    let mut tx = world.write().await;
    table::enqueue(&mut tx, "conjure", "money", now)
        .await
        .expect("enqueues");
    let claim = table::claim(&mut tx, "conjure", "money", "a", now, 60)
        .await
        .expect("claims")
        .expect("is due");
    table::retry(&mut tx, &claim, now.saturating_add(2), "not today")
        .await
        .expect("gives back");
    tx.commit().await.expect("commits");
    let mut tx = world.read().await;
    let troubled = table::troubled(&mut tx).await.expect("reads");
    assert_eq!(
        troubled.first().and_then(|job| job.last_error.as_deref()),
        Some("not today")
    );
    drop(tx);
    world.pass(2);
    jobs::round(&world.service, "b").await.expect("a round");
    let status = crate::service::status::show_status(&world.service, &world.operator)
        .await
        .expect("a status");
    let parked = status.jobs.first().expect("is shown").parked.clone();
    assert_eq!(
        parked.as_deref(),
        Some("this program knows no job of kind conjure")
    );
}

#[tokio::test]
async fn a_batch_is_made_on_the_interval_and_a_failed_one_is_seen_and_tried_again() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let settings = BatchSettings {
        interval: Some(60),
        ..BY_HAND
    };
    let database = world.service.database().clone();
    let (clock, dice) = (world.service.clone(), world.service.clone());
    let service = Service::new(database.clone(), world.service.network(), settings).with_sources(
        std::sync::Arc::new(move || clock.now()),
        std::sync::Arc::new(move || dice.random()),
    );
    jobs::round(&service, "a").await.expect("a round");
    assert_eq!(world.show("w-1").await.state, "approved");
    let status = crate::service::status::show_status(&service, &world.operator)
        .await
        .expect("a status");
    let job = status.jobs.first().expect("is shown");
    assert_eq!((job.kind.as_str(), job.attempts), ("batch", 1));
    let mut tx = database.begin_write().await.expect("begins");
    let estimate = FeeEstimate {
        target: 6,
        feerate: bitcoin::FeeRate::from_sat_per_vb_u32(2),
        height: 103,
        at: service.now(),
    };
    fees::replace(&mut tx, &[estimate]).await.expect("stores");
    tx.commit().await.expect("commits");
    world.pass(60);
    jobs::round(&service, "a").await.expect("a round");
    assert_eq!(world.show("w-1").await.state, "signing");
}
