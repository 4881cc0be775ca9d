//! Blocks that are read again, in the database.

use bitcoin::{Amount, OutPoint};
use policies::Keychain;

use super::{DEPOSIT_DEPTH, NOW, Store};
use crate::ledger::{Account, Posting};
use crate::store::chain::{self, ChainError};
use crate::store::database::{Database, Owner, migrate};
use crate::store::scans::{self, Scan};
use crate::store::{OWNER, coins, ledger, scripts, totals};
use crate::tracker::simulation::{base, block, keyset, outside, spend, vault, watched};
use crate::tracker::{Block, WatchedScript};

/// A script that is not watched from the beginning.
fn late() -> WatchedScript {
    WatchedScript {
        index: 9,
        ..watched(1, Keychain::External, 9)
    }
}

/// Blocks of which the first pays it, settled.
async fn paid(store: &Store) -> (OutPoint, Vec<Block>) {
    let deposit = spend(1, &[outside(1)], &[(late().script_pubkey, 7_000)]);
    let mut blocks = vec![block(base(), 1, vec![deposit.clone()])];
    for salt in 2..=DEPOSIT_DEPTH {
        let previous = blocks.last().expect("a block").at();
        blocks.push(block(previous, salt, Vec::new()));
    }
    for block in &blocks {
        store.connect(block).await;
    }
    (OutPoint::new(deposit.compute_txid(), 0), blocks)
}

/// Begins a scan of the first block and reads it.
async fn read_first(store: &Store, blocks: &[Block]) -> Scan {
    let mut tx = store.write().await;
    scripts::watch_script(&mut tx, &late(), NOW)
        .await
        .expect("watches");
    let first = blocks.first().expect("a block");
    let tip = blocks.last().expect("a block").at();
    let id = scans::request(&mut tx, (first.height, None), "olga", NOW)
        .await
        .expect("asks");
    let scan = scans::scan(&mut tx, id)
        .await
        .expect("reads")
        .expect("a scan");
    let changes = chain::rescan_block(&mut tx, first, tip, NOW)
        .await
        .expect("reads again");
    assert_eq!(changes.len(), 2, "confirmed and settled: {changes:?}");
    let found = OutPoint::new(first.transactions[1].compute_txid(), 0);
    scans::advance(&mut tx, &scan, first.height, &[found])
        .await
        .expect("advances");
    tx.commit().await.expect("commits");
    scan
}

async fn spendable(store: &Store) -> (usize, u64) {
    let mut tx = store.write().await;
    let coins = coins::spendable_coins(&mut tx, vault(1), keyset(1))
        .await
        .expect("reads");
    let total = totals::settled(&mut tx, vault(1), keyset(1))
        .await
        .expect("sums");
    (coins.len(), total.to_sat())
}

#[tokio::test]
async fn what_a_scan_found_is_spent_only_once_the_scan_has_ended_well() {
    let store = Store::open().await;
    let (_, blocks) = paid(&store).await;
    let scan = read_first(&store, &blocks).await;
    assert_eq!(spendable(&store).await, (0, 0));
    let mut tx = store.write().await;
    assert!(
        scans::is_unfinished(&mut tx, vault(1))
            .await
            .expect("reads")
    );
    scans::end(&mut tx, &scan, Some("pruned"), NOW)
        .await
        .expect("ends");
    tx.commit().await.expect("commits");
    assert_eq!(
        spendable(&store).await,
        (0, 0),
        "its spend was not looked for"
    );

    // Another scan from there to the tip vouches for it.
    let mut tx = store.write().await;
    let first = blocks.first().expect("a block").height;
    let id = scans::request(&mut tx, (first, None), "olga", NOW)
        .await
        .expect("asks");
    let tip = blocks.last().expect("a block").height;
    scans::set_end(&mut tx, id, tip).await.expect("sets");
    let open = scans::oldest_open(&mut tx)
        .await
        .expect("reads")
        .expect("is open");
    scans::advance(&mut tx, &open, tip, &[])
        .await
        .expect("advances");
    let done = scans::scan(&mut tx, id)
        .await
        .expect("reads")
        .expect("a scan");
    assert_eq!(done.progress(0).done, done.progress(0).of);
    let vouched = scans::end(&mut tx, &done, None, NOW).await.expect("ends");
    assert_eq!(vouched, [scan.id]);
    tx.commit().await.expect("commits");
    assert_eq!(spendable(&store).await, (1, 7_000));
}

#[tokio::test]
async fn a_block_is_read_again_only_at_its_tip_and_only_while_it_is_active() {
    let store = Store::open().await;
    let (_, blocks) = paid(&store).await;
    let [first, second, ..] = blocks.as_slice() else {
        panic!("blocks")
    };
    let tip = blocks.last().expect("a block").at();
    let stranger = block(base(), 99, Vec::new());
    let mut tx = store.write().await;
    for (block, tip) in [(first, second.at()), (&stranger, tip)] {
        let refused = chain::rescan_block(&mut tx, block, tip, NOW).await;
        assert!(
            matches!(refused, Err(ChainError::TipMoved { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn books_of_before_keep_their_entries_and_stay_append_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open_sqlite(&folder.path().join("old.db"))
        .await
        .expect("opens");
    let before = Owner {
        migrations: OWNER.migrations.get(..4).expect("four migrations"),
        ..OWNER
    };
    migrate(&database, before).await.expect("migrates");
    let posting = |cause: &str, debit: Account, credit: Account| Posting {
        vault: vault(1),
        cause: cause.to_owned(),
        debit,
        credit,
        amount: Amount::from_sat(7),
    };
    let mut tx = database.begin_write().await.expect("begins");
    for (cause, credit) in [("a", Account::DepositsPending), ("b", Account::Clearing)] {
        ledger::post(&mut tx, &posting(cause, Account::Coins, credit), NOW)
            .await
            .expect("posts");
    }
    let old = ledger::entries(&mut tx, vault(1), 0, 10)
        .await
        .expect("reads");
    tx.commit().await.expect("commits");
    migrate(&database, OWNER).await.expect("migrates");
    let mut tx = database.begin_write().await.expect("begins");
    let kept = ledger::entries(&mut tx, vault(1), 0, 10)
        .await
        .expect("reads");
    assert_eq!(kept, old);
    ledger::post(
        &mut tx,
        &posting("c", Account::Coins, Account::Opening),
        NOW,
    )
    .await
    .expect("posts to the new account");
    tx.commit().await.expect("commits");
    for change in [
        "UPDATE ledger_entry SET amount_sat = 1",
        "DELETE FROM ledger_entry",
    ] {
        let mut tx = database.begin_write().await.expect("begins");
        tx.execute(change, &[]).await.expect_err("is append-only");
    }
}
