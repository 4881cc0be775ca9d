//! Moving a journal to a second machine: memory and birth go on, the old machine ends, once.

use crate::treasury::{CHEAP, NOW, Treasury, passphrase};
use bitcoin::psbt::Psbt;
use policies::journal::{Entry, Line, Moved};
use policies::{Journal, ScriptKind, UnixTime};
use signer::countersign::{CountersignError, Countersigner, Signed};
use signer::enrolment::enrol;
use signer::failure::Explained;
use signer::home::Home;
use signer::keystore::{Kind, PersonKey};
use signer::moving::{MovingError, export, import, prepare};
use signer::pin::Pinned;

/// A second home with the signer's key and a journal key of its own, as `import` makes it.
pub(crate) fn second_home(treasury: &Treasury, name: &str) -> Home {
    let home = treasury.home(name);
    let (_, sealed) = PersonKey::generate(Kind::Journal, &passphrase(), CHEAP).expect("draws");
    home.store(&sealed, None).expect("stores");
    let key = |home: &Home| home.folder().join("keys/vault.key");
    std::fs::copy(key(&treasury.home("alice")), key(&home)).expect("copies");
    home
}

pub(crate) fn exported(home: &Home, to: &str) -> Result<Vec<u8>, MovingError> {
    let owner = Pinned::load(home).expect("is pinned").journal();
    let key = home.open_journal_key(&passphrase()).expect("opens");
    let to = to.parse().expect("a key");
    export(home, owner.expect("a signer"), key.secret(), to, NOW)
}

pub(crate) fn take_in(
    treasury: &Treasury,
    home: &Home,
    bundle: &[u8],
) -> Result<Journal, MovingError> {
    import(home, bundle, &treasury.policy)
}

pub(crate) fn pin(treasury: &Treasury, home: &Home) -> Result<Option<UnixTime>, &'static str> {
    let policy = &treasury.policy;
    match enrol(home, &policy.bytes, policy.id, NOW) {
        Ok(enrolment) => Ok(enrolment.birth),
        Err(error) => Err(error.code()),
    }
}

fn sign(home: &Home, transfer: &Psbt) -> Result<Signed, CountersignError> {
    let mut signer = Countersigner::open(home, &passphrase())?;
    let examined = signer.examine(&transfer.serialize(), NOW)?;
    signer.sign(examined, NOW)
}

fn refusal(home: &Home, transfer: &Psbt) -> &'static str {
    sign(home, transfer).expect_err("refuses").code()
}

#[test]
fn a_journal_moves_with_memory_and_birth_and_the_old_machine_signs_nothing_more() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let first = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    sign(&old, &first).expect("signs");
    let key = prepare(&new).expect("is fresh");
    assert_eq!(pin(&treasury, &new), Err("JOURNAL_NOT_IN_POLICY"));

    let bundle = exported(&old, &key).expect("moves");
    assert_eq!(exported(&old, &key).expect("says the same"), bundle);
    assert_eq!(refusal(&old, &first), "JOURNAL_MOVED");
    let third = second_home(&treasury, "third");
    let other = prepare(&third).expect("is fresh");
    let refused = exported(&old, &other).expect_err("moved already");
    assert_eq!(refused.code(), "JOURNAL_MOVED");
    let refused = take_in(&treasury, &third, &bundle).expect_err("is not for it");
    assert_eq!(refused.code(), "JOURNAL_FOREIGN");

    take_in(&treasury, &new, &bundle).expect("goes on");
    assert_eq!(pin(&treasury, &new), Ok(Some(UnixTime::ZERO)));
    // The withdrawal from another coin stays refused, its own transaction and others are signed.
    let again = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[1]);
    assert_eq!(refusal(&new, &again), "NOT_EXCLUSIVE");
    let receipt = sign(&new, &first).expect("signs again").receipt;
    assert_eq!(receipt.body.journal.to_string(), key);
    let more = treasury.transfer(&[treasury.intent("w2", 2_000_000)], &[1]);
    sign(&new, &more).expect("signs");
    assert_eq!(refusal(&old, &more), "JOURNAL_MOVED");

    // And on to a third machine.
    let bundle = exported(&new, &other).expect("moves on");
    take_in(&treasury, &third, &bundle).expect("goes on");
    assert_eq!(pin(&treasury, &third), Ok(Some(UnixTime::ZERO)));
    assert_eq!(refusal(&third, &again), "NOT_EXCLUSIVE");
    sign(&third, &more).expect("signs");
    assert_eq!(refusal(&new, &more), "JOURNAL_MOVED");
}

