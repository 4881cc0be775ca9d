//! The next version at the automatic co-signer: followed, acknowledged, or left to a human.

use super::fake::{Fake, cosigner};
use crate::succeeding::{approved, joined, looser, stricter, with_new_machine};
use crate::treasury::{NOW, Treasury};
use bitcoin::Sequence;
use policies::psbt::AttemptPurpose;
use policies::succession::{acknowledged, voices};
use policies::{ScriptKind, Statement, UnixTime};
use signer::online::{Cosigner, Event, Stop};
use std::fs::File;

#[test]
fn a_step_of_rules_is_followed_by_itself_once_its_delay_is_over() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let next = stricter(&treasury);
    fake.0.borrow_mut().successions = vec![approved(&treasury, &next)];
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let mut pass = |clock| {
        let mut events = Vec::new();
        cosigner
            .pass(|| clock, |event| events.push(event.clone()))
            .expect("passes");
        events
    };
    let policy = next.id;
    assert_eq!(pass(NOW), [Event::Proposed { policy }]);
    let ripe = NOW.saturating_add(48 * 3_600);
    assert_eq!(pass(ripe.saturating_sub(1)), []);
    assert_eq!(
        pass(ripe),
        [Event::Adopted { policy }, Event::Acknowledged { policy }]
    );
    assert_eq!(pass(ripe), []);
    assert_eq!(cosigner.signer().policy().id, policy);
}

/// The journal's word is handed in once, and again after a new start; that it is not taken stops no signature.
#[test]
fn an_adopted_version_is_acknowledged_once_and_nothing_waits_for_that() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let next = stricter(&treasury);
    let policy = next.id;
    fake.0.borrow_mut().successions = vec![approved(&treasury, &next)];
    fake.0.borrow_mut().no_acks = Some(422);
    let ripe = NOW.saturating_add(48 * 3_600);
    let told = |cosigner: &mut Cosigner<File, Fake>, clock| {
        let mut told = Vec::new();
        let report = |event: &Event| {
            if matches!(event, Event::Acknowledged { .. }) {
                told.push("acknowledged");
            } else if matches!(event, Event::Unacknowledged { .. }) {
                told.push("unacknowledged");
            } else if matches!(event, Event::Signed { .. }) {
                told.push("signed");
            }
        };
        cosigner.pass(|| clock, report).expect("passes");
        told
    };
    let mut first = cosigner(&treasury, &fake, &stop);
    let none: [&str; 0] = [];
    // Nothing was adopted yet: nothing is said.
    assert_eq!(told(&mut first, NOW), none);
    assert_eq!(told(&mut first, ripe), ["unacknowledged"]);
    let own = treasury.own_spend(AttemptPurpose::Refresh, 0, Sequence::ENABLE_RBF_NO_LOCKTIME);
    fake.issue(own.unsigned_tx.compute_txid(), own.serialize());
    assert_eq!(told(&mut first, ripe.saturating_add(60)), ["signed"]);
    // An absent one is asked again in each round, one that refuses after a while.
    fake.0.borrow_mut().no_acks = Some(503);
    assert_eq!(told(&mut first, ripe.saturating_add(660)), none);
    fake.0.borrow_mut().no_acks = None;
    assert_eq!(told(&mut first, ripe.saturating_add(661)), ["acknowledged"]);
    assert_eq!(told(&mut first, ripe.saturating_add(9_000)), none);
    drop(first);
    let mut again = cosigner(&treasury, &fake, &stop);
    assert_eq!(
        told(&mut again, ripe.saturating_add(9_001)),
        ["acknowledged"]
    );
    let acks = fake.0.borrow().acks.clone();
    assert_eq!(acks.len(), 2);
    let voices = voices(&treasury.policy, &next);
    for ack in &acks {
        assert_eq!(ack.statement, Statement::Ack { policy });
        let given = &ack.approvals[0];
        let voice = acknowledged(treasury.policy.vault, policy, &voices, given);
        assert_eq!(voice.expect("is genuine").signer, "machine");
    }
}

#[test]
fn a_cosigner_that_joined_at_a_later_version_acknowledges_it_once() {
    let (treasury, next) = joined();
    let (fake, stop) = (Fake::default(), Stop::default());
    let signer = treasury.countersigner("zelda");
    let mut cosigner = Cosigner::new(signer, fake.clone(), stop);
    let mut events = Vec::new();
    for _ in 0..2 {
        let pass = cosigner.pass(|| NOW, |event| events.push(event.clone()));
        pass.expect("passes");
    }
    let policy = next.id;
    assert_eq!(events, [Event::Acknowledged { policy }]);
    let acks = fake.0.borrow().acks.clone();
    assert_eq!(acks[0].statement, Statement::Ack { policy });
}

/// What a version waits for is said once, and again only when that changes.
#[test]
fn a_version_that_needs_a_human_is_reported_once_and_a_dispute_once_more() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let next = with_new_machine(&treasury, ScriptKind::Wsh);
    fake.0.borrow_mut().successions = vec![approved(&treasury, &next)];
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let mut pass = |clock: UnixTime| {
        let mut told = Vec::new();
        let report = |event: &Event| {
            if let Event::Waits { reason, .. } = event {
                told.push(reason.code);
            } else {
                assert!(matches!(event, Event::Proposed { .. }), "{event:?}");
                told.push("proposed");
            }
        };
        cosigner.pass(|| clock, report).expect("passes");
        told
    };
    assert_eq!(pass(NOW), ["proposed", "VERSION_NEEDS_PIN"]);
    for later in [1, 48 * 3_600] {
        assert!(pass(NOW.saturating_add(later)).is_empty());
    }
    // It is a file of the home that was lost.
    let kept = treasury.home("machine").proposal_file(next.id);
    fake.0.borrow_mut().successions.clear();
    std::fs::remove_file(kept).expect("is lost");
    assert_eq!(pass(NOW), ["VERSION_NOT_HEARD"]);
    assert!(pass(NOW).is_empty());
    // The coordinator gives it again, and another successor with it.
    let both = vec![
        approved(&treasury, &next),
        approved(&treasury, &looser(&treasury)),
    ];
    fake.0.borrow_mut().successions = both;
    assert_eq!(pass(NOW), ["proposed", "proposed", "VERSION_DISPUTED"]);
    assert!(pass(NOW).is_empty());
}
