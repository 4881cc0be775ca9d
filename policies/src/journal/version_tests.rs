//! Versions in a journal: one line, forwards only, one successor each.

use super::*;
use crate::document::samples::public_key;
use crate::ids::VaultId;
use crate::journal::{Entry, Journal};

const AT: UnixTime = UnixTime::from_secs(1_800_000_000);

fn id(byte: u8) -> PolicyId {
    PolicyId::from_bytes([byte; 32])
}

fn proposed(policy: u8, previous: u8, after: u64) -> Entry {
    Entry::Proposed(Proposed {
        policy: id(policy),
        previous: id(previous),
        at: AT.saturating_add(after),
    })
}

fn adopted(policy: u8, previous: u8, after: u64) -> Entry {
    Entry::Adopted(Adopted {
        policy: id(policy),
        previous: id(previous),
        at: AT.saturating_add(after),
    })
}

/// A journal with these entries, read back from its lines.
fn journal(entries: &[Entry]) -> Result<Journal, JournalError> {
    let vault = VaultId::from_bytes([1; 32]);
    let (mut journal, birth) =
        Journal::begin(vault, public_key("a journal"), UnixTime::ZERO).expect("begins");
    let mut lines = birth.as_bytes().to_vec();
    for entry in entries {
        lines.extend_from_slice(journal.append(entry.clone())?.as_bytes());
    }
    let replayed = Journal::read(&lines).expect("the lines are a journal");
    assert_eq!(replayed, journal, "replayed is live");
    Ok(journal)
}

/// The code with which the last of the entries is refused.
fn refused(entries: &[Entry]) -> &'static str {
    let (_, before) = entries.split_last().expect("entries");
    assert!(journal(before).is_ok());
    match journal(entries) {
        Err(JournalError::Version { source, .. }) => {
            assert!(!source.hint().is_empty());
            source.code()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_journal_holds_when_versions_were_proposed_and_adopted() {
    let entries = [
        proposed(2, 1, 0),
        adopted(2, 1, 100),
        proposed(3, 2, 200),
        adopted(3, 2, 300),
    ];
    let journal = journal(&entries).expect("one line");
    let versions = journal.history().versions();
    assert_eq!(versions.newest(), Some(id(3)));
    assert_eq!(versions.proposed(id(3)), Some(AT.saturating_add(200)));
    assert_eq!(versions.adopted().len(), 2);
    assert_eq!(journal.history().last(), AT.saturating_add(300));
    assert!(versions.proposals_after(id(3)).is_empty());
}

#[test]
fn a_version_is_adopted_only_after_its_proposal() {
    assert_eq!(refused(&[adopted(2, 1, 0)]), "VERSION_NOT_PROPOSED");
    assert_eq!(
        refused(&[proposed(2, 1, 0), adopted(2, 9, 1)]),
        "VERSION_NOT_PROPOSED"
    );
    assert_eq!(
        refused(&[proposed(2, 1, 0), proposed(2, 1, 1)]),
        "VERSION_PROPOSED_TWICE"
    );
}

#[test]
fn a_version_has_one_successor() {
    let both = [proposed(2, 1, 0), proposed(3, 1, 0), adopted(2, 1, 5)];
    let journal = journal(&both).expect("a dispute, decided");
    let versions = journal.history().versions();
    assert_eq!(versions.proposals_after(id(1)).len(), 2);
    let mut second = both.to_vec();
    second.push(adopted(3, 1, 6));
    assert_eq!(refused(&second), "SECOND_SUCCESSOR");
    let mut later = both.to_vec();
    later.push(proposed(4, 1, 6));
    assert_eq!(refused(&later), "SECOND_SUCCESSOR");
}

#[test]
fn versions_go_forwards_only() {
    let line = [
        proposed(2, 1, 0),
        adopted(2, 1, 1),
        proposed(3, 2, 2),
        adopted(3, 2, 3),
    ];
    for (entry, code) in [
        (proposed(1, 3, 4), "VERSION_BACKWARDS"),
        (adopted(2, 3, 4), "VERSION_BACKWARDS"),
        (proposed(5, 9, 4), "VERSION_NOT_NEWEST"),
        (proposed(5, 5, 4), "VERSION_BACKWARDS"),
    ] {
        let mut entries = line.to_vec();
        entries.push(entry);
        assert_eq!(refused(&entries), code);
    }
}

#[test]
fn a_moved_journal_remembers_its_versions_and_takes_no_more() {
    let moved = Entry::Moved(crate::journal::Moved {
        to: public_key("another journal"),
        at: AT.saturating_add(9),
    });
    let entries = [proposed(2, 1, 0), moved, adopted(2, 1, 10)];
    assert!(matches!(journal(&entries), Err(JournalError::Moved { .. })));
}

/// Plants the bug, and sees the test fail that is there for it.
#[cfg(all(feature = "planted", feature = "signing"))]
#[test]
fn a_bug_planted_in_the_versions_of_a_journal_fails_its_test() {
    let bug = crate::planted::Bug::SecondSuccessor;
    assert!(crate::succession::samples::fails_with(
        bug,
        a_version_has_one_successor
    ));
}
