//! The automatic co-signer and what lies in its inbox: stops that its coordinator withholds, and goes.

use crate::cosigning::{Fake, cosigner, issue};
use crate::treasury::{NOW, Treasury};
use policies::document::{ApprovalsDraft, GoDraft, StopDraft};
use policies::intent::{Go, SecretKey, StatementNonce, Stop};
use policies::journal::Void;
use policies::{Approval, ScriptKind, Statement, UnixTime};
use signer::failure::Explained;
use signer::listing::{SignedStatement, StatementSignature};
use signer::online::{Cosigner, Event, Pass, Stop as Wish};
use signer::stopping::{new_go, new_stop, read_release};
use std::fs::File;
use std::path::PathBuf;

fn with_go() -> Treasury {
    Treasury::agree_with(ScriptKind::Wsh, NOW, |draft| {
        draft.go = Some(GoDraft {
            approvals: ApprovalsDraft {
                group: Some("ops".to_owned()),
                count: 1,
                page: None,
            },
            within: "12h".to_owned(),
        });
    })
}

fn inbox(treasury: &Treasury) -> PathBuf {
    let inbox = treasury.folder.path().join("inbox");
    std::fs::create_dir(&inbox).expect("a folder");
    inbox
}

/// A statement's file, signed by the approver.
fn file(treasury: &Treasury, statement: &Statement, expires: UnixTime) -> Vec<u8> {
    let (purpose, subject) = (statement.purpose(), statement.subject());
    let vault = treasury.policy.vault;
    let approval = Approval::sign(&treasury.approver, purpose, vault, subject, expires);
    let signed = SignedStatement {
        statement: String::from_utf8(statement.encode()).expect("ASCII"),
        about: String::new(),
        approvals: vec![StatementSignature {
            purpose: purpose.to_string(),
            expires,
            key: approval.key,
            signature: approval.signature,
        }],
        moves: Vec::new(),
    };
    serde_json::to_vec(&signed).expect("JSON")
}

fn stop() -> Statement {
    Statement::Stop(Stop {
        created: NOW,
        nonce: StatementNonce::from_bytes([1; 16]),
        reason: "a laptop was stolen".to_owned(),
    })
}

fn codes(events: &[Event]) -> Vec<&'static str> {
    let code = |event: &Event| match event {
        Event::Refused { reasons, .. } => reasons.first().map(|reason| reason.code),
        Event::Bad { reason, .. } | Event::Waits { reason, .. } => Some(reason.code),
        Event::Noted { .. } => Some("noted"),
        Event::Voided { .. } => Some("voided"),
        Event::Signed { .. } => Some("signed"),
        Event::Proposed { .. }
        | Event::Adopted { .. }
        | Event::Acknowledged { .. }
        | Event::Unacknowledged { .. }
        | Event::Offline { .. }
        | Event::Online => None,
    };
    events.iter().filter_map(code).collect()
}

#[test]
fn a_stop_in_the_inbox_holds_though_the_coordinator_withholds_it_and_the_file_is_gone() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let inbox = inbox(&treasury);
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    let path = inbox.join("stop.json");
    std::fs::write(&path, file(&treasury, &stop(), UnixTime::ZERO)).expect("writes");
    let mut first = cosigner(&treasury, &fake, &wish).with_inbox(inbox.clone());
    let mut events = Vec::new();
    let pass = first.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(
        pass.expect("passes"),
        Pass {
            signed: 0,
            refused: 1
        }
    );
    assert_eq!(codes(&events), ["noted", "STOPPED"]);
    drop(first);
    std::fs::remove_file(&path).expect("removes");
    let mut events = Vec::new();
    let mut again = cosigner(&treasury, &fake, &wish);
    let pass = again.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(pass.expect("passes").signed, 0);
    assert_eq!(codes(&events), ["STOPPED"]);
}

#[test]
fn a_stop_that_comes_while_the_coordinator_dawdles_is_heard_before_the_signature() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let inbox = inbox(&treasury);
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    let stopping = file(&treasury, &stop(), UnixTime::ZERO);
    fake.meanwhile(inbox.join("stop.json"), stopping);
    let mut cosigner = cosigner(&treasury, &fake, &wish).with_inbox(inbox);
    let mut events = Vec::new();
    let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(pass.expect("passes").signed, 0);
    assert_eq!(codes(&events), ["noted", "STOPPED"]);
}

