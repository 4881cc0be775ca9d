//! What a batch takes, leaves out, or waits for.

use bitcoin::{Amount, FeeRate, ScriptBuf, TxOut};
use policies::psbt::AttemptPurpose;
use watchtower::store::fees::{self, FeeEstimate};
use watchtower::store::{chain, node, scans};

use crate::roles::fixture::Kind;
use crate::service::approvals::record_approvals;
use crate::service::batches::{CreateBatch, create_batch};
use crate::service::free_coins::candidates_paying;
use crate::service::tests::world::{BY_HAND, World};
use crate::service::{BatchError, BatchSettings, ServiceError};
use crate::session::BatchId;
use crate::store::withdrawals::WithdrawalKey;
use crate::store::{batches, reservations};

#[tokio::test]
async fn a_withdrawal_and_a_coin_are_in_one_live_batch_only() {
    let world = World::funded(Kind::Wsh, 2, 1_000_000).await;
    world.submit("w-1", 100_000).await;
    world.submit("w-2", 100_001).await;
    let first = world.try_batch().await.expect("a batch");
    assert!(matches!(
        world.try_batch().await,
        Err(ServiceError::Batch(BatchError::NothingToBatch { .. }))
    ));
    let held = first
        .coins
        .first()
        .expect("a coin")
        .parse()
        .expect("an outpoint");
    let mut tx = world
        .service
        .database()
        .begin_write()
        .await
        .expect("begins");
    let rival = batches::BatchRow {
        id: BatchId::from_bytes([9; 16]),
        vault: world.vault,
        keyset: world.keyset,
        purpose: AttemptPurpose::Pay,
        created_at: world.service.now(),
        created_by: "rival".to_owned(),
    };
    batches::insert(&mut tx, &rival).await.expect("inserts");
    let error = reservations::reserve(
        &mut tx,
        rival.id,
        held,
        Amount::ONE_SAT,
        world.service.now(),
    )
    .await
    .expect_err("the index says so");
    assert!(error.is_unique_violation());
    let name = first.withdrawals.first().expect("one");
    let key = WithdrawalKey {
        vault: world.vault,
        requester: name.requester.clone(),
        id: name.id.clone(),
    };
    batches::add_withdrawal(&mut tx, rival.id, &key)
        .await
        .expect("not live yet");
    let error = batches::make_live(&mut tx, rival.id, &key)
        .await
        .expect_err("the index says so");
    assert!(error.is_unique_violation());
}

#[tokio::test]
async fn a_batch_leaves_out_the_latest_where_coins_do_not_suffice_for_all_and_the_fee() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    world.pass(1);
    world.submit("w-2", 500_000).await;
    let batch = world.try_batch().await.expect("a batch");
    assert_eq!(batch.withdrawals.len(), 1);
    assert_eq!(world.show("w-1").await.state, "signing");
    assert_eq!(world.show("w-2").await.state, "approved");
}

#[tokio::test]
async fn an_old_withdrawal_that_cannot_be_paid_holds_up_no_other() {
    let mut world = World::funded(Kind::Wsh, 1, 600_000).await;
    let script = ScriptBuf::from_hex(&world.address().await.script_pubkey).expect("hex");
    let second = world.payment_to(script, 900_000);
    world.mine(vec![second]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.submit("w-1", 1_000_000).await;
    world.pass(1);
    world.submit("w-2", 300_000).await;
    for _ in 0..3 {
        world.unmine().await;
    }
    let batch = world.try_batch().await.expect("a batch");
    assert_eq!(batch.withdrawals.len(), 1);
    assert_eq!(world.show("w-1").await.state, "approved");
    assert_eq!(world.show("w-2").await.state, "signing");
}

#[tokio::test]
async fn what_runs_out_before_the_signers_have_signed_is_not_batched() {
    let world = World::funded(Kind::Wsh, 3, 5_000_000).await;
    let mut short = world.intent("short", 500_000);
    short.expires = world.service.now().saturating_add(1_800);
    world.try_submit(&short).await.expect("is taken");
    let large = world.submit("large", 2_000_000).await;
    record_approvals(
        &world.service,
        &world.operator,
        world.vault,
        &world.approval(&[large.intent_hash], false),
    )
    .await
    .expect("is approved");
    let error = world.try_batch_of("short").await.expect_err("too short");
    assert_eq!(error.code(), "not_approved");
    // The approval holds for an hour; after this, for a signing window less a second.
    world.pass(1_801);
    let error = world.try_batch_of("large").await.expect_err("too short");
    assert_eq!(error.code(), "approvals_ran_out");
    world.submit("w-1", 300_000).await;
    let batch = world.try_batch().await.expect("a batch of the rest");
    assert_eq!(batch.withdrawals.len(), 1);
    assert_eq!(world.show("w-1").await.state, "signing");
}

#[tokio::test]
async fn no_batch_is_made_on_a_chain_that_nobody_looks_at() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let status = node::NodeStatus {
        node: "main".to_owned(),
        chain: "regtest".to_owned(),
        height: 0,
        hash: None,
        headers: 0,
        initial_download: false,
        trouble: None,
        detail: String::new(),
        checked_at: world.service.now(),
    };
    let mut tx = world
        .service
        .database()
        .begin_write()
        .await
        .expect("begins");
    node::record(&mut tx, &status).await.expect("stores");
    tx.commit().await.expect("commits");
    world.pass(121);
    let error = world.try_batch().await.expect_err("is held");
    assert_eq!(error.code(), "node_trouble");
    assert!(error.to_string().contains("NODE_UNWATCHED"), "{error}");

    // A watchtower that catches up is there, and busy.
    let mut tx = (world.service.database().begin_write().await).expect("begins");
    let now = world.service.now();
    scans::record_catch_up(&mut tx, (0, 1_000_000), now)
        .await
        .expect("stores");
    tx.commit().await.expect("commits");
    let error = world.try_batch().await.expect_err("is held");
    assert!(
        error.to_string().contains("WATCHTOWER_CATCHING_UP"),
        "{error}"
    );

    let mut tx = world
        .service
        .database()
        .begin_write()
        .await
        .expect("begins");
    let checked_at = world.service.now();
    let renewed = node::NodeStatus {
        checked_at,
        ..status
    };
    node::record(&mut tx, &renewed).await.expect("stores");
    tx.commit().await.expect("commits");
    world.try_batch().await.expect("a batch");
}

