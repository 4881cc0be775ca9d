//! F7: journals.

use bitcoin::Txid;
use policies::ids::JournalHead;
use policies::intent::canonical::Object;
use policies::journal::{self, Entry, MoveCertificate, receipts_for};
use policies::{Journal, UnixTime, VaultId};
use serde::Deserialize;

use crate::golden::{Hex, read, refused};

#[derive(Deserialize)]
struct File {
    journal_seed: Hex,
    vault: VaultId,
    birth: UnixTime,
    lines: Vec<String>,
    counter: u64,
    head: JournalHead,
    given: Given,
    moved: Moved,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Given {
    txid: Txid,
    receipts: Vec<GivenReceipt>,
    /// Signed in entries that do not say what their receipts said.
    kept_none: Vec<Txid>,
}

#[derive(Deserialize)]
struct GivenReceipt {
    json: String,
    signature: Hex,
}

#[derive(Deserialize)]
struct Moved {
    to_seed: Hex,
    lines: Vec<String>,
    statement: String,
    message: Hex,
    certificate: Hex,
}

#[derive(Deserialize)]
struct Refused {
    why: String,
    lines: Vec<String>,
}

#[test]
fn a_journal_written_again_is_that_of_the_golden_file() {
    let file: File = read("journal.json");
    let key = file.journal_seed.key().public();
    let (mut live, birth) = Journal::begin(file.vault, key, file.birth).expect("begins");
    let mut written = birth.as_bytes().to_vec();
    for line in file.lines.iter().skip(1) {
        let mut object = Object::decode_nested(line.as_bytes(), 1 << 20).expect("a line");
        let entry = object.take_object("entry").expect("an entry");
        let entry = Entry::from_object(entry).expect("an entry");
        written.extend_from_slice(live.append(entry).expect("appends").as_bytes());
    }
    let mut expected = file.lines.join("\n");
    expected.push('\n');
    assert_eq!(String::from_utf8(written), Ok(expected.clone()));
    assert_eq!((live.counter(), live.head()), (file.counter, file.head));
    assert_eq!(Journal::read(expected.as_bytes()), Ok(live));
}

#[test]
fn receipts_given_again_are_those_of_the_golden_file() {
    let file: File = read("journal.json");
    let key = file.journal_seed.key();
    let lines = file.lines.join("\n") + "\n";
    let found = receipts_for(lines.as_bytes(), file.given.txid).expect("reads");
    assert_eq!(found.len(), file.given.receipts.len());
    for (found, expected) in found.into_iter().zip(file.given.receipts) {
        let receipt = found.body.expect("is kept").sign(&key, file.vault);
        assert_eq!(receipt.body.encode(), expected.json.as_bytes());
        assert_eq!(receipt.signature.encode(), expected.signature.0);
        assert_eq!(receipt.verify(file.vault, &key.public()), Ok(()));
    }
    for txid in file.given.kept_none {
        let found = receipts_for(lines.as_bytes(), txid).expect("reads");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].body, None);
    }
}

#[test]
fn a_journal_moved_again_is_that_of_the_golden_file() {
    let file: File = read("journal.json");
    let (from, moved) = (file.journal_seed.key(), file.moved);
    let (to, expected) = (moved.to_seed.key().public(), moved.lines.join("\n") + "\n");
    let mut live = Journal::replay(&file.lines).expect("a journal");
    let at = live.now(file.birth).saturating_add(60);
    let mut written = file.lines.join("\n").into_bytes();
    written.push(b'\n');
    let end = live.append(Entry::Moved(journal::Moved { to, at }));
    written.extend_from_slice(end.expect("moves").as_bytes());
    let statement = live.move_statement().expect("moved");
    assert_eq!(statement.encode(), moved.statement.as_bytes());
    assert_eq!(statement.message(file.vault), moved.message.array());
    let certificate = statement.sign(&from, file.vault);
    assert_eq!(certificate.encode(), moved.certificate.0);
    assert_eq!(
        MoveCertificate::decode(&moved.certificate.0),
        Ok(certificate.clone())
    );
    let (new, lines) = live.go_on(&certificate).expect("goes on");
    written.extend(lines.iter().flat_map(policies::journal::Line::as_bytes));
    assert_eq!(String::from_utf8(written), Ok(expected.clone()));
    assert_eq!(new.key(), to);
    assert_eq!(Journal::read(expected.as_bytes()), Ok(new));
}

#[test]
fn what_the_golden_file_calls_no_journal_is_refused_for_its_reason() {
    let file: File = read("journal.json");
    for case in file.refused {
        refused(Journal::replay(&case.lines), &case.why);
    }
}
