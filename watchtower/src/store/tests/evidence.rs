//! Books, events, leases and cursors: what is written once stays.

use bitcoin::Amount;
use serde_json::{Map, json};

use super::{NOW, Store};
use crate::ledger::{Account, Posting};
use crate::store::cursor;
use crate::store::database::DatabaseError;
use crate::store::events::{self, Broken, EventError, NewEvent};
use crate::store::lease::{self, LeaseError};
use crate::store::ledger::{self, LedgerError};
use crate::tracker::simulation::vault;

fn posting(cause: &str, sat: u64) -> Posting {
    Posting {
        vault: vault(1),
        cause: cause.to_owned(),
        debit: Account::Fees,
        credit: Account::Clearing,
        amount: Amount::from_sat(sat),
    }
}

fn new_event<'a>(object_id: &'a str, kind: &'a str) -> NewEvent<'a> {
    NewEvent {
        object_kind: "withdrawal",
        object_id,
        kind,
        vault: Some(vault(1)),
        body: Map::from_iter([("amount_sat".to_owned(), json!(5))]),
        actor: "exchange",
        reason: "",
        at: NOW,
    }
}

#[tokio::test]
async fn an_entry_is_booked_once_per_cause_and_never_differently() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    assert!(
        ledger::post(&mut tx, &posting("fee:1", 10), NOW)
            .await
            .expect("books")
    );
    assert!(
        !ledger::post(&mut tx, &posting("fee:1", 10), NOW)
            .await
            .expect("is booked")
    );
    let error = ledger::post(&mut tx, &posting("fee:1", 11), NOW)
        .await
        .expect_err("differs");
    assert!(matches!(error, LedgerError::CauseReused { .. }));
    let error = ledger::post(&mut tx, &posting("fee:2", 0), NOW)
        .await
        .expect_err("moves nothing");
    assert!(matches!(error, LedgerError::Zero { .. }));
    let entries = ledger::entries(&mut tx, vault(1), 0, 100)
        .await
        .expect("reads");
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn evidence_cannot_be_changed_or_deleted() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    ledger::post(&mut tx, &posting("fee:1", 10), NOW)
        .await
        .expect("books");
    events::append(&mut tx, &new_event("a", "withdrawal.requested"))
        .await
        .expect("appends");
    let lease = lease::acquire(&mut tx, "sequencer", "test", NOW, 30)
        .await
        .expect("reads");
    events::sequence(&mut tx, &lease.expect("is free"), 10)
        .await
        .expect("numbers");
    for statement in [
        "UPDATE ledger_entry SET amount_sat = 1",
        "DELETE FROM ledger_entry",
        "UPDATE event SET actor = 'nobody'",
        "DELETE FROM event",
        "UPDATE event_sequence SET epoch = 9",
        "DELETE FROM event_sequence",
    ] {
        let error = tx
            .execute(statement, &[])
            .await
            .expect_err("is append-only")
            .to_string();
        assert!(error.contains("append-only"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn events_are_numbered_without_gaps_and_a_change_breaks_the_chain() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    for (id, kind, version) in [("a", "one", 1), ("b", "one", 1), ("a", "two", 2)] {
        let appended = events::append(&mut tx, &new_event(id, kind))
            .await
            .expect("appends");
        assert_eq!(appended, version);
    }
    let lease = lease::acquire(&mut tx, "sequencer", "test", NOW, 30)
        .await
        .expect("reads");
    let lease = lease.expect("is free");
    assert_eq!(
        events::sequence(&mut tx, &lease, 2).await.expect("numbers"),
        2
    );
    assert_eq!(
        events::sequence(&mut tx, &lease, 2).await.expect("numbers"),
        1
    );
    assert_eq!(
        events::sequence(&mut tx, &lease, 2).await.expect("numbers"),
        0
    );
    let read = events::after(&mut tx, 1, 10).await.expect("reads");
    let read: Vec<_> = read
        .iter()
        .map(|e| (e.number, e.object_id.as_str(), e.version))
        .collect();
    assert_eq!(read, [(2, "b", 1), (3, "a", 2)]);
    assert_eq!(events::verify_chain(&mut tx).await.expect("holds").0, 3);

    tx.execute("DROP TRIGGER event_is_never_updated", &[])
        .await
        .expect("a hostile owner");
    tx.execute(
        "UPDATE event SET actor = 'nobody' WHERE object_id = 'b'",
        &[],
    )
    .await
    .expect("rewrites");
    let error = events::verify_chain(&mut tx).await.expect_err("is broken");
    assert!(
        matches!(
            error,
            EventError::Broken {
                number: 2,
                broken: Broken::Hash
            }
        ),
        "{error}"
    );
}

/// A golden hash: the chain's definition is a format and never changes.
#[tokio::test]
async fn the_first_event_has_the_hash_that_it_always_had() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    events::append(&mut tx, &new_event("a", "withdrawal.requested"))
        .await
        .expect("appends");
    let lease = lease::acquire(&mut tx, "sequencer", "test", NOW, 30)
        .await
        .expect("reads");
    events::sequence(&mut tx, &lease.expect("is free"), 10)
        .await
        .expect("numbers");
    let read = events::after(&mut tx, 0, 10).await.expect("reads");
    let event = serde_json::to_value(&read).expect("serializes");
    assert_eq!(
        event[0]["hash"],
        "57a280261fbba19aa38a39eaa49b2d5d7776a1ad4f1d09b018712047b30ca028"
    );
}

#[tokio::test]
async fn a_stale_lease_cannot_write() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    let later = NOW.saturating_add(31);
    let first = lease::acquire(&mut tx, "work", "a", NOW, 30)
        .await
        .expect("reads")
        .expect("is free");
    assert_eq!(
        lease::acquire(&mut tx, "work", "b", NOW, 30)
            .await
            .expect("reads"),
        None
    );
    let renewed = lease::renew(&mut tx, &first, NOW, 30)
        .await
        .expect("is held");
    lease::assert_held(&mut tx, &renewed)
        .await
        .expect("is held");
    let second = lease::acquire(&mut tx, "work", "b", later, 30)
        .await
        .expect("reads")
        .expect("has expired");
    assert!(second.epoch > first.epoch);
    let error = lease::assert_held(&mut tx, &first)
        .await
        .expect_err("is stale");
    assert!(matches!(error, LeaseError::Lost { .. }));
    lease::renew(&mut tx, &first, later, 30)
        .await
        .expect_err("is stale");
    let again = lease::acquire(&mut tx, "work", "b", later, 30)
        .await
        .expect("reads");
    assert!(again.expect("the same holder, started again").epoch > second.epoch);
}

#[tokio::test]
async fn a_cursor_only_moves_on() {
    let store = Store::open().await;
    let mut tx = store.write().await;
    assert_eq!(
        cursor::cursor(&mut tx, "coordinator").await.expect("reads"),
        0
    );
    cursor::advance(&mut tx, "coordinator", 5)
        .await
        .expect("moves");
    let error = cursor::advance(&mut tx, "coordinator", 5)
        .await
        .expect_err("was taken in");
    assert!(matches!(error, DatabaseError::RowsAffected { .. }));
    assert_eq!(
        cursor::cursor(&mut tx, "coordinator").await.expect("reads"),
        5
    );
}