#[test]
fn a_bundle_is_taken_in_once_and_a_journal_lost_after_its_move_is_born_again_now() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let key = prepare(&new).expect("is fresh");
    let bundle = exported(&old, &key).expect("moves");
    take_in(&treasury, &new, &bundle).expect("goes on");
    assert_eq!(pin(&treasury, &new), Ok(Some(UnixTime::ZERO)));
    let first = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    sign(&new, &first).expect("signs");

    // The bundle would bring a journal without that memory.
    std::fs::remove_file(new.journal_file()).expect("is lost");
    let refused = take_in(&treasury, &new, &bundle).expect_err("was taken in");
    assert_eq!(refused.code(), "JOURNAL_KEY_NOT_FRESH");
    assert_eq!(
        prepare(&new).expect_err("is not fresh").code(),
        "JOURNAL_KEY_NOT_FRESH"
    );
    assert_eq!(pin(&treasury, &new), Ok(Some(NOW)));
    let again = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[1]);
    assert_eq!(refusal(&new, &again), "INTENT_BEFORE_BIRTH");
}

#[test]
fn a_crash_at_any_step_of_a_move_loses_nothing_and_lets_nobody_sign_twice() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let first = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    sign(&old, &first).expect("signs");
    let key = prepare(&new).expect("is fresh");
    let before = std::fs::read(old.journal_file()).expect("reads");
    let bundle = exported(&old, &key).expect("moves");
    let ended = std::fs::read(old.journal_file()).expect("reads");

    // The last entry torn off while it was written: the journal did not move, and no bundle was made.
    std::fs::write(old.journal_file(), &ended[..ended.len() - 1]).expect("writes");
    sign(&old, &first).expect("signs on");
    assert_eq!(
        std::fs::read(old.journal_file()).expect("reads"),
        before,
        "the torn line is dropped"
    );
    assert_eq!(exported(&old, &key).expect("moves"), bundle);
    assert_eq!(refusal(&old, &first), "JOURNAL_MOVED");

    // The bundle torn off, at every line and inside the last one.
    let lines = bundle.split(|byte| *byte == b'\n').skip(1).count();
    for kept in 0..lines {
        let parts: Vec<&[u8]> = bundle.split_inclusive(|byte| *byte == b'\n').collect();
        let cut = parts[..kept].concat();
        take_in(&treasury, &new, &cut).expect_err("is no bundle");
        assert!(!new.journal_file().exists(), "{kept}");
    }
    take_in(&treasury, &new, &bundle[..bundle.len() - 1]).expect_err("is no bundle");

    // Stopped after the certificates, and after the journal's file: importing again finishes, and nothing
    // else does. A journal begun there would know of nothing that the old one signed.
    let mark = std::fs::read(new.journal_fresh()).expect("is fresh");
    take_in(&treasury, &new, &bundle).expect("goes on");
    std::fs::remove_file(new.journal_file()).expect("removes");
    std::fs::write(new.journal_fresh(), &mark).expect("writes");
    assert_eq!(pin(&treasury, &new), Err("BUNDLE_MISSING"));
    assert!(!new.journal_file().exists());
    take_in(&treasury, &new, &bundle).expect("goes on");
    std::fs::write(new.journal_fresh(), &mark).expect("writes");
    take_in(&treasury, &new, &bundle).expect("goes on");
    assert!(!new.journal_fresh().exists());

    // Stopped there and pinned: the mark is gone before anything else can be done with the journal.
    std::fs::write(new.journal_fresh(), &mark).expect("writes");
    assert_eq!(pin(&treasury, &new), Ok(Some(UnixTime::ZERO)));
    assert!(!new.journal_fresh().exists());
    sign(&new, &first).expect("signs");
    assert!(!new.journal_fresh().exists());
    let journal = std::fs::read(new.journal_file()).expect("reads");
    assert!(Journal::read(&journal).is_ok());
    let refused = take_in(&treasury, &new, &bundle).expect_err("was taken in");
    assert_eq!(refused.code(), "JOURNAL_KEY_NOT_FRESH");
}

