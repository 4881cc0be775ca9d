//! The store on SQLite. The scenarios run it on PostgreSQL, as each role.

use std::collections::BTreeMap;

use bitcoin::{OutPoint, Transaction as BitcoinTransaction};
use policies::{Keychain, UnixTime};
use proptest::prelude::*;

use super::chain::{self, ChainError};
use super::database::{Database, Transaction};
use super::outgoing::{self, Answer, Broadcast};
use super::{coins, events, lease, ledger, mempool_test, scripts};
use crate::answer::SendAnswer;
use crate::tracker::simulation::{
    CHANGE_DEPTH, DEPOSIT_DEPTH, Model, Step, acts, all_watched, base, block, foreign, keyset,
    observe, outside, play, pool, spend, vault, watched,
};
use crate::tracker::{Block, BlockRef};

mod alarms;
mod evidence;
mod inclusion;
mod nuisances;
mod scans;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

struct Store {
    _folder: tempfile::TempDir,
    database: Database,
}

impl Store {
    /// A migrated database that watches the simulation's scripts from its base block on.
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::open_sqlite(&folder.path().join("test.db"))
            .await
            .expect("opens");
        super::migrate(&database).await.expect("migrates");
        let store = Self {
            _folder: folder,
            database,
        };
        let mut tx = store.write().await;
        for script in all_watched() {
            scripts::watch_script(&mut tx, &script, NOW)
                .await
                .expect("watches");
        }
        let previous = base().hash;
        chain::set_base(&mut tx, base(), previous, NOW)
            .await
            .expect("sets the base");
        tx.commit().await.expect("commits");
        store
    }

    async fn write(&self) -> Transaction {
        self.database.begin_write().await.expect("begins")
    }

    async fn connect(&self, block: &Block) {
        let mut tx = self.write().await;
        chain::connect_block(&mut tx, block, NOW)
            .await
            .expect("connects");
        tx.commit().await.expect("commits");
    }

    async fn disconnect(&self, tip: BlockRef) {
        let mut tx = self.write().await;
        chain::disconnect_tip(&mut tx, tip, NOW)
            .await
            .expect("disconnects");
        tx.commit().await.expect("commits");
    }

    async fn observe(&self, step: &Step) {
        match step {
            Step::Connect(block) => self.connect(block).await,
            Step::Disconnect(block) => self.disconnect(*block).await,
            Step::Mempool(present, new) => {
                let mut tx = self.write().await;
                let tip = chain::tip(&mut tx)
                    .await
                    .expect("reads")
                    .expect("a tip")
                    .hash;
                chain::observe_mempool(&mut tx, tip, present, new.clone(), NOW)
                    .await
                    .expect("observes");
                tx.commit().await.expect("commits");
            }
        }
    }
}

fn deposit(salt: u32) -> BitcoinTransaction {
    let script = watched(1, Keychain::External, 0).script_pubkey;
    spend(salt, &[outside(salt)], &[(script, 10_000)])
}

#[tokio::test]
async fn a_settled_deposit_is_spendable_with_its_funding_transaction() {
    let store = Store::open().await;
    let funding = deposit(1);
    let mut tip = block(base(), 1, vec![funding.clone()]);
    store.connect(&tip).await;
    for salt in 2..=DEPOSIT_DEPTH {
        let mut tx = store.write().await;
        let spendable = coins::spendable_coins(&mut tx, vault(1), keyset(1))
            .await
            .expect("reads");
        assert!(spendable.is_empty());
        drop(tx);
        tip = block(tip.at(), salt, Vec::new());
        store.connect(&tip).await;
    }
    let mut tx = store.write().await;
    let spendable = coins::spendable_coins(&mut tx, vault(1), keyset(1))
        .await
        .expect("reads");
    let [coin] = spendable.as_slice() else {
        panic!("one coin: {spendable:?}")
    };
    assert_eq!(*coin.funding, funding);
    assert_eq!(coin.confirmations, DEPOSIT_DEPTH);
    assert_eq!(
        coin.coin.outpoint,
        OutPoint {
            txid: funding.compute_txid(),
            vout: 0
        }
    );
    let other = coins::spendable_coins(&mut tx, vault(1), keyset(2))
        .await
        .expect("reads");
    assert!(
        other.is_empty(),
        "coins of another keyset are not spendable with this one"
    );
    let stored = coins::funding_transaction(&mut tx, funding.compute_txid())
        .await
        .expect("reads");
    assert_eq!(stored, Some(funding));
}

