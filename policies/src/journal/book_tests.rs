//! Tests of the journal's chain, honest and tampered with.

use proptest::prelude::*;

use super::*;
use crate::intent::canonical::{CanonicalError, MAX_INTEGER, Object, Value};
use crate::intent::{Intent, sample};
use crate::journal::history::tests::signed;
use crate::journal::line::MAX_LINE_BYTES;
use crate::journal::{EntryError, Fault, SignedTransaction};

fn key() -> PublicKey {
    "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        .parse()
        .expect("a key")
}

fn begin() -> (Journal, Line) {
    Journal::begin(VaultId::from_bytes([0x11; 32]), key(), UnixTime::ZERO).expect("begins")
}

/// A journal of three entries and its lines.
fn three() -> (Journal, Vec<Vec<u8>>) {
    let (mut journal, birth) = begin();
    let mut lines = vec![birth.as_bytes().to_vec()];
    let first = sample::payment("w1", 1);
    let transactions = [
        signed(1, &[1], &[first.clone(), sample::payment("w2", 2)]),
        signed(2, &[1, 3], &[first]),
        signed(3, &[4], &[]),
    ];
    for transaction in transactions {
        let line = journal.append(Entry::Signed(transaction)).expect("appends");
        lines.push(line.as_bytes().to_vec());
    }
    (journal, lines)
}

/// The line again, with its object changed, and the head made right when `head` is given.
fn altered(
    line: &[u8],
    change: impl FnOnce(Object) -> Object,
    head: Option<JournalHead>,
) -> Vec<u8> {
    let text = line.strip_suffix(b"\n").expect("a line feed");
    let mut object = Object::decode_nested(text, MAX_LINE_BYTES).expect("reads");
    let entry = change(object.take_object("entry").expect("an entry"));
    let counter = object.take_integer("counter").expect("a counter");
    let old = object
        .take_text("head")
        .expect("a head")
        .parse()
        .expect("a head");
    let head = head.map_or(old, |head| next_head(head, counter, &entry.encode()));
    line_of(counter, entry, head)
        .expect("a line")
        .as_bytes()
        .to_vec()
}

fn read(lines: &[Vec<u8>]) -> JournalError {
    Journal::read(&lines.concat()).expect_err("refused")
}

#[test]
fn a_journal_read_again_is_the_live_one() {
    let (journal, lines) = three();
    assert_eq!(Journal::read(&lines.concat()), Ok(journal.clone()));
    assert_eq!(journal.counter(), 3);
    assert_eq!(journal.history().transactions(), 3);
    assert_eq!(journal.history().highest_change(), Some(3));
    assert_eq!(
        journal.now(UnixTime::ZERO),
        UnixTime::from_secs(1_795_478_500)
    );
}

#[test]
fn a_line_is_canonical_json_that_holds_the_whole_intents() {
    let (_, lines) = three();
    let text = String::from_utf8(lines.get(1).expect("a line").clone()).expect("ASCII");
    let intent = String::from_utf8(sample::payment("w1", 1).encode()).expect("ASCII");
    assert!(
        text.starts_with(
            "{\"counter\":1,\"entry\":{\"ancestors\":{},\"at\":1795478500,\"change\":[1],"
        ),
        "{text}"
    );
    assert!(text.contains(&intent), "{text}");
    assert!(text.ends_with("\"}\n"), "{text}");
}