#[test]
fn a_round_ends_after_a_minute_however_much_the_coordinator_lists() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    issue(&treasury, &fake, "w2", 1);
    let mut cosigner = cosigner(&treasury, &fake, &wish);
    let asked = std::cell::Cell::new(0_u64);
    let clock = || {
        asked.set(asked.get() + 30);
        NOW.saturating_add(asked.get())
    };
    let pass = cosigner.pass(clock, |_| {}).expect("passes");
    assert_eq!(pass.signed, 1);
}

#[test]
fn nothing_is_signed_while_the_inbox_cannot_be_read_and_links_are_followed() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let folder = treasury.folder.path().join("inbox");
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &wish).with_inbox(folder.clone());
    let mut events = Vec::new();
    let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(pass.expect("passes").signed, 0);
    assert_eq!(codes(&events), ["UNREADABLE"]);
    std::fs::create_dir_all(folder.join("no file")).expect("folders");
    let mut events = Vec::new();
    let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(pass.expect("passes").signed, 0);
    assert_eq!(codes(&events), ["UNREADABLE"]);
    std::fs::remove_dir(folder.join("no file")).expect("removes");
    let elsewhere = treasury.folder.path().join("stop.json");
    std::fs::write(&elsewhere, file(&treasury, &stop(), UnixTime::ZERO)).expect("writes");
    std::os::unix::fs::symlink(&elsewhere, folder.join("stop.json")).expect("a link");
    let mut events = Vec::new();
    let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
    assert_eq!(pass.expect("passes").signed, 0);
    assert_eq!(codes(&events), ["noted", "STOPPED"]);
}

#[test]
fn a_bad_file_in_the_inbox_is_told_once_and_hides_no_other() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let inbox = inbox(&treasury);
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    std::fs::write(inbox.join("a.json"), b"rubbish").expect("writes");
    std::fs::write(inbox.join(".b.json"), b"half").expect("writes");
    let stopping = file(&treasury, &stop(), UnixTime::ZERO);
    std::fs::write(inbox.join("c.json"), stopping).expect("writes");
    let mut cosigner = cosigner(&treasury, &fake, &wish).with_inbox(inbox);
    let mut events = Vec::new();
    for _ in 0..2 {
        let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
        assert_eq!(pass.expect("passes").signed, 0);
    }
    assert_eq!(codes(&events), ["NOT_A_STATEMENT_FILE", "noted", "STOPPED"]);
}

#[test]
fn where_the_policy_asks_for_a_go_nothing_is_signed_automatically_without_one() {
    let treasury = with_go();
    let inbox = inbox(&treasury);
    let (fake, wish) = (Fake::default(), Wish::default());
    issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &wish).with_inbox(inbox.clone());
    let mut pass = |now: UnixTime| {
        let mut events = Vec::new();
        let pass = cosigner.pass(|| now, |event| events.push(event.clone()));
        pass.expect("passes");
        codes(&events)
    };
    assert_eq!(pass(NOW), ["GO_MISSING"]);
    let go = |created| {
        let nonce = StatementNonce::from_bytes([2; 16]);
        let statement = Statement::Go(Go { created, nonce });
        file(&treasury, &statement, NOW.saturating_add(86_400))
    };
    let path = inbox.join("go.json");
    std::fs::write(&path, go(NOW.saturating_sub(12 * 3_600))).expect("writes");
    assert_eq!(pass(NOW), ["GO_TOO_OLD"]);
    std::fs::write(&path, go(NOW)).expect("writes");
    assert_eq!(pass(NOW), ["signed"]);
}

