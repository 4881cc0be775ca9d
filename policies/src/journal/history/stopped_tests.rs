//! Stops and voids as a journal remembers them.

use super::*;
use crate::intent::{Statement, StatementNonce};
use crate::journal::history::tests::signed;
use crate::journal::{Fault, Heard, Seen};

const NOW: UnixTime = UnixTime::from_secs(1_795_478_400);

fn stop(nonce: u8) -> Stop {
    Stop {
        created: NOW,
        nonce: StatementNonce::from_bytes([nonce; 16]),
        reason: "a laptop was stolen".to_owned(),
    }
}

fn key(byte: u8) -> KeyId {
    KeyId::from_bytes([byte; 32])
}

fn heard(statement: Statement, by: u8) -> Heard {
    Heard {
        statement,
        by: vec![key(by)],
    }
}

fn release(nonce: u8) -> Statement {
    let stop = Statement::Stop(stop(nonce)).subject();
    Statement::Release { stop }
}

fn see(history: &mut History, heard: &Heard) -> bool {
    match heard.seen(history, NOW) {
        None => false,
        Some(seen) => {
            history.see(&seen);
            true
        }
    }
}

#[test]
fn a_stop_holds_until_its_own_release_and_never_comes_back() {
    let mut history = History::begin(UnixTime::ZERO);
    assert!(see(&mut history, &heard(Statement::Stop(stop(1)), 1)));
    assert!(!see(&mut history, &heard(Statement::Stop(stop(1)), 1)));
    assert_eq!(history.stops_in_force().count(), 1);
    assert!(see(&mut history, &heard(release(2), 1)));
    assert_eq!(
        history.stops_in_force().count(),
        1,
        "another stop's release"
    );
    assert!(see(&mut history, &heard(release(1), 1)));
    assert_eq!(history.stops_in_force().count(), 0);
    assert!(!see(&mut history, &heard(Statement::Stop(stop(1)), 1)));
    assert_eq!(history.stops_in_force().count(), 0, "replayed");
    assert!(see(&mut history, &heard(Statement::Stop(stop(2)), 1)));
    assert_eq!(
        history.stops_in_force().count(),
        0,
        "released before it came"
    );
    assert!(see(&mut history, &heard(Statement::Stop(stop(3)), 1)));
    assert_eq!(history.stops_in_force().count(), 1, "a new stop");
    assert_eq!(history.last_stop(), Some(NOW));
}

#[test]
fn one_key_cannot_fill_a_journal_with_stops_nor_take_the_room_of_another() {
    let mut history = History::begin(UnixTime::ZERO);
    let flood =
        (0..100).filter(|nonce| see(&mut history, &heard(Statement::Stop(stop(*nonce)), 1)));
    assert_eq!(flood.count(), crate::journal::MAX_STOPS_OF_KEY);
    assert!(see(&mut history, &heard(Statement::Stop(stop(200)), 2)));
    assert!(see(&mut history, &heard(release(0), 1)));
    assert!(see(&mut history, &heard(Statement::Stop(stop(201)), 1)));
    assert!(!see(&mut history, &heard(Statement::Stop(stop(202)), 1)));
}

#[test]
fn a_stop_reads_back_from_its_entry_and_only_a_stop_names_a_key() {
    use crate::journal::Entry;
    let seen = Seen::stop(&stop(1), key(7), NOW);
    let entry = Entry::Seen(seen.clone());
    assert_eq!(Entry::from_object(entry.to_object()), Ok(entry.clone()));
    let mut without = entry.to_object();
    without.take_text("by").expect("a key");
    assert!(Entry::from_object(without).is_err());
    assert!(Seen::of(&Statement::Stop(stop(1)).encode(), NOW).is_err());
    let released = Seen::of(&release(1).encode(), NOW).expect("a release");
    let entry = Entry::Seen(released);
    assert_eq!(Entry::from_object(entry.to_object()), Ok(entry.clone()));
    let with = entry.to_object().text("by", &key(7));
    assert!(Entry::from_object(with).is_err());
}

#[test]
fn what_was_voided_is_never_admitted() {
    let mut history = History::begin(UnixTime::ZERO);
    let transaction = signed(1, &[1], &[]);
    assert_eq!(history.admits(&transaction), Ok(()));
    history.void(transaction.txid, NOW);
    let txid = transaction.txid;
    assert_eq!(history.admits(&transaction), Err(Fault::Voided { txid }));
    assert_eq!(history.admits(&signed(2, &[1], &[])), Ok(()));
    assert_eq!(history.voided(&txid), Some(NOW));
    assert_eq!(history.voids_since(NOW), 0);
    assert_eq!(history.voids_since(NOW.saturating_sub(1)), 1);
}