#[test]
fn lines_missing_moved_repeated_or_altered_are_named() {
    let (_, lines) = three();
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines
    };
    assert!(matches!(
        read(&without(0)),
        JournalError::Counter { line: 0, found: 1 }
    ));
    assert!(matches!(
        read(&without(1)),
        JournalError::Counter { line: 1, found: 2 }
    ));
    assert!(matches!(
        read(&without(2)),
        JournalError::Counter { line: 2, found: 3 }
    ));
    let mut moved = lines.clone();
    moved.swap(1, 2);
    assert!(matches!(
        read(&moved),
        JournalError::Counter { line: 1, found: 2 }
    ));
    let mut repeated = lines.clone();
    repeated.insert(2, repeated.get(1).expect("a line").clone());
    assert!(matches!(
        read(&repeated),
        JournalError::Counter { line: 2, found: 1 }
    ));

    let with = |at: usize, line: Vec<u8>| {
        let mut lines = lines.clone();
        *lines.get_mut(at).expect("a line") = line;
        lines
    };
    let line = |at: usize| lines.get(at).expect("a line");
    let fee = altered(line(1), |entry| entry.integer("fee_sat", 1), None);
    assert!(matches!(
        read(&with(1, fee)),
        JournalError::Head { line: 1, .. }
    ));
    let birth = altered(line(0), |entry| entry.integer("birth", 1), None);
    assert!(matches!(
        read(&with(0, birth)),
        JournalError::Head { line: 0, .. }
    ));
    // With its own head made right, the next line's head tells.
    let born = begin().0.head();
    let fee = altered(line(1), |entry| entry.integer("fee_sat", 1), Some(born));
    assert!(matches!(
        read(&with(1, fee)),
        JournalError::Head { line: 2, .. }
    ));
}

#[test]
fn entries_that_mean_nothing_are_named() {
    let (_, lines) = three();
    let entry_error = |change: fn(Object) -> Object| {
        let mut lines = lines.clone();
        let line = lines.get_mut(1).expect("a line");
        *line = altered(line, change, Some(begin().0.head()));
        let error = read(&lines);
        let JournalError::Entry { line: 1, source } = error else {
            panic!("{error}")
        };
        source
    };
    let text = |key, expected| EntryError::Text { key, expected };
    assert_eq!(
        entry_error(|entry| entry.text("entry", "stop")),
        EntryError::UnknownKind
    );
    assert_eq!(
        entry_error(|entry| entry.text("txid", "00")),
        text("txid", "a txid")
    );
    let upper = entry_error(|entry| entry.text("txid", &"AB".repeat(32)));
    assert_eq!(upper, EntryError::NotCanonical);
    let inputs = |entry: Object| entry.list("inputs", [Value::Text("x".into())]);
    assert_eq!(entry_error(inputs), text("inputs", "outpoints"));
    assert_eq!(
        entry_error(|entry| entry.list("inputs", [1.into()])),
        text("inputs", "outpoints")
    );
    assert_eq!(
        entry_error(|entry| entry.list("intents", [1.into()])),
        text("intents", "intents")
    );
    let change = |entry: Object| entry.list("change", [Value::Text("1".into())]);
    assert_eq!(entry_error(change), text("change", "integers"));
    assert!(matches!(
        entry_error(|entry| entry.list("change", [(1 << 32).into()])),
        EntryError::TooLarge { key: "change", .. }
    ));
    assert!(matches!(
        entry_error(|entry| entry.integer("fee_sat", MAX_INTEGER)),
        EntryError::TooLarge { key: "fee_sat", .. }
    ));
    assert!(matches!(
        entry_error(|entry| entry.integer("x", 1)),
        EntryError::Field(_)
    ));
    let object = |entry: Object| entry.list("intents", [Object::new().into()]);
    assert!(matches!(entry_error(object), EntryError::Intent(_)));
}

#[test]
fn a_journal_cut_off_or_empty_is_named() {
    let (_, lines) = three();
    let whole = lines.concat();
    assert_eq!(Journal::read(b""), Err(JournalError::Empty));
    assert_eq!(
        Journal::replay(Vec::<Vec<u8>>::new()),
        Err(JournalError::Empty)
    );
    let torn = whole.get(..whole.len() - 5).expect("long");
    assert_eq!(Journal::read(torn), Err(JournalError::Torn { line: 3 }));
    let complete = torn.get(..Journal::complete_lines(torn)).expect("within");
    assert_eq!(Journal::read(complete).expect("reads").counter(), 2);
    assert_eq!(Journal::complete_lines(b"{\"counter\""), 0);
    assert_eq!(
        Journal::read(b"\n"),
        Err(JournalError::Entry {
            line: 0,
            source: CanonicalError::EndsEarly.into()
        })
    );
    let first = lines.get(1).expect("a line");
    let mut object =
        Object::decode_nested(first.strip_suffix(b"\n").expect("a line"), 1 << 20).expect("reads");
    let entry = object.take_object("entry").expect("an entry");
    let line = line_of(0, entry, begin().0.head()).expect("a line");
    assert_eq!(Journal::read(line.as_bytes()), Err(JournalError::NoBirth));
    let head = JournalHead::from_bytes([0; 32]);
    let text = String::from_utf8(line.as_bytes().to_vec()).expect("ASCII");
    let no_head = text.replace(&begin().0.head().to_string(), "00");
    assert!(matches!(
        Journal::read(no_head.as_bytes()),
        Err(JournalError::HeadText { .. })
    ));
    let birth = begin().1.as_bytes().to_vec();
    let foreign = altered(&birth, |entry| entry.text("format", "x"), Some(head));
    let format = JournalError::Entry {
        line: 0,
        source: EntryError::Format,
    };
    assert_eq!(Journal::read(&foreign), Err(format));
}