#[tokio::test]
async fn a_block_that_does_not_follow_the_tip_changes_nothing() {
    let store = Store::open().await;
    let first = block(base(), 1, vec![deposit(1)]);
    let second = block(first.at(), 2, Vec::new());
    let mut tx = store.write().await;
    let error = chain::connect_block(&mut tx, &second, NOW)
        .await
        .expect_err("skips a block");
    assert!(matches!(error, ChainError::TipMoved { .. }));
    let error = chain::disconnect_tip(&mut tx, first.at(), NOW)
        .await
        .expect_err("is no tip");
    assert!(matches!(error, ChainError::TipMoved { .. }));
    assert_eq!(chain::tip(&mut tx).await.expect("reads"), Some(base()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_stored_state_is_that_of_the_tracker_alone(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (steps, _) = play(&acts);
        let mut model = Model::new();
        let (stored, balances, numbered) = runtime.block_on(async {
            let store = Store::open().await;
            let mut tx = store.write().await;
            for transaction in pool().iter().skip(2).step_by(5) {
                outgoing::add_outgoing(&mut tx, vault(1), transaction, CHANGE_DEPTH, NOW)
                    .await
                    .expect("hands over");
            }
            tx.commit().await.expect("commits");
            for step in &steps {
                observe(&mut model, step);
                store.observe(step).await;
            }
            let mut tx = store.write().await;
            let lease = lease::acquire(&mut tx, "sequencer", "test", NOW, 30)
                .await
                .expect("reads")
                .expect("is free");
            while events::sequence(&mut tx, &lease, 7).await.expect("numbers") > 0 {}
            let (numbered, _) = events::verify_chain(&mut tx).await.expect("the chain holds");
            let mut stored = BTreeMap::new();
            let mut balances = BTreeMap::new();
            for number in [1, 2] {
                for coin in coins::coins(&mut tx, vault(number)).await.expect("reads") {
                    stored.insert(coin.outpoint, coin);
                }
                for balance in ledger::balances(&mut tx, vault(number)).await.expect("reads") {
                    if balance.net().to_sat() != 0 {
                        balances.insert((vault(number), balance.account.clone()), balance.net().to_sat());
                    }
                }
            }
            (stored, balances, numbered)
        });
        let expected: BTreeMap<_, _> = model
            .view
            .coins()
            .filter(|coin| coin.placement != crate::tracker::Placement::Gone)
            .map(|coin| (coin.outpoint, coin.clone()))
            .collect();
        prop_assert_eq!(stored, expected);
        prop_assert_eq!(balances, model.balances());
        prop_assert!(numbered > 0 || model.view.coins().next().is_none());
    }
}

#[tokio::test]
async fn an_outgoing_transaction_is_due_until_the_chain_or_mempool_shows_it() {
    let store = Store::open().await;
    let funding = deposit(1);
    let first = block(base(), 1, vec![funding.clone()]);
    store.connect(&first).await;
    let coin = OutPoint {
        txid: funding.compute_txid(),
        vout: 0,
    };
    let payment = spend(2, &[coin], &[(foreign(1), 9_000)]);
    let txid = payment.compute_txid();
    let mut tx = store.write().await;
    for _ in 0..2 {
        outgoing::add_outgoing(&mut tx, vault(1), &payment, 1, NOW)
            .await
            .expect("hands over");
    }
    let due = outgoing::due(&mut tx, NOW).await.expect("reads");
    assert_eq!(due.iter().map(|due| due.txid).collect::<Vec<_>>(), [txid]);
    let answer = Broadcast {
        answer: Answer::Unknown,
        class: Some(SendAnswer::BelowMinimum),
        code: Some(-26),
        reason: "min relay fee not met".to_owned(),
        attempts: 1,
        at: NOW,
        next_at: NOW.saturating_add(2),
    };
    outgoing::record_answer(&mut tx, txid, &answer)
        .await
        .expect("stores");
    assert!(
        outgoing::due(&mut tx, NOW).await.expect("reads").is_empty(),
        "not before its time"
    );
    let later = NOW.saturating_add(2);
    assert_eq!(outgoing::due(&mut tx, later).await.expect("reads").len(), 1);
    tx.commit().await.expect("commits");

    let second = block(first.at(), 2, vec![payment.clone()]);
    store.connect(&second).await;
    let mut tx = store.write().await;
    let stored = outgoing::outgoing(&mut tx, txid)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(stored.broadcast, Some(answer));
    assert!(stored.settled);
    assert!(
        outgoing::due(&mut tx, later)
            .await
            .expect("reads")
            .is_empty()
    );
    drop(tx);

    store.disconnect(second.at()).await;
    store
        .observe(&Step::Mempool(
            std::collections::BTreeSet::new(),
            Vec::new(),
        ))
        .await;
    let mut tx = store.write().await;
    assert_eq!(
        outgoing::due(&mut tx, NOW).await.expect("reads").len(),
        1,
        "at once after a reorg"
    );
    drop(tx);

    let rival = spend(3, &[coin], &[(foreign(2), 9_500)]);
    store.connect(&block(first.at(), 3, vec![rival])).await;
    let mut tx = store.write().await;
    assert!(
        outgoing::due(&mut tx, later)
            .await
            .expect("reads")
            .is_empty(),
        "excluded by a rival"
    );
}

#[tokio::test]
async fn a_mempool_test_is_asked_once_and_answered_once() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    let transaction = deposit(1);
    let txid = transaction.compute_txid();
    for _ in 0..2 {
        mempool_test::request_mempool_test(&mut tx, &transaction, NOW)
            .await
            .expect("asks");
    }
    assert_eq!(
        mempool_test::open_requests(&mut tx).await.expect("reads"),
        [transaction]
    );
    assert_eq!(
        mempool_test::mempool_test_result(&mut tx, txid)
            .await
            .expect("reads"),
        None
    );
    let result = mempool_test::MempoolTest {
        allowed: false,
        reason: "dust".to_owned(),
        at: NOW,
    };
    mempool_test::record_result(&mut tx, txid, &result)
        .await
        .expect("stores");
    assert!(
        mempool_test::open_requests(&mut tx)
            .await
            .expect("reads")
            .is_empty()
    );
    let stored = mempool_test::mempool_test_result(&mut tx, txid)
        .await
        .expect("reads");
    assert_eq!(stored, Some(result));
}

#[tokio::test]
async fn a_script_is_watched_once() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    let script = watched(1, Keychain::External, 0);
    let found = scripts::watched_script(&mut tx, &script.script_pubkey)
        .await
        .expect("reads");
    assert_eq!(found.as_ref(), Some(&script));
    let error = scripts::watch_script(&mut tx, &script, NOW)
        .await
        .expect_err("is watched");
    assert!(error.is_unique_violation());
}
