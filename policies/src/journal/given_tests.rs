//! Tests of receipts that are given again.

use super::*;
use crate::ids::VaultId;
use crate::intent::SecretKey;
use crate::journal::history::tests::signed;
use crate::journal::{Journal, SignedTransaction};

const AT: UnixTime = UnixTime::from_secs(1_795_478_500);

fn given(manifest: u8) -> Given {
    Given {
        manifest: [manifest; 32],
        nonce: None,
        event_head: Some([9; 32]),
    }
}

fn with(number: u8, given: Option<Given>) -> Entry {
    Entry::Signed(SignedTransaction {
        given,
        ..signed(number, &[number], &[])
    })
}

fn again(number: u8, given: Given) -> Again {
    Again {
        txid: signed(number, &[], &[]).txid,
        given,
        at: AT.saturating_add(5),
    }
}

fn written(entries: Vec<Entry>) -> (Journal, Vec<u8>, Vec<Option<ReceiptBody>>) {
    let key = SecretKey::from_bytes(&[3; 32]).public();
    let vault = VaultId::from_bytes([0x11; 32]);
    let (mut journal, birth) = Journal::begin(vault, key, UnixTime::ZERO).expect("begins");
    let mut file = birth.as_bytes().to_vec();
    let mut receipts = Vec::new();
    for entry in entries {
        file.extend_from_slice(journal.append(entry).expect("appends").as_bytes());
        receipts.push(journal.last_receipt().cloned());
    }
    (journal, file, receipts)
}

#[test]
fn each_receipt_of_a_transaction_is_found_again_as_it_was_given() {
    let (journal, file, receipts) = written(vec![
        with(1, Some(given(1))),
        with(2, Some(given(2))),
        Entry::Again(again(1, given(3))),
    ]);
    assert_eq!(Journal::read(&file), Ok(journal));
    let found = receipts_for(&file, signed(1, &[], &[]).txid).expect("reads");
    let bodies: Vec<_> = found.iter().map(|one| one.body.clone()).collect();
    assert_eq!(bodies, [receipts[0].clone(), receipts[2].clone()]);
    let (first, last) = (&found[0], &found[1]);
    assert_eq!((first.counter, first.at), (1, AT));
    assert_eq!((last.counter, last.at), (3, AT.saturating_add(5)));
    let body = last.body.as_ref().expect("is kept");
    assert_eq!((body.manifest, body.event_head), ([3; 32], Some([9; 32])));
    assert_eq!(body.now, last.at);
}

#[test]
fn an_entry_from_before_receipts_were_kept_reads_as_it_was_and_gives_none() {
    let (journal, file, receipts) = written(vec![with(1, None)]);
    assert_eq!(receipts, [None]);
    assert!(!String::from_utf8_lossy(&file).contains("receipt"));
    assert_eq!(Journal::read(&file), Ok(journal));
    let found = receipts_for(&file, signed(1, &[], &[]).txid).expect("reads");
    assert_eq!((found.len(), found[0].body.clone()), (1, None));
}

#[test]
fn a_transaction_never_signed_has_no_receipt_and_gets_none_again() {
    let (mut journal, file, _) = written(vec![with(1, Some(given(1)))]);
    let other = signed(2, &[], &[]).txid;
    assert_eq!(receipts_for(&file, other), Ok(Vec::new()));
    let refused = journal.append(Entry::Again(again(2, given(1))));
    assert!(matches!(
        refused,
        Err(JournalError::NeverSigned { line: 2, txid }) if txid == other
    ));
}

#[test]
fn the_last_receipt_ends_with_the_next_entry_of_another_kind() {
    let to = SecretKey::from_bytes(&[4; 32]).public();
    let moved = crate::journal::Moved { to, at: AT };
    let (_, _, receipts) = written(vec![with(1, Some(given(1))), Entry::Moved(moved)]);
    assert!(receipts[0].is_some());
    assert_eq!(receipts[1], None);
}
