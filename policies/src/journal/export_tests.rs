//! Tests of exported journals: who wrote them, and where they end.

use super::*;
use crate::intent::sample;
use crate::journal::history::tests::signed;

fn vault() -> VaultId {
    VaultId::from_bytes([0x11; 32])
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

/// A journal of three transactions, and its lines.
fn journal() -> (Journal, Vec<u8>) {
    let (mut journal, birth) =
        Journal::begin(vault(), key().public(), UnixTime::ZERO).expect("begins");
    let mut lines = birth.as_bytes().to_vec();
    let paid = sample::payment("w1", 1);
    for transaction in [
        signed(1, &[1], std::slice::from_ref(&paid)),
        signed(2, &[1, 3], &[paid]),
        signed(3, &[4], &[]),
    ] {
        let line = journal.append(Entry::Signed(transaction)).expect("appends");
        lines.extend_from_slice(line.as_bytes());
    }
    (journal, lines)
}

fn exported() -> Vec<u8> {
    let (journal, lines) = journal();
    ExportStatement::of(&journal, UnixTime::ZERO).export(&lines, &key(), vault())
}

#[test]
fn an_exported_journal_reads_back_with_all_its_entries() {
    let (journal, _) = journal();
    let export = Export::read(&exported()).expect("reads");
    assert_eq!(export.journal, journal);
    let counters: Vec<u64> = export
        .entries
        .iter()
        .map(|(_, counter, _)| *counter)
        .collect();
    assert_eq!(counters, [0, 1, 2, 3]);
    assert!(export.entries.iter().all(|(by, _, _)| *by == journal.key()));
}

#[test]
fn a_journal_that_its_key_did_not_sign_is_no_export() {
    let (journal, lines) = journal();
    assert_eq!(Export::read(&lines), Err(ExportError::NotSigned));
    assert_eq!(Export::read(b""), Err(ExportError::NotSigned));
    let other = SecretKey::from_bytes(&[4; 32]);
    let statement = ExportStatement::of(&journal, UnixTime::ZERO);
    let forged = statement.export(&lines, &other, vault());
    let wrong = Err(ExportError::Signature(SignatureError::Wrong));
    assert_eq!(Export::read(&forged), wrong);
    let elsewhere = statement.export(&lines, &key(), VaultId::from_bytes([2; 32]));
    assert_eq!(Export::read(&elsewhere), wrong);
}

#[test]
fn lines_cut_off_before_the_end_that_was_signed_are_noticed() {
    let bytes = exported();
    let text = String::from_utf8(bytes).expect("ASCII");
    let lines: Vec<&str> = text.lines().collect();
    for left_out in 1..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(left_out);
        let fewer = format!("{}\n", fewer.join("\n"));
        Export::read(fewer.as_bytes()).expect_err("refused");
    }
    let mut fewer = lines.clone();
    fewer.remove(lines.len() - 2);
    let fewer = format!("{}\n", fewer.join("\n"));
    assert_eq!(
        Export::read(fewer.as_bytes()),
        Err(ExportError::OtherEnd {
            found: 2,
            expected: 3
        })
    );
}

#[test]
fn every_altered_byte_of_an_export_is_refused() {
    let bytes = exported();
    for position in 0..bytes.len() {
        let mut altered = bytes.clone();
        if let Some(byte) = altered.get_mut(position) {
            *byte ^= 1;
        }
        Export::read(&altered).expect_err("refused");
    }
}
