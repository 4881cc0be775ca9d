//! The automatic co-signer against coordinators that are honest, lying, absent, or broken.

mod calls;
mod fake;
mod versions;

use crate::treasury::{NOW, Treasury};
use bitcoin::{Sequence, Txid};
use policies::psbt::{AttemptPurpose, read_intake};
use policies::{ScriptKind, UnixTime};
use signer::online::cosigner::PassError;
use signer::online::{Event, Pass, Stop};
use std::time::Duration;

pub(crate) use fake::{Fake, cosigner, issue};

#[test]
fn every_issued_attempt_is_signed_once() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let (fake, stop) = (Fake::default(), Stop::default());
    let first = issue(&treasury, &fake, "w1", 0);
    let second = issue(&treasury, &fake, "w2", 1);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let mut events = Vec::new();
    let pass = cosigner
        .pass(|| NOW, |event| events.push(event.clone()))
        .expect("passes");
    assert_eq!(
        pass,
        Pass {
            signed: 2,
            refused: 0
        }
    );
    assert!(
        events
            .iter()
            .all(|event| matches!(event, Event::Signed { .. }))
    );
    for txid in [first, second] {
        let reply = fake.0.borrow().signed[&txid].clone();
        assert_eq!(read_intake(&reply).expect("reads").txid, txid);
    }
    let pass = cosigner.pass(|| NOW, |_| ()).expect("passes");
    assert_eq!(pass, Pass::default());
}

#[test]
fn a_spend_to_ourselves_is_signed_within_the_budget_and_a_recovery_never_by_itself() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let treasury = Treasury::agree(kind);
        let (fake, stop) = (Fake::default(), Stop::default());
        let spend = |purpose, coin, sequence| {
            let psbt = treasury.own_spend(purpose, coin, sequence);
            let txid = psbt.unsigned_tx.compute_txid();
            fake.issue(txid, psbt.serialize());
            txid
        };
        let refresh = spend(AttemptPurpose::Refresh, 0, Sequence::ENABLE_RBF_NO_LOCKTIME);
        let recovery = spend(AttemptPurpose::Recover, 1, Sequence(12_960));
        let mut cosigner = cosigner(&treasury, &fake, &stop);
        let mut refused = Vec::new();
        let report = |event: &Event| {
            if let Event::Refused { txid, reasons } = event {
                refused.push((*txid, reasons[0].code));
            }
        };
        let pass = cosigner.pass(|| NOW, report).expect("passes");
        assert_eq!((pass.signed, pass.refused), (1, 1));
        assert_eq!(refused, [(recovery, "RECOVERY_NOT_AUTOMATIC")]);
        let signed: Vec<Txid> = fake.0.borrow().signed.keys().copied().collect();
        assert_eq!(signed, [refresh]);
        assert!(!cosigner.signer().journal().history().contains(&recovery));
    }
}

#[test]
fn a_lie_is_refused_by_name_once_and_hurts_no_other_attempt() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let honest = issue(&treasury, &fake, "w1", 0);
    let mut lying = treasury.transfer(&[treasury.intent("w2", 2_000_000)], &[1]);
    lying.unsigned_tx.output[0].value += bitcoin::Amount::from_sat(1);
    let lie = lying.unsigned_tx.compute_txid();
    fake.issue(lie, lying.serialize());
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let mut refused = Vec::new();
    for _ in 0..3 {
        let report = |event: &Event| {
            if let Event::Refused { txid, reasons } = event {
                refused.push((*txid, reasons[0].code));
            }
        };
        cosigner.pass(|| NOW, report).expect("passes");
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, lie);
    assert!(fake.0.borrow().signed.contains_key(&honest));
    assert!(!fake.0.borrow().signed.contains_key(&lie));
}

