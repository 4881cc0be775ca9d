//! Stop and go: any pinned key stops a vault at every signer that hears of it, a quorum releases it; and an attempt
//! that nobody signed is taken back by promises alone.

use std::fs;
use std::path::Path;

use bitcoin::{Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, SHORT, ScriptKind, SignerHome, Treasury, field, items,
    wait_until,
};
use policies::document::{ApprovalsDraft, ApproverDraft, GoDraft, PolicyDraft, StopDraft};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

fn of_ops(count: u32) -> ApprovalsDraft {
    ApprovalsDraft {
        group: Some("ops".to_owned()),
        count,
        page: None,
    }
}

/// A treasury in which two persons of `ops` release a stop, and the home of the second.
fn with_two_persons(
    engine: Engine,
    edit: impl FnOnce(&mut PolicyDraft),
) -> Result<(Treasury, SignerHome), Failure> {
    let erin = SignerHome::new("erin")?;
    let key = erin.make_approver()?;
    let treasury = Treasury::start_edited(ScriptKind::Wsh, engine, |draft| {
        draft.approvers.push(ApproverDraft {
            name: "erin".to_owned(),
            person: "erin".to_owned(),
            groups: vec!["ops".to_owned()],
            keys: vec![key],
        });
        draft.stop = Some(StopDraft { release: of_ops(2) });
        edit(draft);
    })?;
    let policy = &treasury.people.policy;
    erin.pin(&policy.bytes, policy.id)?;
    Ok((treasury, erin))
}

/// What a verb of a home writes, as a file beside that home.
fn writes(home: &SignerHome, name: &str, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let file = home.bring(name, b"")?;
    let path = path(&file)?;
    home.run(&[arguments, &["--yes", "--output", path]].concat())?
        .done()?;
    Ok(fs::read(&file)?)
}

fn path(file: &Path) -> Result<&str, Failure> {
    file.to_str().ok_or_else(|| Failure::new("not UTF-8"))
}

fn stop_of(home: &SignerHome) -> Result<Vec<u8>, Failure> {
    writes(home, "stop.json", &["stop", "--reason", "stolen laptop"])
}

/// Signs the release of what another person brought.
fn release_of(home: &SignerHome, brought: &[u8]) -> Result<Vec<u8>, Failure> {
    let file = home.bring("brought.json", brought)?;
    writes(home, "release.json", &["stop", "release", path(&file)?])
}

fn take(home: &SignerHome, brought: &[u8]) -> Result<harness::Said, Failure> {
    let file = home.bring("brought.json", brought)?;
    home.run(&["stop", "take", path(&file)?])
}

fn cosigner_says(treasury: &Treasury, words: &str) -> Outcome {
    wait_until(&format!("the co-signer to say {words}"), LONG, || {
        Ok(treasury.cosigner_log()?.contains(words).then_some(()))
    })
}

fn signed_by(treasury: &Treasury, txid: Txid) -> Result<Vec<String>, Failure> {
    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    let names = items(&attempt["signed_by"])?.iter();
    Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// 1. An approver signs a stop with the own tool. The coordinator is never told of it: it reaches the automatic
///    co-signer through its inbox, and alice by a file.
/// 2. The coordinator issues a payment. Neither signs it, also once the stop's file is gone again.
/// 3. One person's release is not enough. With both it reaches the two, they sign, and it pays.
/// 4. The same stop, brought once more, stops nothing.
#[test]
fn a_stop_that_the_coordinator_withholds_holds_at_every_signer_until_its_quorum_releases_it()
-> Outcome {
    let (mut treasury, erin) = with_two_persons(Engine::Sqlite, |_| {})?;
    treasury.deposit(Amount::ONE_BTC)?;
    let stop = stop_of(&treasury.people.dana)?;
    let inbox = treasury.start_cosigner_with_inbox()?;
    fs::write(inbox.join("stop.json"), &stop)?;
    cosigner_says(&treasury, "event=noted statements=1")?;
    take(&treasury.people.alice, &stop)?.done()?;
    fs::remove_file(inbox.join("stop.json"))?;

    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, AMOUNT)?;
    let txid = treasury.batch()?;
    cosigner_says(&treasury, "code=STOPPED")?;
    treasury
        .people
        .alice
        .sign(&treasury.psbt(txid)?)?
        .refused("STOPPED")?;

    let alone = release_of(&treasury.people.dana, &stop)?;
    take(&treasury.people.alice, &alone)?;
    treasury
        .people
        .alice
        .sign(&treasury.psbt(txid)?)?
        .refused("STOPPED")?;
    assert_eq!(signed_by(&treasury, txid)?, Vec::<String>::new());

    let both = release_of(&erin, &alone)?;
    fs::write(inbox.join("release.json"), &both)?;
    wait_until("the co-signer to sign", LONG, || {
        Ok((signed_by(&treasury, txid)? == ["machine"]).then_some(()))
    })?;
    let taken = take(&treasury.people.alice, &both)?.done()?.json()?;
    assert_eq!(taken["in_force"], 0);
    let again = take(&treasury.people.alice, &stop)?.done()?.json()?;
    assert_eq!(again["in_force"], 0, "a released stop never comes back");
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(treasury.received(&payee)?, AMOUNT);
    treasury.must_be_well()
}