#[test]
fn what_the_history_does_not_admit_is_neither_appended_nor_read() {
    let (journal, lines) = three();
    let refused = |transaction: SignedTransaction| {
        let mut journal = journal.clone();
        let error = journal
            .append(Entry::Signed(transaction))
            .expect_err("refused");
        assert_eq!(journal, three().0, "a refusal changes nothing");
        error
    };
    let again = signed(4, &[9], &[sample::payment("w2", 2)]);
    let error = refused(again.clone());
    assert!(matches!(
        error,
        JournalError::NotAdmitted {
            line: 4,
            source: Fault::NotExclusive { .. }
        }
    ));
    let mut early = signed(4, &[1], &[]);
    early.at = UnixTime::from_secs(1);
    assert!(matches!(
        refused(early),
        JournalError::TimeRunsBackwards { line: 4, .. }
    ));
    let vault = VaultId::from_bytes([2; 32]);
    let foreign = Intent {
        vault,
        ..sample::payment("w9", 9)
    };
    assert!(matches!(
        refused(signed(4, &[1], &[foreign])),
        JournalError::OtherVault { .. }
    ));
    let invalid = Intent {
        reference: "é".to_owned(),
        ..sample::payment("w9", 9)
    };
    assert!(matches!(
        refused(signed(4, &[1], &[invalid])),
        JournalError::Entry { .. }
    ));
    let birth = Birth {
        vault: journal.vault(),
        key: key(),
        birth: UnixTime::ZERO,
    };
    let mut live = journal.clone();
    assert_eq!(
        live.append(Entry::Birth(birth)),
        Err(JournalError::SecondBirth { line: 4 })
    );

    // Someone who rewrites the file with right heads still cannot make it hold such an entry.
    let entry = Entry::Signed(again).to_object();
    let head = next_head(journal.head(), 4, &entry.encode());
    let mut lines = lines;
    lines.push(line_of(4, entry, head).expect("a line").as_bytes().to_vec());
    assert!(matches!(
        read(&lines),
        JournalError::NotAdmitted { line: 4, .. }
    ));
}

#[test]
fn a_line_too_long_is_not_appended() {
    let (mut journal, _) = begin();
    let mut transaction = signed(1, &[1], &[]);
    transaction.change_indexes = vec![0x7fff_ffff; 500_000];
    let error = journal
        .append(Entry::Signed(transaction))
        .expect_err("too long");
    assert!(matches!(error, JournalError::LineTooLong { line: 1, .. }));
}

#[test]
fn the_same_transaction_may_be_signed_again() {
    let (mut journal, _) = three();
    let again = signed(3, &[4], &[]);
    assert!(journal.append(Entry::Signed(again)).is_ok());
    assert_eq!(
        (journal.counter(), journal.history().transactions()),
        (4, 3)
    );
}

proptest! {
    #[test]
    fn a_file_altered_in_one_byte_is_never_read_as_the_same_journal(
        at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let (journal, lines) = three();
        let whole = lines.concat();
        let mut altered = whole.clone();
        let at = at.index(altered.len());
        if let Some(place) = altered.get_mut(at) {
            *place = byte;
        }
        prop_assert_eq!(Journal::read(&altered) == Ok(journal), altered == whole);
    }
}