#[test]
fn certificates_that_do_not_lead_to_the_home_s_key_open_nothing() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let key = prepare(&new).expect("is fresh");
    let bundle = exported(&old, &key).expect("moves");
    take_in(&treasury, &new, &bundle).expect("goes on");
    let certificates = std::fs::read_to_string(new.moves_file()).expect("reads");
    // Another signer's home with alice's move.
    std::fs::write(treasury.home("bob").moves_file(), &certificates).expect("writes");
    assert!(
        Pinned::load(&treasury.home("bob")).is_ok(),
        "bob's stays his own"
    );
    // A certificate cut off, and one with its last byte altered.
    std::fs::write(new.moves_file(), "00\n").expect("writes");
    assert_eq!(pin(&treasury, &new), Err("MOVE_UNREADABLE"));
    let mut altered = certificates.trim_end().to_owned();
    let last = if altered.ends_with('0') { '1' } else { '0' };
    altered.pop();
    altered.push(last);
    std::fs::write(new.moves_file(), altered).expect("writes");
    assert_eq!(pin(&treasury, &new), Err("JOURNAL_NOT_IN_POLICY"));
}

#[test]
fn a_bundle_that_a_stranger_made_up_is_refused_and_the_genuine_one_is_taken_in_after_it() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let stranger = Treasury::agree(ScriptKind::Wsh);
    let (old, new) = (treasury.home("alice"), second_home(&treasury, "second"));
    let key = prepare(&new).expect("is fresh");
    // A journal of another vault, of a key that the policy does not name, and of another signer.
    let of_other_vault = exported(&stranger.home("alice"), &key).expect("moves");
    let refused = take_in(&treasury, &new, &of_other_vault).expect_err("is another vault's");
    assert_eq!(refused.code(), "JOURNAL_FOREIGN");
    let (_, sealed) = PersonKey::generate(Kind::Journal, &passphrase(), CHEAP).expect("draws");
    let unknown = PersonKey::open(Kind::Journal, &sealed, &passphrase()).expect("opens");
    let made_up = {
        let (mut journal, birth): (Journal, Line) = Journal::begin(
            treasury.policy.vault,
            unknown.secret().public(),
            UnixTime::ZERO,
        )
        .expect("begins");
        let to = key.parse().expect("a key");
        let moved = journal
            .append(Entry::Moved(Moved { to, at: NOW }))
            .expect("moves");
        let statement = journal.move_statement().expect("moved");
        let certificate = statement.sign(unknown.secret(), treasury.policy.vault);
        let (_, lines) = journal.clone().go_on(&certificate).expect("goes on");
        let lines = [birth, moved].into_iter().chain(lines);
        lines
            .flat_map(|line| line.as_bytes().to_vec())
            .collect::<Vec<u8>>()
    };
    let refused = take_in(&treasury, &new, &made_up).expect_err("nobody knows it");
    assert_eq!(refused.code(), "MOVE_FOREIGN");
    let of_bob = exported(&treasury.home("bob"), &key).expect("moves");
    let refused = take_in(&treasury, &new, &of_bob).expect_err("is bob's");
    assert_eq!(refused.code(), "JOURNAL_FOREIGN");
    assert!(new.journal_fresh().exists() && !new.journal_file().exists());

    let bundle = exported(&old, &key).expect("moves");
    take_in(&treasury, &new, &bundle).expect("goes on");
    assert_eq!(pin(&treasury, &new), Ok(Some(UnixTime::ZERO)));
}
