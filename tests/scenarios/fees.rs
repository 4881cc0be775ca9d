//! Fees on a real node: what is stuck is replaced within its budget, and a ladder is signed at once and climbed.

use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::{Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, Said, ScriptKind, SignerHome, Treasury, field,
    wait_until,
};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const DEPOSIT: Amount = Amount::from_sat(10_000_000);

fn kinds(treasury: &Treasury) -> Result<Vec<String>, Failure> {
    let events = treasury.events()?;
    events.iter().map(|event| field(event, "kind")).collect()
}

/// 1. A payout goes at 1 sat/vB where the node's estimate is 2, and its vault's fee policy waits two blocks. Blocks come
///    that do not take it.
/// 2. The coordinator makes the replacement by itself, once, within the budget; signers sign it, and the node has it in
///    the place of the first.
/// 3. It settles, and the payout was made once. Every program's role on PostgreSQL may do what it does.
#[test]
fn a_payout_that_is_stuck_is_replaced_by_itself_once_and_within_its_budget_on_postgres() -> Outcome
{
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Postgres)?;
    treasury.deposit(DEPOSIT)?;
    let set = [
        "fees",
        "set",
        "--deadline",
        "2",
        "--budget-sat",
        "5000",
        "--bump",
        "automatic",
    ];
    treasury.command_line(&set)?.done()?;
    let to = Purse::stranger(1);
    let (id, first) = treasury.pay_out("w-1", &to, AMOUNT, "1")?;
    let people = &treasury.people;
    for signer in [&people.alice, &people.bob] {
        treasury.countersign(signer, first)?;
    }
    treasury.waits_in_mempool(first)?;
    for _ in 0..3 {
        treasury.empty_block()?;
    }
    let second = wait_until("the replacement", LONG, || {
        let all = treasury.attempts(&id)?;
        all.get(1).map(|newest| field(newest, "txid")).transpose()
    })?;
    let second: Txid = second.parse()?;
    for _ in 0..3 {
        treasury.empty_block()?;
    }
    assert_eq!(
        treasury.attempts(&id)?.len(),
        2,
        "it waits for its signatures"
    );
    for signer in [&people.alice, &people.machine] {
        treasury.countersign(signer, second)?;
    }
    treasury.waits_in_mempool(second)?;
    assert!(!treasury.node.mempool()?.contains(&first));
    treasury.settle(second, &["w-1"])?;
    assert_eq!(treasury.received(&to)?, AMOUNT);
    treasury.all_is_taken_in()?;
    let raised = kinds(&treasury)?;
    assert_eq!(
        raised
            .iter()
            .filter(|kind| *kind == "attempt.raised")
            .count(),
        1
    );
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

/// Where a signer keeps files beside the home.
fn folder(signer: &SignerHome, name: &str) -> Result<PathBuf, Failure> {
    let marker = signer.bring("marker", b"")?;
    let folder = marker.with_file_name(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn sign_ladder(signer: &SignerHome, rungs: &Path, out: &Path) -> Result<Said, Failure> {
    let (rungs, out) = (rungs.to_string_lossy(), out.to_string_lossy());
    let asked = ["sign", "--ladder", &rungs, "--output", &out, "--yes"];
    signer.run_plainly(&asked, b"")
}

/// 1. A payout goes at 1 sat/vB; above it stands a ladder of 5 and 10. The rungs are fetched into a folder. A folder
///    with an attempt of another payout among them is refused, and nothing of it is signed.
/// 2. Alice and Bob sign all rungs in one sitting each. The lowest is broadcast; the others are signed, and held.
/// 3. The deadline passes: the next rung takes its place by itself. The top one is released by hand.
/// 4. It settles; the others are dead, and the payout was made once.
#[test]
fn a_ladder_is_signed_in_one_sitting_and_climbed_step_by_step_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(DEPOSIT)?;
    treasury.deposit(DEPOSIT)?;
    let to = Purse::stranger(1);
    let (id, first) = treasury.pay_out("w-1", &to, AMOUNT, "1")?;
    let (_, other) = treasury.pay_out("w-2", &Purse::stranger(2), AMOUNT, "3")?;
    let people = &treasury.people;
    let (alice, bob) = (&people.alice, &people.bob);
    let named = first.to_string();
    treasury
        .command_line(&["attempt", "ladder", &named, "--rungs", "1,5,10"])?
        .done()?;
    let all = treasury.attempts(&id)?;
    assert_eq!(all.len(), 3);
    let rungs = folder(alice, "rungs")?;
    let output = rungs.to_string_lossy().into_owned();
    treasury
        .command_line(&["attempt", "psbts", &named, "-o", &output])?
        .done()?;
    assert_eq!(fs::read_dir(&rungs)?.count(), 3);

    let mixed = folder(alice, "mixed")?;
    for entry in fs::read_dir(&rungs)?.take(2) {
        let file = entry?;
        fs::copy(file.path(), mixed.join(file.file_name()))?;
    }
    fs::write(mixed.join("other.psbt"), treasury.psbt(other)?)?;
    let nothing = folder(alice, "nothing")?;
    sign_ladder(alice, &mixed, &nothing)?.refused("LADDER_OTHER_COINS")?;
    assert_eq!(fs::read_dir(&nothing)?.count(), 0);

    for signer in [alice, bob] {
        let signed = folder(signer, "signed")?;
        sign_ladder(signer, &rungs, &signed)?.done()?;
        assert_eq!(fs::read_dir(&signed)?.count(), 3);
        let signed = signed.to_string_lossy();
        let handed_in = ["attempt", "submit", &named, &signed];
        treasury.command_line(&handed_in)?.done()?;
    }
    treasury.waits_in_mempool(first)?;
    let rung = |place: usize| -> Result<Txid, Failure> { Ok(field(&all[place], "txid")?.parse()?) };
    let (second, third) = (rung(1)?, rung(2)?);
    for held in [second, third] {
        treasury.attempt_becomes(held, "signed")?;
        assert!(!treasury.node.mempool()?.contains(&held));
    }

    let set = [
        "fees",
        "set",
        "--deadline",
        "2",
        "--budget-sat",
        "50000",
        "--bump",
        "automatic",
    ];
    treasury.command_line(&set)?.done()?;
    // What the policy waits for counts from when it was first looked at.
    wait_until("the coordinator to look", LONG, || {
        let known = treasury.store.number("SELECT COUNT(*) FROM batch_bump")?;
        Ok((known > 0).then_some(()))
    })?;
    for _ in 0..3 {
        treasury.empty_block()?;
    }
    treasury.waits_in_mempool(second)?;
    assert!(!treasury.node.mempool()?.contains(&first));
    treasury.attempt_becomes(third, "signed")?;
    treasury
        .command_line(&["attempt", "release", &named])?
        .done()?;
    treasury.waits_in_mempool(third)?;
    assert!(!treasury.node.mempool()?.contains(&second));

    treasury.settle(third, &["w-1"])?;
    treasury.attempt_becomes(first, "dead")?;
    treasury.attempt_becomes(second, "dead")?;
    assert_eq!(treasury.received(&to)?, AMOUNT);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}
