//! What becomes of attempts that others exclude, case by case.

use bitcoin::{Transaction, Txid};
use policies::Keychain;
use watchtower::store::{coins, events};

use super::chain::rival_of;
use super::world::{World, foreign};
use crate::roles::fixture::Kind;
use crate::session::attempt::AttemptState;

/// The transaction of an attempt as it was issued.
async fn issued(world: &World, txid: Txid) -> Transaction {
    let psbt = world.stored(txid).await.psbt;
    bitcoin::Psbt::deserialize(&psbt)
        .expect("a PSBT")
        .unsigned_tx
}

async fn dead_by(world: &World, txid: Txid) -> Option<Txid> {
    if let AttemptState::Dead { by, .. } = world.stored(txid).await.state {
        Some(by)
    } else {
        None
    }
}

/// Only one coin is there: the second attempt spends the change of the first, which a reorg unconfirmed.
async fn parent_and_child() -> (World, Transaction, Transaction) {
    let mut world = World::funded(Kind::Tr, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let parent = world.batch().await;
    let parent = issued(&world, parent).await;
    world.mine(vec![parent.clone()]).await;
    let mut mined = 1;
    let keyset = world.keyset;
    loop {
        world.work().await;
        let mut tx = world.read().await;
        let free = coins::spendable_coins(&mut tx, world.vault, keyset).await;
        let settled = free
            .expect("reads")
            .iter()
            .any(|one| one.coin.script.keychain == Keychain::Internal);
        drop(tx);
        if settled {
            break;
        }
        world.mine(Vec::new()).await;
        mined += 1;
    }
    world.submit("w-2", 400_000).await;
    let child = world.batch().await;
    let child = issued(&world, child).await;
    assert_eq!(child.input[0].previous_output.txid, parent.compute_txid());
    for _ in 0..mined {
        world.unmine().await;
    }
    world.work().await;
    (world, parent, child)
}

async fn settle(world: &mut World, transactions: Vec<Transaction>) {
    world.mine(transactions).await;
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    world.work().await;
}

#[tokio::test]
async fn what_spends_an_output_of_a_dead_attempt_is_dead_too_and_lives_again_with_it() {
    let (mut world, parent, child) = parent_and_child().await;
    let (parent, child) = (parent, child.compute_txid());
    let rival = rival_of(&parent);
    settle(&mut world, vec![rival.clone()]).await;
    let by = Some(rival.compute_txid());
    assert_eq!(dead_by(&world, parent.compute_txid()).await, by);
    assert_eq!(dead_by(&world, child).await, by);
    assert_eq!(world.show("w-2").await.state, "failed");
    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(dead_by(&world, parent.compute_txid()).await, None);
    assert_eq!(dead_by(&world, child).await, None);
    assert_eq!(world.show("w-2").await.state, "signing");
}

#[tokio::test]
async fn an_attempt_that_two_transactions_exclude_is_dead_until_both_have_left_the_chain() {
    let mut world = World::funded(Kind::Tr, 2, 600_000).await;
    world.submit("w-1", 900_000).await;
    let attempt = world.batch().await;
    let transaction = issued(&world, attempt).await;
    assert_eq!(transaction.input.len(), 2);
    let rivals: Vec<Transaction> = transaction
        .input
        .iter()
        .zip([97, 98])
        .map(|(input, script)| {
            let mut rival = rival_of(&transaction);
            rival.input = vec![input.clone()];
            rival.output[0].script_pubkey = foreign(script);
            rival.output[0].value = bitcoin::Amount::from_sat(500_000);
            rival
        })
        .collect();
    settle(&mut world, rivals).await;
    let first = dead_by(&world, attempt).await.expect("is dead");
    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(dead_by(&world, attempt).await, None);
    let mut tx = world.read().await;
    let object = attempt.to_string();
    let log = events::after(&mut tx, 0, 10_000).await.expect("reads");
    let deaths: Vec<&serde_json::Value> = log
        .iter()
        .filter(|event| event.kind == "attempt.died" && event.object_id == object)
        .map(|event| &event.body["by"])
        .collect();
    assert_eq!(
        deaths.len(),
        2,
        "after one left, the other excludes it still"
    );
    assert_eq!(deaths[0], &serde_json::json!(first));
    assert_ne!(deaths[1], deaths[0]);
}

#[tokio::test]
async fn a_child_lives_again_once_and_only_after_its_parent() {
    let (mut world, parent, child) = parent_and_child().await;
    let before = world.stored(child.compute_txid()).await.version;
    // It spends what the parent spends and, by its parent's change, what the child spends: both are rivals.
    let mut rival = rival_of(&parent);
    rival.input.extend(child.input.clone());
    settle(&mut world, vec![rival.clone()]).await;
    let child = child.compute_txid();
    assert!(dead_by(&world, child).await.is_some());
    for _ in 0..3 {
        world.unmine().await;
    }
    world.work().await;
    assert_eq!(dead_by(&world, child).await, None);
    let after = world.stored(child).await.version;
    assert_eq!(after - before, 2, "it died once and was revived once");
}
