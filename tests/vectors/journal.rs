//! F7: journals.

use policies::ids::JournalHead;
use policies::intent::canonical::Object;
use policies::journal::Entry;
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
    refused: Vec<Refused>,
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
fn what_the_golden_file_calls_no_journal_is_refused_for_its_reason() {
    let file: File = read("journal.json");
    for case in file.refused {
        refused(Journal::replay(&case.lines), &case.why);
    }
}
