//! The journal file under crashes, tampering and two processes at once.

use super::*;
use crate::failure::Explained;
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf};
use policies::intent::{SecretKey, StatementNonce, Stop};
use policies::journal::{Fault, SpendMode};
use policies::{Intent, IntentKind, KeyId, Keyset, Statement};
use std::path::PathBuf;

fn owner() -> Owner {
    Owner {
        vault: VaultId::from_bytes([1; 32]),
        key: SecretKey::from_bytes(&[2; 32]).public(),
    }
}

/// Transaction `number`, paying withdrawal `id`, spending coin `coin`.
fn signed(number: u8, id: &str, coin: u8) -> SignedTransaction {
    // Another amount for an id of another length: equal payments to one script are one line.
    let amount = Amount::from_sat(if id.len() == 2 { 1_000 } else { 2_000 });
    let intent = Intent {
        vault: owner().vault,
        keyset: Keyset::from_bytes([1; 32]),
        requester: "exchange".parse().expect("a name"),
        id: id.parse().expect("an id"),
        kind: IntentKind::Payment,
        script_pubkey: ScriptBuf::from_bytes([&[0, 20][..], &[9; 20]].concat()),
        amount,
        min: amount,
        created: UnixTime::from_secs(1_000),
        expires: UnixTime::from_secs(9_000),
        replaces: None,
        repeats: None,
        reference: String::new(),
    };
    SignedTransaction {
        txid: Txid::from_byte_array([number; 32]),
        inputs: vec![OutPoint::new(Txid::from_byte_array([coin; 32]), 0)],
        mode: SpendMode::Pay,
        ancestors: Vec::new(),
        intents: vec![intent],
        rules: vec!["rule".to_owned()],
        replaced: Vec::new(),
        change_indexes: vec![u32::from(number)],
        fee: Amount::from_sat(200),
        at: UnixTime::from_secs(2_000),
        given: None,
    }
}

struct OnDisk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn on_disk() -> OnDisk {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("journal.jsonl");
    JournalFile::begin(&path, owner(), UnixTime::ZERO).expect("begins");
    OnDisk {
        _folder: folder,
        path,
    }
}

impl OnDisk {
    fn open(&self) -> Result<JournalFile, JournalFileError> {
        JournalFile::open(&self.path, owner())
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("reads")
    }

    fn overwrite(&self, bytes: &[u8]) {
        std::fs::write(&self.path, bytes).expect("writes");
    }
}

#[test]
fn what_was_remembered_is_there_after_reopening() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let remembered = journal.remember(signed(1, "w1", 1)).expect("remembers");
    assert_eq!(remembered.txid(), signed(1, "w1", 1).txid);
    let live = journal.journal().clone();
    drop(journal);
    assert_eq!(*disk.open().expect("opens").journal(), live);
    assert_eq!(JournalFile::read(&disk.path, owner()).expect("reads"), live);
}

#[test]
fn the_same_transaction_again_needs_no_new_entry() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let length = disk.bytes().len();
    let again = journal.remember(signed(1, "w1", 1)).expect("is there");
    assert_eq!(again, first);
    assert_eq!(disk.bytes().len(), length);
}

#[test]
fn another_transaction_of_the_withdrawal_must_share_an_input() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let before = disk.bytes();
    let refused = journal.remember(signed(2, "w1", 2)).expect_err("refuses");
    assert!(
        matches!(&refused, JournalFileError::NotAdmitted(error) if matches!(
            **error,
            JournalError::NotAdmitted { source: Fault::NotExclusive { .. }, .. }
        ))
    );
    assert_eq!(disk.bytes(), before);
    let _replacement = journal
        .remember(signed(3, "w1", 1))
        .expect("shares the coin");
}

#[test]
fn a_second_process_is_told_that_the_journal_is_in_use() {
    let disk = on_disk();
    let open = disk.open().expect("opens");
    let refused = disk.open().expect_err("is in use");
    assert_eq!(refused.code(), "JOURNAL_LOCKED");
    drop(open);
    disk.open().expect("is free again");
}

#[test]
fn a_line_cut_off_by_a_crash_is_dropped_and_written_anew() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    drop(journal);
    let whole = disk.bytes();
    let born = Journal::complete_lines(&whole[..whole.len() - 1]);
    for cut in born..whole.len() {
        disk.overwrite(&whole[..cut]);
        let mut journal = disk.open().expect("opens without the torn line");
        assert_eq!(journal.journal().counter(), 0, "cut at {cut}");
        let _again = journal.remember(signed(1, "w1", 1)).expect("remembers");
        drop(journal);
        assert_eq!(disk.bytes(), whole, "cut at {cut}");
    }
}

