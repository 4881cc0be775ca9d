//! Rolling windows: how much a rule grants in a time, counted by the coordinator and by every signer.

use bitcoin::{Amount, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, items};
use policies::document::{PolicyDraft, WindowDraft};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const SMALL: Amount = Amount::from_sat(400_000);

/// Small payouts need nobody up to 1,500,000 sat a day; beyond that one person of ops, as larger ones do.
fn windowed(policy: &mut PolicyDraft) {
    let Some(small) = policy.rules.first_mut() else {
        return;
    };
    small.window = Some(WindowDraft {
        sat: 1_500_000,
        per: "24h".to_owned(),
    });
}

/// Makes a batch of everything that may be paid now: its answer and its txid.
fn batch(treasury: &Treasury) -> Result<(Value, Txid), Failure> {
    let answer = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .done()?;
    let txid = answer["attempts"][0]["txid"].as_str().unwrap_or_default();
    let txid = txid.parse()?;
    Ok((answer, txid))
}

/// Two of the three sign at home: each counts its own window.
fn sign(treasury: &Treasury, txid: Txid) -> Outcome {
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    Ok(())
}

/// 1. Two small payouts are approved by the rule for them; together they exceed its window. A third,
///    younger one fits beside the first.
/// 2. The batch pays the first and the third; the second waits, and the answer says why.
/// 3. The second is decided by the next rule from then on: its view says which, and why not by the first.
/// 4. It is approved by a person, batched, and every signer signs all of it; it settles.
fn an_exhausted_window_passes_to_the_next_rule(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start_edited(ScriptKind::Wsh, engine, windowed)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let second = treasury.withdraw("w-2", &Purse::stranger(2), AMOUNT)?;
    treasury.withdraw("w-3", &Purse::stranger(3), SMALL)?;
    for id in ["w-1", "w-2", "w-3"] {
        // Money that is promised and not reserved counts nowhere.
        assert_eq!(treasury.withdrawal_state(id)?, "approved", "{id}");
    }
    let (answer, first) = batch(&treasury)?;
    let waiting = items(&answer["waiting"])?;
    assert_eq!(waiting.len(), 1, "{answer}");
    assert_eq!(waiting[0]["id"], "w-2");
    assert_eq!(waiting[0]["code"], "decided_by_order");
    assert_eq!(treasury.withdrawal_state("w-1")?, "signing");
    assert_eq!(treasury.withdrawal_state("w-3")?, "signing");

    let view = treasury.withdrawal("w-2")?;
    assert_eq!(view["needs"]["rule"], "larger payouts", "{view}");
    assert_eq!(view["misses"][0]["rule"], "small payouts");
    assert_eq!(view["misses"][0]["code"], "window");
    let refused = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "nothing_to_batch")?;
    assert_eq!(refused["waiting"][0]["code"], "approvals_ran_out");
    sign(&treasury, first)?;
    treasury.settle(first, &["w-1", "w-3"])?;

    treasury.approve(&[&second])?;
    let (_, txid) = batch(&treasury)?;
    sign(&treasury, txid)?;
    treasury.settle(txid, &["w-2"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn exhausted_window_passes_to_the_next_rule_on_sqlite() -> Outcome {
    an_exhausted_window_passes_to_the_next_rule(Engine::Sqlite)
}

#[test]
fn exhausted_window_passes_to_the_next_rule_on_postgres() -> Outcome {
    an_exhausted_window_passes_to_the_next_rule(Engine::Postgres)
}

/// 1. A payout that fills the window is signed by alice.
/// 2. A coordinator that forgot what it granted issues another one under the same rule.
/// 3. Alice's own journal counts: she refuses, since too few persons approved it.
#[test]
fn signer_counts_the_window_that_the_coordinator_forgot() -> Outcome {
    let treasury = Treasury::start_edited(ScriptKind::Wsh, Engine::Sqlite, windowed)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let (_, first) = batch(&treasury)?;
    treasury.countersign(&treasury.people.alice, first)?;
    treasury
        .store
        .sql("UPDATE window_count SET released_at = counted_at")?;
    treasury.withdraw("w-2", &Purse::stranger(2), AMOUNT)?;
    let (_, second) = batch(&treasury)?;
    let psbt = treasury.psbt(second)?;
    treasury
        .people
        .alice
        .sign(&psbt)?
        .refused("TOO_FEW_APPROVALS")?;
    Ok(())
}
