//! Whose signatures make a statement count.

use bitcoin::ScriptBuf;

use super::*;
use crate::descriptor::ScriptKind;
use crate::document::samples::{HEAD_TIME, draft, quorum};
use crate::document::{OpenDraft, PinnedKeyDraft, TestFirstDraft};
use crate::intent::SecretKey;

/// The approver's own key.
fn secret_key(name: &str) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    SecretKey::from_bytes(&bytes)
}

/// A list that two persons of the board add to, and one of ops confirms.
fn policy() -> Policy {
    let mut draft = draft(ScriptKind::Wsh);
    draft.lists[0].open = Some(OpenDraft {
        approvals: quorum(Some("board"), 2),
        delay: "24h".to_owned(),
        test_first: Some(TestFirstDraft {
            sat: 10_000,
            group: "ops".to_owned(),
        }),
    });
    for approver in &mut draft.approvers {
        let key = secret_key(&approver.name).public();
        approver.keys = vec![PinnedKeyDraft::own(&key)];
    }
    Policy::parse(draft.to_toml().as_bytes()).expect("accepted")
}

fn add() -> ListAdd {
    ListAdd {
        list: "counterparties".to_owned(),
        script_pubkey: ScriptBuf::from_bytes(vec![0x51]),
        label: "Acme".to_owned(),
        not_before: HEAD_TIME,
        expires: HEAD_TIME.saturating_add(1_000),
    }
}

fn signed(policy: &Policy, who: &str, statement: &Statement) -> Approval {
    let expires = HEAD_TIME.saturating_add(1_000);
    let subject = statement.subject();
    Approval::sign(
        &secret_key(who),
        statement.purpose(),
        policy.vault,
        subject,
        expires,
    )
}

fn persons(statement: &Statement, approvals: &[Approval], now: UnixTime) -> (Vec<String>, bool) {
    let counted = entitlement(&policy(), statement, &add(), approvals, now).expect("an open list");
    (counted.approved_by.clone(), counted.is_met())
}

#[test]
fn adding_takes_the_quorum_and_one_person_counts_once() {
    let (policy, statement) = (policy(), Statement::ListAdd(add()));
    let dana = signed(&policy, "dana", &statement);
    let frank = signed(&policy, "frank", &statement);
    let found = persons(&statement, &[dana.clone(), dana.clone()], HEAD_TIME);
    assert_eq!(found, (vec!["dana".to_owned()], false));
    let found = persons(&statement, &[dana, frank], HEAD_TIME);
    assert_eq!(found, (vec!["dana".to_owned(), "frank".to_owned()], true));
}

#[test]
fn a_signature_over_something_else_does_not_count() {
    let (policy, statement) = (policy(), Statement::ListAdd(add()));
    let entry = statement.subject();
    let remove = Statement::ListRemove { entry };
    let mut forged = signed(&policy, "dana", &remove);
    forged.subject = entry;
    forged.purpose = Purpose::ListAdd;
    let other = signed(&policy, "frank", &remove);
    assert_eq!(
        persons(&statement, &[forged, other], HEAD_TIME).0,
        Vec::<String>::new()
    );
}

#[test]
fn removing_takes_one_person_of_the_group_and_never_ends() {
    let policy = policy();
    let remove = Statement::ListRemove {
        entry: add().subject(),
    };
    let late = HEAD_TIME.saturating_add(1_000_000);
    assert!(persons(&remove, &[signed(&policy, "frank", &remove)], late).1);
    assert!(!persons(&remove, &[signed(&policy, "erin", &remove)], late).1);
}

#[test]
fn confirming_takes_one_person_of_the_named_group_in_time() {
    let policy = policy();
    let confirm = Statement::ListConfirm {
        entry: add().subject(),
    };
    let ops = signed(&policy, "dana", &confirm);
    assert!(persons(&confirm, std::slice::from_ref(&ops), HEAD_TIME).1);
    let ended = HEAD_TIME.saturating_add(1_000);
    assert!(!persons(&confirm, &[ops], ended).1);
    assert!(!persons(&confirm, &[signed(&policy, "frank", &confirm)], HEAD_TIME).1);
}
