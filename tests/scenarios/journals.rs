//! The signers' journals at intake: receipts that go backwards, twice, or come from a machine that moved.

use bitcoin::{Amount, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, SignerHome, Treasury, field, items};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// A treasury with two attempts out for signing, of a withdrawal and coins of its own each.
fn with_two_attempts(engine: Engine) -> Result<(Treasury, Txid, Txid), Failure> {
    let treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let first = treasury.batch()?;
    treasury.withdraw("w-2", &Purse::stranger(2), AMOUNT)?;
    let second = treasury.batch()?;
    Ok((treasury, first, second))
}

/// What a signer writes for an attempt, not handed in.
fn signed(signer: &SignerHome, treasury: &Treasury, txid: Txid) -> Result<Vec<u8>, Failure> {
    Ok(signer.sign(&treasury.psbt(txid)?)?.done()?.stdout)
}

/// Hands in what the coordinator must refuse, and gives the problem.
fn is_refused(treasury: &Treasury, txid: Txid, bytes: &[u8], code: &str) -> Result<Value, Failure> {
    let problem = treasury
        .signer()
        .post_bytes(&format!("/attempts/{txid}/signatures"), bytes)?
        .refused(409, code)?;
    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    assert_eq!(items(&attempt["signed_by"])?.len(), 0, "{attempt}");
    Ok(problem)
}

/// A signer's journal as the coordinator knows it.
fn journal_of(treasury: &Treasury, signer: &str) -> Result<Value, Failure> {
    let journals = treasury
        .auditor()
        .get(&treasury.path("/journals"))?
        .done()?;
    let found = items(&journals)?.iter().find(|one| one["signer"] == signer);
    found
        .cloned()
        .ok_or_else(|| Failure::new(format!("no journal of {signer} in {journals}")))
}