/// 1. Co-signers need a go. Without one the co-signer signs nothing; a person says go, and it would.
/// 2. A signer stops the vault with its journal's key, and hands the stop to the coordinator, which says so in its
///    status, issues no payment any more, and tells the co-signer.
/// 3. Both persons release it, and it may be paid again. The go from before the stop opens nothing: it is too old.
/// 4. Another go is said, the co-signer signs, and it pays.
fn a_go_from_before_a_stop_opens_nothing(engine: Engine) -> Outcome {
    let (mut treasury, erin) = with_two_persons(engine, |draft| {
        draft.go = Some(GoDraft {
            approvals: of_ops(1),
            within: "12h".to_owned(),
        });
        "1s".clone_into(&mut draft.limits.clock_skew);
    })?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    treasury.start_cosigner()?;
    let txid = treasury.batch()?;
    cosigner_says(&treasury, "code=GO_MISSING")?;
    let submit = |treasury: &Treasury, home: &SignerHome, bytes: &[u8]| {
        let file = home.bring("handed-in.json", bytes)?;
        let said = treasury.command_line(&["statement", "submit", path(&file)?])?;
        said.done()
    };
    let stop = stop_of(&treasury.people.alice)?;
    let go = writes(&treasury.people.dana, "go.json", &["go"])?;
    submit(&treasury, &treasury.people.alice, &stop)?;
    let status = treasury.operator().get("/status")?.done()?;
    assert_eq!(status["stops"][0]["by"], json!(["journal of alice"]));
    assert_eq!(status["stops"][0]["reason"], "stolen laptop");
    treasury.withdraw("w-2", &Purse::stranger(2), AMOUNT)?;
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "stopped")?;
    cosigner_says(&treasury, "event=noted statements=1")?;
    let stopped = harness::now();
    submit(&treasury, &treasury.people.dana, &go)?;
    let alone = release_of(&treasury.people.dana, &stop)?;
    let both = release_of(&erin, &alone)?;
    submit(&treasury, &treasury.people.dana, &both)?;
    let status = treasury.operator().get("/status")?.done()?;
    assert_eq!(status["stops"], json!([]));
    cosigner_says(&treasury, "code=GO_TOO_OLD")?;
    assert_eq!(signed_by(&treasury, txid)?, Vec::<String>::new());

    wait_until("the clocks to be past the stop", SHORT, || {
        let now = harness::now();
        Ok((now > stopped.saturating_add(2)).then_some(()))
    })?;
    let go = writes(&treasury.people.dana, "go.json", &["go"])?;
    submit(&treasury, &treasury.people.dana, &go)?;
    wait_until("the co-signer to sign", LONG, || {
        Ok((signed_by(&treasury, txid)? == ["machine"]).then_some(()))
    })?;
    // A home whose journal keeps the stop hears of its release as well.
    take(&treasury.people.alice, &both)?.done()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.must_be_well()
}