#[test]
fn every_altered_byte_is_noticed() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let _second = journal.remember(signed(2, "w22", 2)).expect("remembers");
    drop(journal);
    let whole = disk.bytes();
    let last_line = Journal::complete_lines(&whole[..whole.len() - 1]);
    // The end of the file is a torn line, not an alteration, when its line feed is gone.
    for position in 0..whole.len() - 1 {
        let mut altered = whole.clone();
        altered[position] ^= 1;
        disk.overwrite(&altered);
        match disk.open() {
            Err(JournalFileError::Tampered(_)) => {}
            Err(other) => panic!("byte {position}: {other}"),
            Ok(_) => panic!("byte {position} of {last_line} altered unnoticed"),
        }
    }
}

#[test]
fn a_journal_of_another_home_or_vault_is_refused() {
    let disk = on_disk();
    let other_key = Owner {
        key: SecretKey::from_bytes(&[3; 32]).public(),
        ..owner()
    };
    let other_vault = Owner {
        vault: VaultId::from_bytes([9; 32]),
        ..owner()
    };
    for other in [other_key, other_vault] {
        let refused = JournalFile::open(&disk.path, other).expect_err("refuses");
        assert_eq!(refused.code(), "JOURNAL_FOREIGN");
    }
}

#[test]
fn a_missing_journal_is_named_and_an_existing_one_never_begun_again() {
    let disk = on_disk();
    let missing = JournalFile::open(&disk.path.with_extension("gone"), owner());
    assert_eq!(missing.expect_err("is missing").code(), "JOURNAL_MISSING");
    let again = JournalFile::begin(&disk.path, owner(), UnixTime::ZERO);
    assert_eq!(again.expect_err("exists").code(), "JOURNAL_EXISTS");
}

/// A disk that is full.
struct Full;

impl AppendLog for Full {
    fn append_durably(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn nothing_is_remembered_on_a_full_disk_nor_afterwards() {
    let (journal, _) = Journal::begin(owner().vault, owner().key, UnixTime::ZERO).expect("begins");
    let mut journal = JournalFile::over(Full, journal);
    let refused = journal.remember(signed(1, "w1", 1)).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_NOT_DURABLE");
    // The journal in memory is ahead of the disk: not even the same transaction passes.
    let refused = journal.remember(signed(1, "w1", 1)).expect_err("still");
    assert!(matches!(refused, JournalFileError::FailedBefore));
}

#[test]
fn an_entry_of_a_killed_process_is_made_durable_before_its_transaction_is_signed_again() {
    let disk = on_disk();
    let mut first = disk.open().expect("opens");
    let _written = first.remember(signed(1, "w1", 1)).expect("remembers");
    // What was read back may have been in the machine's memory only.
    let mut again = JournalFile::over(Full, first.journal().clone());
    let refused = again.remember(signed(1, "w1", 1)).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_NOT_DURABLE");
}

#[test]
fn the_same_transaction_for_another_intent_is_remembered_for_that_line_too() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    // An equal payment that replaces a third withdrawal, claimed for the same transaction.
    let mut other = signed(1, "w2", 1);
    let mut third = signed(2, "third", 2);
    other.intents[0].replaces = Some(third.intents[0].id.clone());
    other.replaced.clone_from(&third.intents);
    let _second = journal.remember(other).expect("remembers");
    third.at = UnixTime::from_secs(2_001);
    let refused = journal.remember(third.clone()).expect_err("refuses");
    assert_eq!(refused.code(), "JOURNAL_NOT_ADMITTED");
    drop(journal);
    let refused = disk.open().expect("opens").remember(third);
    assert_eq!(refused.expect_err("refuses").code(), "JOURNAL_NOT_ADMITTED");
}

#[test]
fn a_journal_that_moved_signs_nothing_more_and_says_the_same_again() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let to = SecretKey::from_bytes(&[3; 32]).public();
    let clock = UnixTime::from_secs(1);
    let statement = journal.move_to(to, clock).expect("moves");
    assert_eq!((statement.to, statement.counter), (to, 2));
    let whole = disk.bytes();
    for signed in [signed(1, "w1", 1), signed(2, "w22", 2)] {
        let refused = journal.remember(signed).expect_err("refuses");
        assert_eq!(refused.code(), "JOURNAL_MOVED");
    }
    drop(journal);
    let mut journal = disk.open().expect("opens");
    assert_eq!(journal.move_to(to, clock).expect("is there"), statement);
    let other = SecretKey::from_bytes(&[4; 32]).public();
    let refused = journal.move_to(other, clock).expect_err("refuses");
    assert_eq!(refused.code(), "JOURNAL_MOVED");
    assert_eq!(disk.bytes(), whole);
    let mut full = JournalFile::over(Full, journal.journal().clone());
    let refused = full.move_to(to, clock).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_NOT_DURABLE");
}

