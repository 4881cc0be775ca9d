//! A wallet that moves in: nothing of it is spent too early, and what comes meanwhile is a deposit.

use bitcoin::ScriptBuf;
use policies::{Keychain, UnixTime};
use watchtower::ledger::Account;
use watchtower::store::database::Value;
use watchtower::store::{chain, ledger};

use super::world::World;
use crate::roles::fixture::Kind;
use crate::service::moving_in::{MoveIn, move_in};
use crate::store::moving_in::{self, MovingRow};

#[tokio::test]
async fn nothing_is_paid_while_a_wallet_moves_in_and_all_is_as_ever_afterwards() {
    let world = World::funded(Kind::Wsh, 1, 5_000_000).await;
    world.submit("w-1", 500_000).await;
    let mut row = MovingRow {
        vault: world.vault,
        from: 0,
        history_until: Some(0),
        end: 1,
        scan: 1,
        comparison: None,
        begun_at: UnixTime::ZERO,
        begun_by: "olga".to_owned(),
        ended_at: None,
    };
    let database = world.service.database();
    let mut tx = database.begin_write().await.expect("begins");
    moving_in::insert(&mut tx, &row)
        .await
        .expect("begins to move in");
    tx.commit().await.expect("commits");
    let early = world.try_batch().await.expect_err("is too early");
    assert_eq!(early.code(), "moving_in");

    row.ended_at = Some(UnixTime::ZERO);
    let mut tx = database.begin_write().await.expect("begins");
    moving_in::update(&mut tx, &row)
        .await
        .expect("has moved in");
    tx.commit().await.expect("commits");
    world.batch().await;
}

/// The script of an index of the vault's deposits.
async fn script(world: &World, index: u32) -> ScriptBuf {
    let mut tx = world.read().await;
    let (_, policy) = (world.service.vault(&mut tx, world.vault).await).expect("a vault");
    policy.descriptor.script_pubkey(Keychain::External, index)
}

/// The watchtower comes to the end of every scan.
async fn scans_end(world: &World) {
    let mut tx = world.write().await;
    let now = Value::from_u64(world.service.now().as_secs()).expect("fits");
    let ended = "UPDATE scan SET ended_at = $1 WHERE ended_at IS NULL";
    tx.execute(ended, &[now]).await.expect("ends");
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn what_comes_after_a_wallet_began_to_move_in_is_a_deposit_also_to_an_index_watched_later() {
    let mut world = World::new(Kind::Wsh).await;
    let begin = MoveIn {
        from: 100,
        upto: Some(5),
        labels: String::new(),
    };
    let begun = move_in(&world.service, &world.operator, world.vault, &begin).await;
    begun.expect("begins");
    // Index 3 makes it look on, and index 500 is paid while nobody watches it yet.
    for (index, sat) in [(3, 30_000), (500, 50_000)] {
        let script = script(&world, index).await;
        let payment = world.payment_to(script, sat);
        world.mine(vec![payment]).await;
    }
    scans_end(&world).await;
    world.work().await;
    let tip = world.blocks.last().expect("a tip").at();
    for block in &world.blocks {
        let mut tx = world.write().await;
        let read = chain::rescan_block(&mut tx, block, tip, world.service.now()).await;
        drop(read.expect("is read again"));
        tx.commit().await.expect("commits");
    }
    world.mine(Vec::new()).await;
    world.mine(Vec::new()).await;
    let mut tx = world.read().await;
    for (account, sat) in [
        (Account::Coins, 80_000),
        (Account::DepositsSettled(None), -80_000),
        (Account::Opening, 0),
    ] {
        let net = ledger::balance_of(&mut tx, world.vault, &account).await;
        assert_eq!(net.expect("reads").to_sat(), sat, "{account}");
    }
}
