//! Books, tracker and node compared, with few calls and through blocks that come meanwhile.

use bitcoin::{OutPoint, ScriptBuf, Transaction};
use policies::{Keychain, UnixTime};

use super::{NOW, World};
use crate::clock;
use crate::store::reconciliation::{self, Reconciliation};
use crate::store::{chain, events};
use crate::tracker::Block;
use crate::tracker::simulation::{foreign, outside, spend, vault, watched};

/// More coins than go into one request.
const MANY: u32 = 1_050;

/// One transaction that pays the vault many times.
fn many() -> Transaction {
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let outputs: Vec<(ScriptBuf, u64)> = (0..MANY).map(|_| (script.clone(), 20_000)).collect();
    spend(1, &[outside(1)], &outputs)
}

async fn latest(world: &World) -> Option<Reconciliation> {
    let mut tx = world.write().await;
    let latest = reconciliation::latest(&mut tx, vault(1)).await;
    latest.expect("reads")
}

#[tokio::test]
async fn many_coins_are_asked_for_in_few_requests_and_the_lease_is_kept() {
    let mut world = World::start().await;
    world.node.mine(vec![many()]);
    world.follow().await;
    let soon = clock::now().saturating_add(5);
    if let Some(lease) = &mut world.worker.lease {
        lease.expires_at = soon;
    }
    let before = world.node.posts();
    world.worker.reconcile().await.expect("compares");
    let result = latest(&world).await.expect("a result");
    assert!(result.agrees, "{result:?}");
    assert_eq!(result.coins, MANY);
    let posts = world.node.posts() - before;
    assert!(posts < 30, "{posts} requests for {MANY} coins");
    let lease = world.worker.lease.as_ref().expect("is held");
    assert!(lease.expires_at > soon, "it was renewed");
}

/// The tip moves once half of the coins are asked for, by a block of these transactions.
fn a_block_comes_meanwhile(world: &World, mut transactions: Option<Vec<Transaction>>) {
    let (mut asked, half) = (0, MANY / 2);
    world.node.before(move |blocks, method, _| {
        asked += u32::from(method == "gettxout");
        if asked == half
            && let Some(transactions) = transactions.take()
        {
            let tip = blocks.last().expect("a genesis block");
            let next = crate::bitcoind::pretended::next(tip, transactions, 0);
            blocks.push(next);
        }
        None
    });
}

#[tokio::test]
async fn a_block_that_comes_meanwhile_neither_ends_a_comparison_nor_begins_it_anew() {
    let mut world = World::start().await;
    world.node.mine(vec![many()]);
    world.follow().await;
    a_block_comes_meanwhile(&world, Some(Vec::new()));
    world.worker.reconcile().await.expect("compares");
    assert_eq!(latest(&world).await, None);
    world.follow().await;
    world.worker.reconcile().await.expect("goes on");
    let result = latest(&world)
        .await
        .expect("a result, and not an interval later");
    assert!(result.agrees, "{result:?}");
    assert_eq!((result.coins, result.tip.height), (MANY, 2));
    let asked = u32::try_from(world.node.calls("gettxout")).expect("few");
    assert!(asked <= MANY + 600, "{asked} questions");

    // The next one is due an interval after the result.
    world.worker.reconcile().await.expect("rests");
    assert_eq!(u32::try_from(world.node.calls("gettxout")), Ok(asked));
}

#[tokio::test]
async fn a_spend_that_the_books_miss_while_they_are_compared_is_found() {
    let mut world = World::start().await;
    let paid = many();
    world.node.mine(vec![paid.clone()]);
    world.follow().await;
    // It was asked for before the block came, and then was there.
    let coin = OutPoint::new(paid.compute_txid(), MANY - 1);
    let payment = spend(2, &[coin], &[(foreign(1), 19_000)]);
    a_block_comes_meanwhile(&world, Some(vec![payment]));
    world.worker.reconcile().await.expect("compares");
    let client = world.node.client();
    let hash = client.best_block_hash().await.expect("answers");
    let header = client.block(hash).await.expect("answers").header;
    let missed = Block {
        height: 2,
        hash,
        previous: header.prev_blockhash,
        time: UnixTime::from_secs(u64::from(header.time)),
        transactions: Vec::new(),
    };
    let mut tx = world.write().await;
    chain::connect_block(&mut tx, &missed, NOW)
        .await
        .expect("connects");
    tx.commit().await.expect("commits");
    world.worker.reconcile().await.expect("goes on");
    let result = latest(&world).await.expect("a result");
    assert!(!result.agrees, "{result:?}");
    assert!(
        result.detail.contains(&coin.to_string()),
        "{}",
        result.detail
    );
    let mut tx = world.write().await;
    events::verify_chain(&mut tx).await.expect("holds");
}