#[tokio::test]
async fn a_coin_of_a_huge_transaction_is_spent_last() {
    let mut world = World::funded(Kind::Wsh, 1, 600_000).await;
    let script = ScriptBuf::from_hex(&world.address().await.script_pubkey).expect("hex");
    let mut huge = world.payment_to(script, 5_000_000);
    huge.output.push(TxOut {
        value: Amount::ZERO,
        script_pubkey: ScriptBuf::from_bytes([vec![0x6a], vec![0; 100_000]].concat()),
    });
    let txid = huge.compute_txid();
    world.mine(vec![huge]).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.submit("w-1", 300_000).await;
    let first = world.try_batch().await.expect("a batch");
    assert!(!first.coins[0].starts_with(&txid.to_string()));
    world.submit("w-2", 300_000).await;
    let second = world.try_batch().await.expect("a batch");
    assert!(second.coins[0].starts_with(&txid.to_string()));
}

#[tokio::test]
async fn the_first_feerate_without_estimate_is_a_hold_and_never_a_default() {
    let world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.submit("w-1", 500_000).await;
    let request = CreateBatch::default();
    let error = create_batch(&world.service, &world.operator, world.vault, &request)
        .await
        .expect_err("is held");
    assert_eq!((error.code(), error.class().status()), ("no_feerate", 503));
    let high = CreateBatch {
        feerate_sat_vb: Some("100000".to_owned()),
        ..request
    };
    let error = create_batch(&world.service, &world.operator, world.vault, &high)
        .await
        .expect_err("refused");
    assert_eq!(error.code(), "feerate_above_cap");
    assert_eq!(world.show("w-1").await.state, "approved");
}

#[tokio::test]
async fn an_estimate_that_is_too_old_is_none_and_the_batch_is_held() {
    let mut world = World::funded(Kind::Wsh, 1, 1_000_000).await;
    world.set(BatchSettings {
        estimate_max_age: 1_800,
        ..BY_HAND
    });
    world.submit("w-1", 500_000).await;
    let estimate = FeeEstimate {
        target: 6,
        feerate: FeeRate::from_sat_per_kwu(500),
        height: 103,
        at: world.service.now(),
    };
    let mut tx = (world.service.database().begin_write().await).expect("begins");
    fees::replace(&mut tx, &[estimate]).await.expect("stores");
    tx.commit().await.expect("commits");
    world.pass(1_801);
    let request = CreateBatch::default();
    let (service, operator) = (&world.service, &world.operator);
    let held = create_batch(service, operator, world.vault, &request).await;
    let held = held.expect_err("is held");
    assert_eq!((held.code(), held.class().status()), ("fees_stale", 503));
    world.time.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    let made = create_batch(service, operator, world.vault, &request).await;
    made.expect("the estimate counts for half an hour");
}

#[tokio::test]
async fn a_coin_that_half_goes_to_miners_waits_while_the_others_suffice() {
    let mut world = World::funded(Kind::Wsh, 1, 2_000_000).await;
    let script = ScriptBuf::from_hex(&world.address().await.script_pubkey).expect("hex");
    let small = world.payment_to(script, 400);
    world.mine(vec![small]).await;
    for _ in 0..3 {
        world.mine(Vec::new()).await;
    }
    let mut tx = (world.service.database().begin_read().await).expect("begins");
    let (row, policy) = world
        .service
        .vault(&mut tx, world.vault)
        .await
        .expect("a vault");
    let tip = chain::tip(&mut tx)
        .await
        .expect("reads")
        .expect("a tip")
        .height;
    let mut found = async |kwu: u64, sat: u64| {
        let at = (tip, FeeRate::from_sat_per_kwu(kwu));
        let found = candidates_paying(&mut tx, &row, &policy, at, Amount::from_sat(sat)).await;
        found.expect("reads").0.len()
    };
    // An input costs about 105 sat at 1 sat/vB.
    assert_eq!(
        found(250, 300_000).await,
        2,
        "it brings more than it costs twice"
    );
    assert_eq!(found(500, 300_000).await, 1);
    assert_eq!(found(500, 1_900_000).await, 2, "the others may not suffice");
}