#[test]
fn a_human_signs_without_a_go_and_not_while_the_vault_is_stopped() {
    let treasury = with_go();
    let transfer = treasury.transfer(&[treasury.intent("w1", 1_000_000)], &[0]);
    let mut alice = treasury.countersigner("alice");
    let bytes = transfer.serialize();
    let _examined = alice.examine(&bytes, NOW).expect("needs no go");
    let stopping = file(&treasury, &stop(), UnixTime::ZERO);
    let heard = signer::listing::entitled(&stopping, &treasury.policy, NOW).expect("reads");
    assert_eq!(alice.note(&heard, NOW).expect("journals"), 1);
    let refused = alice.examine(&bytes, NOW).expect_err("is stopped");
    assert_eq!(signer::failure::Explained::code(&refused), "STOPPED");
}

#[test]
fn a_cosigner_voids_what_the_coordinator_wishes_unless_it_signed_it_and_then_never_signs_it() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, wish) = (Fake::default(), Wish::default());
    let signed = issue(&treasury, &fake, "w1", 0);
    let mut machine = cosigner(&treasury, &fake, &wish);
    let mut events = Vec::new();
    let mut pass = |machine: &mut Cosigner<File, Fake>| {
        events.clear();
        let pass = machine.pass(|| NOW, |event| events.push(event.clone()));
        pass.expect("passes");
        codes(&events)
    };
    assert_eq!(pass(&mut machine), ["signed"]);
    let other = issue(&treasury, &fake, "w2", 1);
    fake.wish_void(signed);
    fake.wish_void(other);
    assert_eq!(pass(&mut machine), ["ALREADY_SIGNED", "voided"]);
    let voids = fake.voids();
    let [bytes] = voids.as_slice() else {
        panic!("one void: {voids:?}");
    };
    let void = Void::decode(bytes).expect("a void");
    assert_eq!(void.txid, other);
    void.verify(treasury.policy.vault).expect("the journal's");
    assert_eq!(
        pass(&mut machine),
        Vec::<&str>::new(),
        "nothing of it any more"
    );
    let history = machine.signer().journal().history();
    assert!(history.voided(&other).is_some() && history.voided(&signed).is_none());
}

#[test]
fn a_release_is_signed_only_beneath_the_stop_that_its_file_shows_and_by_who_may() {
    let treasury = Treasury::agree_with(ScriptKind::Wsh, NOW, |draft| {
        draft.stop = Some(StopDraft {
            release: ApprovalsDraft {
                group: None,
                count: 1,
                page: None,
            },
        });
    });
    let policy = &treasury.policy;
    let said = |reason: &str| {
        let stop = new_stop(reason, NOW).expect("a stop");
        stop.sign(policy, &treasury.approver, NOW).expect("signs")
    };
    let (stop, other) = (said("stolen laptop"), said("a drill"));
    let bytes = |value: serde_json::Value| serde_json::to_vec(&value).expect("JSON");
    let release = read_release(&bytes(stop.to_json())).expect("of the stop");
    let signed = release.sign(policy, &treasury.approver, NOW);
    let signed = signed.expect("an approver may");
    let counted = signed.counted(policy, NOW).expect("is counted");
    assert!(counted.is_met(), "{counted:?}");
    assert!(signed.words(policy, NOW).contains("stolen laptop"));
    let file = signed.to_json();
    let again = read_release(&bytes(file.clone())).expect("reads again");
    assert_eq!(again.said, signed.said);
    // Another stop shown above the same release is refused: the reader would believe it is that one.
    let swapped = serde_json::json!([other.to_json(), file[1]]);
    let code = |bytes: &[u8]| read_release(bytes).expect_err("is refused").code();
    assert_eq!(code(&bytes(swapped)), "NOT_A_STOP");
    let two = serde_json::json!([stop.to_json(), other.to_json()]);
    assert_eq!(code(&bytes(two)), "NOT_A_STOP");
    let release = read_release(&bytes(stop.to_json())).expect("of the stop");
    let stranger = SecretKey::from_bytes(&[9; 32]);
    let refused = release.sign(policy, &stranger, NOW).expect_err("no person");
    assert_eq!(refused.code(), "KEY_NOT_PINNED");
    for reason in ["", "  ", "caf\u{e9}", &"a".repeat(201)] {
        assert_eq!(
            new_stop(reason, NOW).expect_err(reason).code(),
            "BAD_REASON"
        );
    }
    assert_eq!(
        new_go(policy, NOW).expect_err("no [go]").code(),
        "NOBODY_MAY"
    );
}