#[test]
fn a_statement_is_remembered_when_it_is_first_seen() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let entry = "ab".repeat(32);
    let text = format!("{{\"entry\":\"{entry}\",\"format\":\"countersign/list-remove/1\"}}");
    let seen = |at| Seen::of(text.as_bytes(), UnixTime::from_secs(at)).expect("a statement");
    let first = journal.remember_statement(seen(2_000)).expect("remembers");
    let again = journal.remember_statement(seen(3_000)).expect("is there");
    assert_eq!((first, again), (UnixTime::from_secs(2_000), first));
    assert_eq!(journal.journal().counter(), 1);
    let live = journal.journal().clone();
    drop(journal);
    let read = disk.open().expect("opens");
    assert_eq!(*read.journal(), live);
    assert!(read.history().removed(&[0xab; 32]));
    assert!(!read.history().confirmed(&[0xab; 32]));
    assert_eq!(read.history().seen(&seen(0).subject()), Some(first));
}

#[test]
fn a_journal_takes_no_entry_that_would_make_it_too_large_to_be_read() {
    let length = |disk: &OnDisk| u64::try_from(disk.bytes().len()).expect("is short");
    let most_for = |line: u64| line + ROOM_TO_MOVE;
    // How long the journal is with one entry, and with two.
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let one = length(&disk);
    let _second = journal.remember(signed(2, "w22", 2)).expect("remembers");
    let two = length(&disk);
    drop(journal);

    let disk = on_disk();
    let mut journal = disk.open().expect("opens").with_most(most_for(one), 0);
    let _first = journal.remember(signed(1, "w1", 1)).expect("fits");
    let refused = journal.remember(signed(2, "w22", 2)).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_FULL");
    drop(journal);
    assert_eq!(length(&disk), one);
    // What was written before it was opened counts.
    let mut journal = disk.open().expect("opens").with_most(most_for(two) - 1, 0);
    let refused = journal.remember(signed(2, "w22", 2)).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_FULL");
    drop(journal);
    // What is there is given again, and a full journal can still move.
    let mut journal = disk.open().expect("opens").with_most(most_for(one), 0);
    let _again = journal.remember(signed(1, "w1", 1)).expect("is there");
    let to = SecretKey::from_bytes(&[3; 32]).public();
    journal.move_to(to, UnixTime::from_secs(1)).expect("moves");
    drop(journal);
    let journal = disk.open().expect("is whole");
    assert_eq!(journal.history().moved_to(), Some(to));
}

#[test]
fn a_journal_filled_with_transactions_still_takes_stops_releases_and_voids_and_moves() {
    let disk = on_disk();
    let length = u64::try_from(disk.bytes().len()).expect("is short");
    let room = 4_096;
    let most = length + ROOM_TO_MOVE + room;
    let mut journal = disk.open().expect("opens").with_most(most, room);
    let refused = journal.remember(signed(1, "w1", 1)).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_FULL");
    let entry = "ab".repeat(32);
    let removal = format!("{{\"entry\":\"{entry}\",\"format\":\"countersign/list-remove/1\"}}");
    let at = UnixTime::from_secs(2_000);
    let removal = Seen::of(removal.as_bytes(), at).expect("a statement");
    let refused = journal.remember_statement(removal).expect_err("is full");
    assert_eq!(refused.code(), "JOURNAL_FULL");
    // The same process goes on.
    let stop = Stop {
        created: at,
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "a flood".to_owned(),
    };
    let by = KeyId::from_bytes([3; 32]);
    let seen = Seen::stop(&stop, by, at);
    journal.remember_statement(seen).expect("stops");
    let stop = Statement::Stop(stop).subject();
    let release = Statement::Release { stop }.encode();
    let seen = Seen::of(&release, at).expect("a release");
    journal.remember_statement(seen).expect("releases");
    let txid = Txid::from_byte_array([9; 32]);
    journal.remember_void(txid, at).expect("voids");
    journal.remember_void(txid, at).expect("voided before");
    let to = SecretKey::from_bytes(&[3; 32]).public();
    journal.move_to(to, at).expect("moves");
    drop(journal);
    let journal = disk.open().expect("is whole");
    let history = journal.history();
    assert_eq!(journal.journal().counter(), 4);
    assert!(history.released(&stop) && history.voided(&txid).is_some());
    assert_eq!(history.moved_to(), Some(to));
}

#[test]
fn what_was_signed_is_never_voided() {
    let disk = on_disk();
    let mut journal = disk.open().expect("opens");
    let _first = journal.remember(signed(1, "w1", 1)).expect("remembers");
    let before = disk.bytes();
    let at = UnixTime::from_secs(3_000);
    let txid = signed(1, "w1", 1).txid;
    let refused = journal.remember_void(txid, at).expect_err("was signed");
    assert_eq!(refused.code(), "JOURNAL_NOT_ADMITTED");
    assert_eq!(disk.bytes(), before);
    let second = signed(2, "w22", 2);
    journal.remember_void(second.txid, at).expect("voids");
    let refused = journal.remember(second).expect_err("was voided");
    assert_eq!(refused.code(), "JOURNAL_NOT_ADMITTED");
}
