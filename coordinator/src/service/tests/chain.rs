//! What the chain does against us: rivals, restarts of the chain, spends from outside.

use bitcoin::{Transaction, TxOut};

use super::world::{World, foreign};
use crate::roles::fixture::Kind;
use crate::session::attempt::AttemptState;
use crate::store::reservations;
use watchtower::store::outgoing;

/// A transaction of somebody with a quorum of keys, outside the pipeline.
pub(super) fn rival_of(transaction: &Transaction) -> Transaction {
    let mut rival = transaction.clone();
    rival.output = vec![TxOut {
        script_pubkey: foreign(99),
        ..rival.output[0].clone()
    }];
    rival
}

#[tokio::test]
async fn an_attempt_dies_only_by_a_settled_rival_and_lives_again_when_that_is_reorged() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let last = world.broadcast(txid).await;
    let rival = rival_of(&last);
    world.mine(vec![rival.clone()]).await;
    world.work().await;
    assert_eq!(
        world.stored(txid).await.state,
        AttemptState::Broadcasting,
        "confirmed is not settled"
    );
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
    let by = rival.compute_txid();
    assert_eq!(
        world.stored(txid).await.state,
        AttemptState::Dead { by, signed: true }
    );
    let failed = world.show("w-1").await;
    assert_eq!(
        (failed.state.as_str(), failed.failed_by),
        ("failed", Some(by))
    );
    let reserved = async |world: &World| {
        let mut tx = world.read().await;
        reservations::reserved(&mut tx, world.vault)
            .await
            .expect("reads")
            .len()
    };
    assert_eq!(reserved(&world).await, 0);

    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(world.stored(txid).await.state, AttemptState::Broadcasting);
    assert_eq!(world.show("w-1").await.state, "broadcast");
    assert_eq!(reserved(&world).await, 1);
    world.mine(vec![last]).await;
    world.work().await;
    assert_eq!(world.show("w-1").await.state, "confirmed");
}

#[tokio::test]
async fn what_signers_broadcast_themselves_is_broadcast_again_by_us_when_it_is_lost() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    let sent = bitcoin::Psbt::deserialize(&world.stored(txid).await.psbt)
        .expect("a PSBT")
        .unsigned_tx;
    world.mine(vec![sent.clone()]).await;
    world.work().await;
    world.unmine().await;
    world.work().await;
    let mut tx = world.read().await;
    let kept = outgoing::outgoing(&mut tx, txid).await.expect("reads");
    assert_eq!(kept.expect("is kept").transaction, sent);
}

#[tokio::test]
async fn an_attempt_that_signers_broadcast_themselves_is_followed_too() {
    let mut world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let txid = world.batch().await;
    // The chain shows it before we ever saw a second signature.
    let unsigned = bitcoin::Psbt::deserialize(&world.stored(txid).await.psbt)
        .expect("a PSBT")
        .unsigned_tx;
    world.mine(vec![unsigned]).await;
    world.work().await;
    assert!(matches!(
        world.stored(txid).await.state,
        AttemptState::Confirmed { .. }
    ));
    assert_eq!(world.show("w-1").await.state, "confirmed");
}