#[test]
fn a_psbt_of_another_transaction_than_the_listed_one_is_not_signed() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let other = issue(&treasury, &fake, "w1", 0);
    let bytes = fake
        .0
        .borrow_mut()
        .issued
        .remove(&other)
        .expect("is issued");
    let listed = treasury
        .transfer(&[treasury.intent("w2", 1)], &[3])
        .unsigned_tx
        .compute_txid();
    fake.issue(listed, bytes);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let mut codes = Vec::new();
    let report = |event: &Event| {
        if let Event::Refused { reasons, .. } = event {
            codes.push(reasons[0].code);
        }
    };
    cosigner.pass(|| NOW, report).expect("passes");
    assert_eq!(codes, ["OTHER_TRANSACTION"]);
    assert_eq!(cosigner.signer().journal().journal().counter(), 0);
}

#[test]
fn a_reply_that_was_lost_on_the_way_is_given_again() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    cosigner.pass(|| NOW, |_| ()).expect("passes");
    fake.0.borrow_mut().signed.clear();
    let pass = cosigner.pass(|| NOW, |_| ()).expect("passes");
    assert_eq!(pass.signed, 1);
    assert_eq!(cosigner.signer().journal().journal().counter(), 1);
}

#[test]
fn signatures_that_the_coordinator_does_not_want_are_offered_once() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    fake.0.borrow_mut().unwilling = true;
    issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    assert_eq!(cosigner.pass(|| NOW, |_| ()).expect("passes").refused, 1);
    assert_eq!(
        cosigner.pass(|| NOW, |_| ()).expect("passes"),
        Pass::default()
    );
}

#[test]
fn what_was_refused_too_early_is_looked_at_again_after_a_while() {
    let treasury = Treasury::agree(ScriptKind::Wsh);
    let (fake, stop) = (Fake::default(), Stop::default());
    let txid = issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    // This machine's clock is behind: the intent seems to come from the future.
    let behind = UnixTime::from_secs(NOW.as_secs() - 3_600);
    assert_eq!(cosigner.pass(|| behind, |_| ()).expect("passes").refused, 1);
    let soon = || behind.saturating_add(599);
    assert_eq!(
        cosigner.pass(soon, |_| ()).expect("passes"),
        Pass::default()
    );
    assert_eq!(cosigner.pass(|| NOW, |_| ()).expect("passes").signed, 1);
    assert!(fake.0.borrow().signed.contains_key(&txid));
}

#[test]
fn an_absent_coordinator_is_waited_for_and_a_wish_to_stop_is_heard() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let (fake, stop) = (Fake::default(), Stop::default());
    fake.0.borrow_mut().absent = true;
    let txid = issue(&treasury, &fake, "w1", 0);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let refused = cosigner.pass(|| NOW, |_| ()).expect_err("is absent");
    assert!(matches!(refused, PassError::Coordinator(_)));
    let mut events = Vec::new();
    let report = |event: &Event| {
        // It comes back once it was missed, and the wish follows its return.
        fake.0.borrow_mut().absent = false;
        if matches!(event, Event::Online) {
            stop.wish();
        }
        events.push(event.clone());
    };
    cosigner
        .run(Duration::from_millis(1), || NOW, report)
        .expect("ends");
    assert!(matches!(events[0], Event::Offline { .. }), "{events:?}");
    assert!(matches!(events[1], Event::Signed { .. }), "{events:?}");
    assert_eq!(events[2], Event::Online);
    assert!(fake.0.borrow().signed.contains_key(&txid));
}

#[test]
fn no_attempt_is_begun_after_the_wish_to_stop() {
    let treasury = Treasury::agree(ScriptKind::Tr);
    let (fake, stop) = (Fake::default(), Stop::default());
    issue(&treasury, &fake, "w1", 0);
    issue(&treasury, &fake, "w2", 1);
    let mut cosigner = cosigner(&treasury, &fake, &stop);
    let pass = cosigner.pass(|| NOW, |_| stop.wish()).expect("passes");
    assert_eq!(pass.signed, 1);
    assert_eq!(fake.0.borrow().fetched, 1);
}
