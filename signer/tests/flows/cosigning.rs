//! The automatic co-signer against coordinators that are honest, lying, absent, or broken.

use crate::succeeding::{approved, joined, looser, stricter, with_new_machine};
use crate::treasury::{NOW, Treasury};
use bitcoin::{Sequence, Txid};
use policies::psbt::{AttemptPurpose, read_intake};
use policies::rules::Said;
use policies::succession::{SuccessionFile, acknowledged, voices};
use policies::{ScriptKind, Statement, UnixTime, VaultId};
use signer::failure::Explained;
use signer::online::cosigner::PassError;
use signer::online::{Attempts, CoordinatorError, Cosigner, Event, HttpCoordinator, Pass, Stop};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// A coordinator in memory.
#[derive(Clone, Default)]
pub(crate) struct Fake(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    issued: BTreeMap<Txid, Vec<u8>>,
    signed: BTreeMap<Txid, Vec<u8>>,
    absent: bool,
    unwilling: bool,
    fetched: usize,
    successions: Vec<SuccessionFile>,
    wished: Vec<Txid>,
    voids: Vec<Vec<u8>>,
    acks: Vec<Said>,
    /// What it answers to acknowledgements, if not that it took them.
    no_acks: Option<u16>,
    /// A file that is written while it is asked for the head of its events, the last that it is asked for.
    meanwhile: Option<(PathBuf, Vec<u8>)>,
}

impl Fake {
    fn issue(&self, txid: Txid, bytes: Vec<u8>) {
        self.0.borrow_mut().issued.insert(txid, bytes);
    }

    pub(crate) fn wish_void(&self, txid: Txid) {
        self.0.borrow_mut().wished.push(txid);
    }

    pub(crate) fn meanwhile(&self, path: PathBuf, bytes: Vec<u8>) {
        self.0.borrow_mut().meanwhile = Some((path, bytes));
    }

    pub(crate) fn voids(&self) -> Vec<Vec<u8>> {
        self.0.borrow().voids.clone()
    }

    fn answer(&self) -> Result<(), CoordinatorError> {
        if self.0.borrow().absent {
            return Err(CoordinatorError::Foreign { status: 502 });
        }
        Ok(())
    }
}

impl Attempts for Fake {
    fn missing(&self, _: VaultId, signer: &str) -> Result<Vec<Txid>, CoordinatorError> {
        self.answer()?;
        assert_eq!(signer, "machine");
        let state = self.0.borrow();
        let missing = state
            .issued
            .keys()
            .filter(|txid| !state.signed.contains_key(*txid));
        Ok(missing.copied().collect())
    }

    fn psbt(&self, txid: Txid) -> Result<Vec<u8>, CoordinatorError> {
        self.answer()?;
        self.0.borrow_mut().fetched += 1;
        Ok(self.0.borrow().issued[&txid].clone())
    }

    fn statements(&self, _: VaultId) -> Result<Vec<u8>, CoordinatorError> {
        self.answer()?;
        Ok(Vec::new())
    }

    fn successions(&self, _: VaultId) -> Result<Vec<SuccessionFile>, CoordinatorError> {
        self.answer()?;
        Ok(self.0.borrow().successions.clone())
    }

    fn wished_voids(&self, _: VaultId, _: &str) -> Result<Vec<Txid>, CoordinatorError> {
        self.answer()?;
        Ok(self.0.borrow().wished.clone())
    }

    fn submit_void(&self, txid: Txid, void: &[u8]) -> Result<(), CoordinatorError> {
        self.answer()?;
        let mut state = self.0.borrow_mut();
        state.wished.retain(|wished| *wished != txid);
        state.voids.push(void.to_vec());
        Ok(())
    }

    fn submit_ack(&self, _: VaultId, ack: &Said) -> Result<(), CoordinatorError> {
        self.answer()?;
        let mut state = self.0.borrow_mut();
        if let Some(status) = state.no_acks {
            return Err(CoordinatorError::Refused {
                status,
                code: "version_not_approved".to_owned(),
                detail: String::new(),
            });
        }
        state.acks.push(ack.clone());
        Ok(())
    }

    fn event_head(&self) -> Result<Option<[u8; 32]>, CoordinatorError> {
        self.answer()?;
        if let Some((path, bytes)) = &self.0.borrow().meanwhile {
            std::fs::write(path, bytes).expect("writes");
        }
        Ok(Some([0xee; 32]))
    }

