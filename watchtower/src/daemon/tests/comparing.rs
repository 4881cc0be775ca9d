//! Books, tracker and node compared, with few calls and through blocks that come meanwhile.

use std::time::Duration;

use bitcoin::{OutPoint, ScriptBuf, Transaction};
use policies::{Keychain, UnixTime};

use super::{NOW, World, late};
use crate::alarm::AlarmKind;
use crate::clock;
use crate::store::database::DatabaseError;
use crate::store::reconciliation::{self, Reconciliation};
use crate::store::{chain, events, scans};
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

/// Asks, and lets the worker go on until there is a result.
async fn compared(world: &mut World, deep: bool) -> Reconciliation {
    let mut tx = world.write().await;
    let asked = if deep {
        reconciliation::request_deep(&mut tx, vault(1), NOW).await
    } else {
        reconciliation::request(&mut tx, vault(1), NOW).await
    };
    let request = asked.expect("asks");
    tx.commit().await.expect("commits");
    for _ in 0..1_000 {
        world.worker.reconcile().await.expect("compares");
        let mut tx = world.write().await;
        let result = reconciliation::result(&mut tx, request).await;
        drop(tx);
        if let Some(result) = result.expect("reads") {
            return result;
        }
        // The scan runs beside the rounds.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no result")
}

async fn latest(world: &World) -> Option<Reconciliation> {
    let mut tx = world.write().await;
    let latest = reconciliation::latest(&mut tx, vault(1)).await;
    latest.expect("reads")
}

async fn told(world: &World) -> Result<Vec<String>, DatabaseError> {
    let mut tx = world.write().await;
    let rows = tx
        .rows(
            "SELECT kind FROM event WHERE object_kind = 'vault' AND kind LIKE 'reconciliation.%'
             ORDER BY version",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(row.text("kind")?.to_owned()))
        .collect()
}

#[tokio::test]
async fn what_a_look_through_all_coins_found_is_over_only_by_another() {
    let mut world = World::start().await;
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let deposit = spend(1, &[outside(1)], &[(script, 30_000)]);
    let missed = spend(2, &[outside(2)], &[(late().script_pubkey, 70_000)]);
    let (paid, _) = world.node.mine(vec![deposit, missed.clone()]);
    world.node.mine(Vec::new());
    world.follow().await;
    world.watch_late().await;
    assert!(compared(&mut world, false).await.agrees);

    let found = compared(&mut world, true).await;
    assert_eq!((found.agrees, found.differences), (false, 1));
    assert_eq!(world.open_alarms(AlarmKind::BooksDiffer).await, 1);
    let outpoint = OutPoint::new(missed.compute_txid(), 0).to_string();
    for _ in 0..2 {
        let after = compared(&mut world, false).await;
        assert!(!after.agrees, "{after:?}");
        assert!(after.detail.contains(&outpoint), "{}", after.detail);
        assert_eq!(
            latest(&world).await.map(|latest| latest.agrees),
            Some(false)
        );
        assert_eq!(world.open_alarms(AlarmKind::BooksDiffer).await, 1);
    }
    let kinds = ["reconciliation.agrees", "reconciliation.differs"];
    assert_eq!(told(&world).await.expect("reads"), kinds);

    // It is read after all: still only a look through all coins sees that nothing is missed.
    let mut tx = world.write().await;
    scans::request(&mut tx, (paid.height, None), "olga", NOW)
        .await
        .expect("asks");
    tx.commit().await.expect("commits");
    world.worker.scan().await.expect("scans");
    assert!(!compared(&mut world, false).await.agrees);
    let found = compared(&mut world, true).await;
    assert_eq!((found.agrees, found.differences), (true, 0), "{found:?}");
    assert!(compared(&mut world, false).await.agrees);
    assert_eq!(world.open_alarms(AlarmKind::BooksDiffer).await, 0);
    let kinds = [kinds[0], kinds[1], kinds[0]];
    assert_eq!(told(&world).await.expect("reads"), kinds);
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
