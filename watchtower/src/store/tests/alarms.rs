//! Alarms that the chain raises, and how they end.

use super::*;
use crate::alarm::AlarmKind;
use crate::store::alarms::{self, NewAlarm};

/// A coin of vault 1 in a block, and a transaction that spends it and that nobody handed over.
async fn unknown_spend(store: &Store) -> (Block, BitcoinTransaction) {
    let funding = deposit(1);
    let tip = block(base(), 1, vec![funding.clone()]);
    store.connect(&tip).await;
    let coin = OutPoint::new(funding.compute_txid(), 0);
    (tip, spend(9, &[coin], &[(foreign(1), 9_000)]))
}

async fn open(store: &Store) -> Vec<(AlarmKind, String)> {
    let mut tx = store.write().await;
    let open = alarms::open(&mut tx).await.expect("reads");
    open.into_iter()
        .map(|alarm| (alarm.kind, alarm.subject))
        .collect()
}

async fn kinds(store: &Store) -> Vec<String> {
    let mut tx = store.write().await;
    let rows = tx
        .rows(
            "SELECT kind FROM event WHERE object_kind = 'alarm' ORDER BY version",
            &[],
        )
        .await
        .expect("reads");
    rows.iter()
        .map(|row| row.text("kind").expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn a_spend_that_nobody_handed_over_is_an_alarm_until_it_left_the_mempool() {
    let store = Store::open().await;
    let (tip, stolen) = unknown_spend(&store).await;
    let txid = stolen.compute_txid();
    let present = [txid].into_iter().collect();
    store
        .observe(&Step::Mempool(present, vec![stolen.clone()]))
        .await;
    let expected = (AlarmKind::UnknownSpend, txid.to_string());
    assert_eq!(open(&store).await, std::slice::from_ref(&expected));
    store
        .observe(&Step::Mempool([].into_iter().collect(), Vec::new()))
        .await;
    assert_eq!(open(&store).await, []);
    assert_eq!(kinds(&store).await, ["alarm.raised", "alarm.ended"]);
    store.connect(&block(tip.at(), 2, vec![stolen])).await;
    assert_eq!(open(&store).await, [expected], "it is mined all the same");
}

#[tokio::test]
async fn a_spend_that_was_handed_over_is_no_alarm() {
    let store = Store::open().await;
    let (tip, own) = unknown_spend(&store).await;
    let mut tx = store.write().await;
    outgoing::add_outgoing(&mut tx, vault(1), &own, 1, NOW)
        .await
        .expect("hands over");
    tx.commit().await.expect("commits");
    store.connect(&block(tip.at(), 2, vec![own])).await;
    assert_eq!(open(&store).await, []);
}

#[tokio::test]
async fn an_alarm_that_stands_is_told_once_and_keeps_its_newest_facts() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    let mut alarm = NewAlarm {
        kind: AlarmKind::NodeTrouble,
        subject: "main",
        vault: None,
        detail: "it is away",
        actor: "watchtower",
        at: NOW,
    };
    assert!(alarms::raise(&mut tx, &alarm).await.expect("raises"));
    alarm.detail = "it is behind";
    assert!(!alarms::raise(&mut tx, &alarm).await.expect("raises"));
    let found = alarms::open(&mut tx).await.expect("reads");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].detail, "it is behind");
    let about = (AlarmKind::NodeTrouble, "main");
    for ended in [true, false] {
        let over = alarms::end(&mut tx, about, "watchtower", "it is well", NOW).await;
        assert_eq!(over.expect("ends"), ended);
    }
    assert!(alarms::raise(&mut tx, &alarm).await.expect("raises anew"));
    let latest = alarms::latest(&mut tx, None, 10).await.expect("reads");
    assert_eq!(
        latest
            .iter()
            .map(|one| one.ended.is_some())
            .collect::<Vec<_>>(),
        [false, true]
    );
    tx.commit().await.expect("commits");
    assert_eq!(
        kinds(&store).await,
        ["alarm.raised", "alarm.ended", "alarm.raised"]
    );
}