    fn submit(&self, txid: Txid, signatures: &[u8]) -> Result<(), CoordinatorError> {
        self.answer()?;
        if self.0.borrow().unwilling {
            return Err(CoordinatorError::Refused {
                status: 409,
                code: "ATTEMPT_CLOSED".to_owned(),
                detail: String::new(),
            });
        }
        self.0.borrow_mut().signed.insert(txid, signatures.to_vec());
        Ok(())
    }
}

pub(crate) fn cosigner(treasury: &Treasury, fake: &Fake, stop: &Stop) -> Cosigner<File, Fake> {
    Cosigner::new(
        treasury.countersigner("machine"),
        fake.clone(),
        stop.clone(),
    )
}

pub(crate) fn issue(treasury: &Treasury, fake: &Fake, id: &str, coin: u32) -> Txid {
    // Amounts differ, since equal payments to one script are one line of withdrawals.
    let intent = treasury.intent(id, 1_000_000 + u64::from(coin));
    let issued = treasury.transfer(&[intent], &[coin]);
    let txid = issued.unsigned_tx.compute_txid();
    fake.issue(txid, issued.serialize());
    txid
}

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

/// Answers each connection with the next of these answers; gives what was asked.
fn canned(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("has an address"));
    let serving = thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("is asked");
            let mut reader = BufReader::new(stream.try_clone().expect("clones"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("reads");
                if line.trim().is_empty() {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("reads the body");
            head.push_str(&String::from_utf8_lossy(&body));
            asked.push(head);
            stream.write_all(answer.as_bytes()).expect("answers");
        }
        asked
    });
    (url, serving)
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn the_calls_carry_the_token_and_name_what_is_refused() {
    let [first, second] = [[1_u8; 32], [2; 32]].map(|bytes| {
        use bitcoin::hashes::Hash;
        Txid::from_byte_array(bytes)
    });
    let list = format!(
        r#"[{{"txid":"{first}","missing_signers":["alice","machine"],"state":"issued"}},{{"txid":"{second}","missing_signers":["alice"]}}]"#
    );
    let problem =
        r#"{"title":"Conflict","status":409,"code":"attempt_closed","detail":"too late"}"#;
    let (url, serving) = canned(vec![
        response("200 OK", &list),
        response("200 OK", "psbt bytes"),
        response("200 OK", "{}"),
        response(
            "200 OK",
            r#"{"refused":[{"input":2,"code":"wrong_signature"}]}"#,
        ),
        response("409 Conflict", problem),
        response(
            "401 Unauthorized",
            r#"{"code":"unauthorized","detail":"no"}"#,
        ),
        response("502 Bad Gateway", "<html>"),
        response("302 Found", ""),
    ]);
    let coordinator = HttpCoordinator::new(&url.parse().expect("a URL"), "secret\n");
    let vault = VaultId::from_bytes([9; 32]);
    assert_eq!(
        coordinator.missing(vault, "machine").expect("lists"),
        [first]
    );
    assert_eq!(coordinator.psbt(first).expect("gives"), b"psbt bytes");
    coordinator.submit(first, b"signatures").expect("takes");
    let not_taken = coordinator
        .submit(first, b"bad")
        .expect_err("does not count");
    assert!(not_taken.is_final());
    assert_eq!(not_taken.code(), "SIGNATURE_NOT_TAKEN");
    let closed = coordinator.submit(first, b"again").expect_err("refuses");
    assert!(closed.is_final());
    assert!(
        closed.to_string().contains("attempt_closed: too late"),
        "{closed}"
    );
    let unauthorized = coordinator.psbt(first).expect_err("refuses");
    assert!(!unauthorized.is_final());
    assert_eq!(unauthorized.code(), "COORDINATOR_REFUSED");
    let broken = coordinator.psbt(first).expect_err("is broken");
    assert_eq!(broken.code(), "COORDINATOR_FOREIGN");
    // A redirect is not followed: it would carry the token elsewhere.
    coordinator.psbt(first).expect_err("is a redirect");

    let asked = serving.join().expect("served");
    assert!(asked[0].starts_with(&format!("GET /api/v1/vaults/{vault}/attempts?state=issued")));
    assert!(asked[1].starts_with(&format!("GET /api/v1/attempts/{first}/psbt ")));
    assert!(asked[2].starts_with(&format!("POST /api/v1/attempts/{first}/signatures ")));
    assert!(asked[2].ends_with("signatures"));
    for head in &asked {
        assert!(
            head.to_ascii_lowercase()
                .contains("authorization: bearer secret\r\n"),
            "{head}"
        );
    }
    let gone = coordinator.psbt(first).expect_err("nobody listens");
    assert_eq!(gone.code(), "COORDINATOR_UNREACHABLE");
}
