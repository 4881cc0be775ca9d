//! Tests of moves: the memory and the birth go on, the old journal ends, nobody else can go on.

use super::*;
use crate::ScriptKind;
use crate::document::samples;
use crate::intent::sample;
use crate::journal::history::tests::signed;
use crate::journal::{Entry, Fault, Journal, JournalError, Line, ReceiptBody, Rollback};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn vault() -> VaultId {
    VaultId::from_bytes([0x11; 32])
}

const BIRTH: UnixTime = UnixTime::from_secs(5);
const AT: UnixTime = UnixTime::from_secs(1_795_478_500);

/// A journal with one transaction that moved to a key, and its file.
fn moved(to: u8) -> (Journal, Vec<u8>) {
    let (mut journal, line) = Journal::begin(vault(), key(1).public(), BIRTH).expect("begins");
    let mut file = line.as_bytes().to_vec();
    let to = key(to).public();
    for entry in [
        Entry::Signed(signed(1, &[1], &[sample::payment("w1", 1)])),
        Entry::Moved(Moved { to, at: AT }),
    ] {
        file.extend_from_slice(journal.append(entry).expect("appends").as_bytes());
    }
    (journal, file)
}

fn certificate(journal: &Journal, by: u8) -> MoveCertificate {
    let statement = journal.move_statement().expect("moved");
    statement.sign(&key(by), vault())
}

/// The new journal and its file.
fn gone_on() -> (Journal, Vec<u8>) {
    let (old, mut file) = moved(2);
    let certificate = certificate(&old, 1);
    let (new, lines) = old.go_on(&certificate).expect("goes on");
    file.extend(lines.iter().flat_map(Line::as_bytes));
    (new, file)
}

#[test]
fn a_moved_journal_takes_no_more_entries_and_admits_nothing() {
    let (mut old, file) = moved(2);
    assert_eq!(old.history().moved_to(), Some(key(2).public()));
    let again = signed(1, &[1], &[sample::payment("w1", 1)]);
    assert!(matches!(
        old.history().admits(&again),
        Err(Fault::Moved { .. })
    ));
    for entry in [
        Entry::Signed(again),
        Entry::Moved(Moved {
            to: key(3).public(),
            at: AT,
        }),
    ] {
        let refused = old.append(entry).expect_err("refuses");
        assert!(matches!(refused, JournalError::Moved { line: 3, .. }));
    }
    assert_eq!(Journal::read(&file), Ok(old));
}

#[test]
fn the_new_journal_keeps_memory_and_birth_and_reads_back() {
    let (mut new, mut file) = gone_on();
    assert_eq!(Journal::read(&file), Ok(new.clone()));
    assert_eq!(new.key(), key(2).public());
    assert_eq!((new.counter(), new.history().birth()), (1, BIRTH));
    assert_eq!(new.history().moved_to(), None);
    assert_eq!(new.history().own_key(), Some(key(2).public()));
    assert_eq!(new.moves().len(), 1);
    // What the old one signed binds the new one.
    let elsewhere = signed(2, &[9], &[sample::payment("w1", 1)]);
    assert!(matches!(
        new.append(Entry::Signed(elsewhere)),
        Err(JournalError::NotAdmitted { line: 5, .. })
    ));
    let replacement = signed(2, &[1, 9], &[sample::payment("w1", 1)]);
    let line = new.append(Entry::Signed(replacement)).expect("appends");
    file.extend_from_slice(line.as_bytes());
    assert_eq!(Journal::read(&file), Ok(new.clone()));
    // And it can move on, but never back.
    let back = Entry::Moved(Moved {
        to: key(1).public(),
        at: AT,
    });
    assert!(matches!(
        new.append(back),
        Err(JournalError::MovedBack { .. })
    ));
    let on = Moved {
        to: key(3).public(),
        at: AT,
    };
    let line = new.append(Entry::Moved(on)).expect("moves on");
    file.extend_from_slice(line.as_bytes());
    let (third, lines) = new.clone().go_on(&certificate(&new, 2)).expect("goes on");
    file.extend(lines.iter().flat_map(Line::as_bytes));
    assert_eq!(Journal::read(&file), Ok(third.clone()));
    assert_eq!(third.moves().len(), 2);
}

#[test]
fn nobody_goes_on_without_the_old_key_s_certificate_for_exactly_this_end() {
    let (old, file) = moved(2);
    let by_another = certificate(&old, 3);
    assert!(matches!(
        old.clone().go_on(&by_another),
        Err(JournalError::Certificate { line: 4, .. })
    ));
    let good = certificate(&old, 1);
    for alter in [
        (|one: &mut MoveStatement| one.to = key(3).public()) as fn(&mut MoveStatement),
        |one| one.counter = 1,
        |one| one.head = JournalHead::from_bytes([0; 32]),
        |one| one.from = key(3).public(),
    ] {
        let mut altered = good.clone();
        alter(&mut altered.statement);
        let refused = old.clone().go_on(&altered).expect_err("refuses");
        assert!(matches!(refused, JournalError::NotInherited { .. }));
    }
    // A journal that did not move has no successor; one born anew must inherit at once.
    let (stays, _) = Journal::begin(vault(), key(1).public(), BIRTH).expect("begins");
    assert!(matches!(
        stays.go_on(&good),
        Err(JournalError::SecondBirth { .. })
    ));
    let (_, whole) = gone_on();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let cut = lines.get(..4).expect("five lines").concat();
    assert!(matches!(
        Journal::read(&cut),
        Err(JournalError::NotInherited { line: 4 })
    ));
    // The lines of the new journal alone prove nothing.
    let alone = lines.get(3..).expect("five lines").concat();
    assert!(matches!(
        Journal::read(&alone),
        Err(JournalError::NotInherited { .. })
    ));
    assert!(Journal::read(&file).is_ok());
}