#[test]
fn a_go_from_before_a_stop_opens_nothing_on_sqlite() -> Outcome {
    a_go_from_before_a_stop_opens_nothing(Engine::Sqlite)
}

#[test]
fn a_go_from_before_a_stop_opens_nothing_on_postgres() -> Outcome {
    a_go_from_before_a_stop_opens_nothing(Engine::Postgres)
}

/// 1. A withdrawal is batched, and nobody signed yet. The operator cancels the batch: signers are asked for voids.
/// 2. The co-signer gives its own. Two others could still pay, so nothing is free.
/// 3. A signer that began anew gives none. With Alice's, by a file, the attempt is dropped: the recovery key can never
///    make it complete. Its coins are free and the withdrawal is approved as before. Alice never signs what she voided.
/// 4. The withdrawal is paid anew, once. What alice signed she never voids.
fn a_batch_is_cancelled_by_voids(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, AMOUNT)?;
    let first = treasury.batch()?;
    let psbt = treasury.psbt(first)?;
    let shown = treasury
        .auditor()
        .get(&format!("/attempts/{first}"))?
        .done()?;
    let batch = field(&shown, "batch")?;
    let census = treasury.census()?;
    let preview = treasury.command_line(&["batch", "cancel", &batch, "--preview"])?;
    assert_eq!(preview.done()?.json()?[0]["wished"], false);
    assert_eq!(treasury.census()?, census, "a preview changes nothing");
    let asked = treasury.command_line(&["batch", "cancel", &batch])?;
    assert_eq!(asked.done()?.json()?[0]["txid"], json!(first));

    treasury.start_cosigner()?;
    cosigner_says(&treasury, &format!("event=voided txid={first}"))?;
    let void = |home: &SignerHome, txid: Txid| home.run(&["void", &txid.to_string(), "--yes"]);
    let hand_in = |treasury: &Treasury, void: &[u8]| {
        let path = format!("/attempts/{first}/voids");
        treasury.signer().post_bytes(&path, void)
    };
    let asked = treasury.auditor().get(&treasury.path("/voids"))?.done()?;
    assert_eq!(asked[0]["voided_by"], json!(["machine"]));
    assert_eq!(asked[0]["complete"], false, "two others could pay");
    assert_eq!(asked[0]["needed"], json!([["alice"], ["bob"]]));
    let policy = &treasury.people.policy;
    let bob = &treasury.people.bob;
    fs::remove_file(bob.home().join("journal.jsonl"))?;
    bob.pin(&policy.bytes, policy.id)?;
    void(bob, first)?.refused("JOURNAL_BORN_LATER")?;
    let other = Txid::from_raw_hash(bitcoin::hashes::Hash::from_byte_array([7; 32]));
    let wrong = void(&treasury.people.alice, other)?.done()?.json()?;
    hand_in(&treasury, field(&wrong, "void")?.as_bytes())?.refused(422, "other_transaction")?;
    let given = void(&treasury.people.alice, first)?.done()?.json()?;
    let dropped = hand_in(&treasury, field(&given, "void")?.as_bytes())?.done()?;
    assert_eq!(dropped["state"], "dropped");
    assert_eq!(dropped["voided_by"], json!(["alice", "machine"]));
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    assert_eq!(
        treasury
            .store
            .number("SELECT COUNT(*) FROM reservation WHERE released_at IS NULL")?,
        0
    );
    treasury.people.alice.sign(&psbt)?.refused("VOIDED")?;

    let second = treasury.batch()?;
    assert_ne!(second, first);
    treasury.countersign(&treasury.people.alice, second)?;
    treasury.settle(second, &["w-1"])?;
    assert_eq!(treasury.received(&payee)?, AMOUNT);
    void(&treasury.people.alice, second)?.refused("ALREADY_SIGNED")?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn a_batch_that_nobody_signed_is_cancelled_by_voids_on_sqlite() -> Outcome {
    a_batch_is_cancelled_by_voids(Engine::Sqlite)
}

#[test]
fn a_batch_that_nobody_signed_is_cancelled_by_voids_on_postgres() -> Outcome {
    a_batch_is_cancelled_by_voids(Engine::Postgres)
}
