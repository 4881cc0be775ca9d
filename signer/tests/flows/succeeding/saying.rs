//! What is said of a next version: approvals before it, and the journals' words after it.

use super::{RIPE, adopt, approved, hear, joined, looser, stricter};
use crate::treasury::{NOW, Treasury, passphrase};
use policies::hash::Purpose;
use policies::succession::{SuccessionFile, WrongAck, acknowledged, voices};
use policies::{Approval, Policy, PolicyId, ScriptKind, UnixTime};
use signer::countersign::Countersigner;
use signer::failure::Explained;
use signer::home::Home;
use signer::keystore::{Kind, PersonKey};
use signer::succeeding::{self, By, SucceedingError, Successor};

fn approver_of(home: &Home) -> PersonKey {
    let name = "dana".parse().expect("a name");
    home.open_person_key(Kind::Approval, Some(&name), &passphrase())
        .expect("opens")
}

/// Two successors of one version that both have the quorum's word may lead signers apart.
#[test]
fn a_second_successor_of_one_version_gets_no_approval_unnoticed() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let home = treasury.home("dana");
    let key = approver_of(&home);
    let times = (NOW, NOW.saturating_add(86_400));
    let give = |next: &Policy, instead_of: Option<PolicyId>| {
        let mut file = SuccessionFile::of(&next.bytes).expect("a document");
        let policy = &treasury.policy;
        let given = succeeding::approve(&home, policy, &mut file, &key, times, instead_of);
        let signed = file.approvals().len();
        (
            given.map_or_else(|error| error.code(), |_| "approved"),
            signed,
        )
    };
    let (one, other) = (stricter(&treasury), looser(&treasury));
    assert_eq!(give(&one, Some(other.id)), ("NOT_APPROVED_BEFORE", 0));
    assert_eq!(give(&one, None), ("approved", 1));
    // The same again is no second one.
    assert_eq!(give(&one, None), ("approved", 1));
    assert_eq!(give(&other, None), ("SECOND_APPROVAL", 0));
    assert_eq!(give(&other, Some(other.id)), ("SECOND_APPROVAL", 0));
    // Knowingly, and by name.
    assert_eq!(give(&other, Some(one.id)), ("approved", 1));
    // Now the first one is the second.
    assert_eq!(give(&one, None), ("SECOND_APPROVAL", 0));
    // What is not readable is not forgotten.
    let record = home.approved_versions_file(treasury.policy.id);
    std::fs::write(&record, "{}").expect("writes");
    assert_eq!(give(&other, Some(one.id)), ("APPROVED_VERSIONS_BROKEN", 0));
}

#[test]
fn the_refusal_of_a_second_approval_names_the_first() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let home = treasury.home("dana");
    let key = approver_of(&home);
    let times = (NOW, NOW.saturating_add(86_400));
    let (one, other) = (stricter(&treasury), looser(&treasury));
    let give = |next: &Policy| -> Result<Successor, SucceedingError> {
        let mut file = SuccessionFile::of(&next.bytes).expect("a document");
        succeeding::approve(&home, &treasury.policy, &mut file, &key, times, None)
    };
    give(&one).expect("approves");
    let refused = give(&other).expect_err("a second one");
    assert!(
        refused.to_string().contains(&one.id.to_string()),
        "{refused}"
    );
    assert!(refused.hint().contains("--instead-of"));
}

/// A journal speaks for the version that it adopted last, and for no other.
#[test]
fn a_journal_acknowledges_the_version_that_it_adopted_last_and_no_other() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (next, other) = (stricter(&treasury), looser(&treasury));
    let mut signer = treasury.countersigner("alice");
    let refused = |signer: &Countersigner| signer.acknowledge().expect_err("has no word").code();
    assert_eq!(refused(&signer), "NOTHING_ADOPTED");
    assert_eq!(hear(&mut signer, &approved(&treasury, &next), NOW), "heard");
    assert_eq!(refused(&signer), "NOTHING_ADOPTED");
    assert_eq!(adopt(&mut signer, next.id, By::Human, RIPE), "adopted");
    let ack = signer.acknowledge().expect("speaks");
    assert_eq!(ack, signer.acknowledge().expect("says the same"));
    let [given] = ack.approvals.as_slice() else {
        panic!("{ack:?}")
    };
    let vault = treasury.policy.vault;
    let of = voices(&treasury.policy, &next);
    let voice = acknowledged(vault, next.id, &of, given).expect("is genuine");
    assert_eq!(voice.signer, "alice");

    let wrong = |version: PolicyId, approval: &Approval| {
        acknowledged(vault, version, &of, approval).expect_err("counts for nothing")
    };
    assert!(matches!(
        wrong(other.id, given),
        WrongAck::OtherSubject { .. }
    ));
    let ends = Approval {
        expires: RIPE,
        ..given.clone()
    };
    assert!(matches!(wrong(next.id, &ends), WrongAck::Ends { .. }));
    let bob = treasury.policy.signer("bob").expect("a signer");
    let forged = Approval {
        key: bob.journal.id(),
        ..given.clone()
    };
    assert!(matches!(wrong(next.id, &forged), WrongAck::Wrong { .. }));
    let foreign = Approval::sign(
        &treasury.approver,
        Purpose::Ack,
        vault,
        given.subject,
        UnixTime::ZERO,
    );
    assert!(matches!(wrong(next.id, &foreign), WrongAck::Foreign { .. }));
}

/// A home that joins at a later version adopted nothing, and follows no other version: its word is as good.
#[test]
fn a_journal_that_was_begun_at_a_later_version_acknowledges_that_one() {
    let (treasury, next) = joined();
    let ack = treasury
        .countersigner("zelda")
        .acknowledge()
        .expect("speaks");
    let voices = voices(&treasury.policy, &next);
    let voice = acknowledged(treasury.policy.vault, next.id, &voices, &ack.approvals[0]);
    assert_eq!(voice.expect("is genuine").signer, "machine");
}
