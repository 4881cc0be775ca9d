//! Scans that failed, and those that make up for them.

use super::{NOW, World, late};
use crate::alarm::AlarmKind;
use crate::store::{coins, scans};
use crate::tracker::simulation::{keyset, outside, spend, vault};

async fn spendable(world: &World) -> usize {
    let mut tx = world.write().await;
    let coins = coins::spendable_coins(&mut tx, vault(1), keyset(1)).await;
    coins.expect("reads").len()
}

#[tokio::test]
async fn a_scan_frees_what_a_failed_one_found_also_where_blocks_come_meanwhile() {
    let mut world = World::start().await;
    let deposit = spend(1, &[outside(1)], &[(late().script_pubkey, 70_000)]);
    let (paid, _) = world.node.mine(vec![deposit]);
    let (pruned, _) = world.node.mine(Vec::new());
    for _ in 0..4 {
        world.node.mine(Vec::new());
    }
    world.follow().await;
    world.watch_late().await;
    let ask = async |world: &World| {
        let mut tx = world.write().await;
        let asked = scans::request(&mut tx, (paid.height, None), "olga", NOW).await;
        tx.commit().await.expect("commits");
        asked.expect("asks")
    };
    ask(&world).await;
    world.node.before(move |_, method, params| {
        let is_gone = params
            .get(0)
            .is_some_and(|hash| *hash == pruned.hash.to_string());
        (method == "getblock" && is_gone)
            .then(|| Err((-1, "Block not available (pruned data)".to_owned())))
    });
    assert!(!world.worker.scan().await.expect("scans"));
    assert_eq!(world.open_alarms(AlarmKind::ScanFailed).await, 1);
    assert_eq!(spendable(&world).await, 0);

    // The next one begins, and a block comes before it is through.
    world.node.as_ever();
    let id = ask(&world).await;
    let tip = world.worker.tip().await.expect("reads").expect("a tip");
    let mut tx = world.write().await;
    scans::set_end(&mut tx, id, tip.height).await.expect("sets");
    tx.commit().await.expect("commits");
    let (last, _) = world.node.mine(Vec::new());
    world.follow().await;
    assert!(!world.worker.scan().await.expect("scans"));
    let mut tx = world.write().await;
    let done = scans::scan(&mut tx, id)
        .await
        .expect("reads")
        .expect("a scan");
    drop(tx);
    assert_eq!((done.found, done.done), (0, Some(last.height)));
    assert_eq!(world.open_alarms(AlarmKind::ScanFailed).await, 0);
    assert_eq!(spendable(&world).await, 1);

    // Nothing is left to make up for: the next one ends where it is told to.
    let mut tx = world.write().await;
    let short = (paid.height, Some(paid.height));
    let id = scans::request(&mut tx, short, "olga", NOW)
        .await
        .expect("asks");
    tx.commit().await.expect("commits");
    world.worker.scan().await.expect("scans");
    let mut tx = world.write().await;
    let done = scans::scan(&mut tx, id)
        .await
        .expect("reads")
        .expect("a scan");
    assert_eq!(done.done, Some(paid.height));
}