/// 1. Alice signs two attempts at home, and the second is handed in first.
/// 2. The first one's receipt is older than what is known: refused by name, and its signatures with it.
/// 3. She signs the first one again: the same signatures with a receipt of now, and they count. What was
///    taken before is taken again without harm.
fn stale_receipts_are_refused(engine: Engine) -> Outcome {
    let (mut treasury, first, second) = with_two_attempts(engine)?;
    let alice = &treasury.people.alice;
    let early = signed(alice, &treasury, first)?;
    let late = signed(alice, &treasury, second)?;
    treasury.hand_in(second, &late)?;
    let problem = is_refused(&treasury, first, &early, "journal_stale")?;
    assert_eq!(problem["signer"], "alice");
    assert!(field(&problem, "hint")?.contains("sign again"), "{problem}");
    let status = treasury.operator().get("/status")?.done()?;
    assert_eq!(status["journals"][0]["code"], "journal_stale", "{status}");
    treasury.countersign(alice, first)?;
    treasury.hand_in(second, &late)?;
    let status = treasury.operator().get("/status")?.done()?;
    assert_eq!(items(&status["journals"])?.len(), 0, "{status}");
    for txid in [first, second] {
        treasury.countersign(&treasury.people.bob, txid)?;
    }
    treasury.reaches_mempool(first)?;
    treasury.settle(second, &["w-1", "w-2"])?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn stale_receipt_is_refused_with_its_signatures_on_sqlite() -> Outcome {
    stale_receipts_are_refused(Engine::Sqlite)
}

#[test]
fn stale_receipt_is_refused_with_its_signatures_on_postgres() -> Outcome {
    stale_receipts_are_refused(Engine::Postgres)
}

/// 1. Alice's home is backed up; she signs an attempt, and it is handed in.
/// 2. Her home is restored from the backup, and signs another attempt, which was issued before that.
/// 3. Intake refuses: her journal says two things of one entry. Status says so, and what to do.
/// 4. The next attempt carries what is known of her journal: her own tool refuses to sign it.
#[test]
fn restored_signer_home_is_refused_by_intake_and_by_its_own_tool() -> Outcome {
    let (mut treasury, first, second) = with_two_attempts(Engine::Sqlite)?;
    let alice = &treasury.people.alice;
    let backup = alice.back_up()?;
    treasury.countersign(alice, first)?;
    alice.restore(&backup)?;
    let forked = signed(alice, &treasury, second)?;
    is_refused(&treasury, second, &forked, "journal_forked")?;
    let known = journal_of(&treasury, "alice")?;
    assert_eq!(known["refused"]["code"], "journal_forked", "{known}");
    let status = treasury.operator().get("/status")?.done()?;
    let said = field(&status["journals"][0], "hint")?;
    assert!(said.contains("stop this signer"), "{status}");

    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.withdraw("w-3", &Purse::stranger(3), AMOUNT)?;
    let third = treasury.batch()?;
    let psbt = treasury.psbt(third)?;
    alice.sign(&psbt)?.refused("JOURNAL_ROLLED_BACK")?;
    // The others sign on.
    treasury.countersign(&treasury.people.bob, third)?;
    let events = treasury.verify_events()?;
    assert!(events["number"].as_u64().is_some(), "{events}");
    treasury.must_be_well()
}

/// 1. Alice has signed an attempt; her journal moves to a second machine.
/// 2. The old machine refuses to sign any more. What it signed before is refused once the move is known.
/// 3. The new machine's receipts are foreign until the move is handed in, and count from then on.
#[test]
fn journal_moves_mid_way_and_the_old_machine_is_refused() -> Outcome {
    let (mut treasury, first, second) = with_two_attempts(Engine::Sqlite)?;
    let policy = treasury.people.policy.clone();
    let old = &treasury.people.alice;
    let before = signed(old, &treasury, first)?;

    let new = old.second_machine()?;
    let prepared = new.run(&["journal", "move", "prepare"])?.done()?.json()?;
    let key = field(&prepared, "journal")?;
    let bundle = new.home().with_extension("bundle");
    let path = bundle.display().to_string();
    old.run(&[
        "journal", "move", "export", "--to", &key, "--out", &path, "--yes",
    ])?
    .done()?;
    new.take_journal_in(&path, &policy.bytes, policy.id)?;
    new.pin(&policy.bytes, policy.id)?;

    let psbt = treasury.psbt(second)?;
    old.sign(&psbt)?.refused("JOURNAL_MOVED")?;
    let after = signed(&new, &treasury, second)?;
    is_refused(&treasury, second, &after, "journal_foreign")?;

    let certificates = new.home().join("journal.moves").display().to_string();
    treasury
        .command_line(&["journal", "move", "submit", &certificates])?
        .done()?;
    treasury
        .command_line(&["journal", "move", "submit", &certificates])?
        .done()?;
    is_refused(&treasury, first, &before, "journal_moved")?;
    treasury.hand_in(second, &after)?;
    let known = journal_of(&treasury, "alice")?;
    assert_eq!(known["journal"], json!(key));
    assert_eq!(known["moves"], 1);

    treasury.countersign(&new, first)?;
    for txid in [first, second] {
        treasury.countersign(&treasury.people.bob, txid)?;
    }
    treasury.reaches_mempool(first)?;
    treasury.settle(second, &["w-1", "w-2"])?;
    // What comes after carries the new journal's receipt, and everybody still signs it.
    treasury.withdraw("w-3", &Purse::stranger(3), AMOUNT)?;
    let third = treasury.batch()?;
    treasury.countersign(&new, third)?;
    treasury.countersign(&treasury.people.bob, third)?;
    treasury.settle(third, &["w-3"])?;
    treasury.must_be_well()
}

/// 1. The automatic co-signer signs an attempt.
/// 2. Its receipt echoes a head of the coordinator's event chain, as the coordinator shows.
#[test]
fn receipt_of_the_cosigner_echoes_the_event_chain() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    treasury.start_cosigner()?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    let head = field(&journal_of(&treasury, "machine")?, "event_head")?;
    let events = treasury.events()?;
    assert!(events.iter().any(|event| event["hash"] == head), "{head}");
    treasury.must_be_well()
}