#[test]
fn the_birth_can_be_neither_earlier_nor_later_after_a_move() {
    let (old, file) = moved(2);
    for birth in [0, 6] {
        let birth = UnixTime::from_secs(birth);
        let (_, line) = Journal::begin(vault(), key(2).public(), birth).expect("begins");
        let bytes = [&file[..], line.as_bytes()].concat();
        assert!(matches!(
            Journal::read(&bytes),
            Err(JournalError::NotInherited { line: 3 })
        ));
    }
    assert_eq!(old.move_statement().map(|one| one.birth), Some(BIRTH));
}

#[test]
fn receipts_beyond_or_beside_the_journal_show_that_it_was_rolled_back() {
    let (new, _) = gone_on();
    let history = new.history();
    let txid = signed(1, &[1], &[]).txid;
    let receipt = ReceiptBody {
        counter: new.counter(),
        head: new.head(),
        journal: new.key(),
        txid,
        manifest: [0; 32],
        nonce: None,
        event_head: None,
        now: AT,
    };
    assert_eq!(history.rolled_back(&receipt), None);
    let ahead = ReceiptBody {
        counter: 2,
        ..receipt.clone()
    };
    assert!(matches!(
        history.rolled_back(&ahead),
        Some(Rollback::Ahead {
            counter: 2,
            last: 1,
            ..
        })
    ));
    let forked = ReceiptBody {
        head: JournalHead::from_bytes([0; 32]),
        ..receipt.clone()
    };
    assert!(matches!(
        history.rolled_back(&forked),
        Some(Rollback::Forked { counter: 1, .. })
    ));
    // The old journal ended at entry 2; another journal's receipts say nothing.
    let old = ReceiptBody {
        journal: key(1).public(),
        counter: 3,
        ..receipt.clone()
    };
    assert!(matches!(
        history.rolled_back(&old),
        Some(Rollback::Ahead { last: 2, .. })
    ));
    let other = ReceiptBody {
        journal: key(9).public(),
        counter: 3,
        ..receipt
    };
    assert_eq!(history.rolled_back(&other), None);
}

#[test]
fn a_certificate_reads_back_and_counts_for_its_vault_only() {
    let (old, _) = moved(2);
    let certificate = certificate(&old, 1);
    let bytes = certificate.encode();
    assert_eq!(MoveCertificate::decode(&bytes), Ok(certificate.clone()));
    assert_eq!(certificate.verify(vault()), Ok(()));
    let other = certificate.verify(VaultId::from_bytes([2; 32]));
    assert_eq!(other, Err(MoveError::Signature(SignatureError::Wrong)));
    for length in 0..bytes.len() {
        let cut = bytes.get(..length).expect("within");
        assert!(MoveCertificate::decode(cut).is_err(), "{length}");
    }
    let text = String::from_utf8(certificate.statement.encode()).expect("ASCII");
    let decode = |from: &str, to: &str| {
        let altered = text.replace(from, to);
        assert_ne!(altered, text);
        MoveStatement::decode(altered.as_bytes()).expect_err("refused")
    };
    assert_eq!(decode("move/1", "move/2"), MoveError::Format);
    assert!(matches!(decode("head", "heap"), MoveError::Field(_)));
    assert!(matches!(decode("ed25519", "rsa"), MoveError::Value(_)));
    assert!(matches!(decode(",", ", "), MoveError::Canonical(_)));
}

#[test]
fn a_move_counts_for_the_signer_whose_journal_the_policy_names() {
    let mut draft = samples::draft(ScriptKind::Wsh);
    let signer = draft.signers.first_mut().expect("a signer");
    signer.journal = key(1).public().to_string();
    let name = signer.name.clone();
    let other = draft.signers.get(1).expect("a second one").journal.clone();
    let policy = Policy::parse(draft.to_toml().as_bytes()).expect("is a policy");
    let step = |from: u8, to: PublicKey| {
        let statement = MoveStatement {
            from: key(from).public(),
            to,
            birth: BIRTH,
            counter: 3,
            head: JournalHead::from_bytes([7; 32]),
        };
        statement.sign(&key(from), policy.vault)
    };
    let first = step(1, key(2).public());
    let accepted = accept_move(&policy, &first).expect("counts");
    assert_eq!(accepted.name, name);
    let second = step(2, key(3).public());
    assert!(accept_moves(&policy, &[first.clone(), second.clone()]).is_ok());

    let code = |moves: &[MoveCertificate]| {
        let error = accept_moves(&policy, moves).expect_err("does not count");
        error.code()
    };
    assert_eq!(code(std::slice::from_ref(&second)), "MOVE_FOREIGN");
    assert_eq!(
        code(&[first.clone(), step(3, key(4).public())]),
        "MOVE_FOREIGN"
    );
    assert_eq!(code(&[step(1, key(1).public())]), "MOVE_TO_KEY");
    assert_eq!(
        code(&[step(1, other.parse().expect("a key"))]),
        "MOVE_TO_KEY"
    );
    let mut forged = first;
    forged.statement.to = key(4).public();
    assert_eq!(code(&[forged]), "MOVE_NOT_SIGNED");
    assert_eq!(code(&[]), "MOVE_UNREADABLE");
}
