//! The queue on a real node: due by count and age, held above the fee cap and asked once, short of coins.

use bitcoin::{Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, ScriptKind, Settings, Treasury, items, wait_until,
};
use serde_json::{Value, json};

const SMALL: Amount = Amount::from_sat(1_000_000);

/// A coordinator that makes a batch of three, or once one waited so many seconds; and what it pays without asking.
fn settings(age_s: u64, fee_cap_sat_vb: &str) -> Settings {
    Settings {
        batch_count: 3,
        batch_age_s: age_s,
        fee_cap_sat_vb: fee_cap_sat_vb.to_owned(),
        ..Settings::default()
    }
}

/// Requests a payment at a speed.
fn request(treasury: &Treasury, number: u8, amount: Amount, speed: &str) -> Outcome {
    let id = format!("w-{number}");
    let intent = treasury.intent(&id, &Purse::stranger(number), amount)?;
    let mut body = treasury.signed_bytes(&intent.encode());
    body["speed"] = speed.into();
    treasury.submit_body(&body)?.done()?;
    Ok(())
}

fn queue(treasury: &Treasury) -> Result<Value, Failure> {
    treasury.auditor().get(&treasury.path("/queue"))?.done()
}

/// The kinds of the queue's events, in order, without its speeds.
fn told(treasury: &Treasury) -> Result<Vec<String>, Failure> {
    let events = treasury.auditor().get("/events?limit=1000")?.done()?;
    let of_queue =
        |event: &&Value| event["object_kind"] == "queue" && event["kind"] != "queue.speed-set";
    let kinds = items(&events["events"])?.iter().filter(of_queue);
    Ok(kinds
        .map(|event| event["kind"].as_str().unwrap_or_default().to_owned())
        .collect())
}

fn becomes_told(treasury: &Treasury, kinds: &[&str]) -> Outcome {
    wait_until(&format!("the events {kinds:?}"), LONG, || {
        Ok((told(treasury)? == kinds).then_some(()))
    })
}

/// The attempt that pays a withdrawal, once there is one.
fn attempt_of(treasury: &Treasury, id: &str) -> Result<Txid, Failure> {
    treasury.withdrawal_becomes(id, "signing")?;
    let issued = treasury.path("/attempts?state=issued");
    let attempts = treasury.auditor().get(&issued)?.done()?;
    let newest = items(&attempts)?.first().cloned().unwrap_or_default();
    let txid = newest["txid"].as_str().unwrap_or_default();
    Ok(txid.parse()?)
}

fn sign_and_settle(treasury: &Treasury, txid: Txid, ids: &[&str]) -> Outcome {
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, ids)
}

/// 1. The node asks for 2 sat/vB, and 1 sat/vB is paid without asking: an urgent withdrawal is held. The queue says
///    at which feerate it would go, and asks once, whatever goes on.
/// 2. What is above the policy's cap, lets nothing go, or answers another question is no answer; a service may not
///    answer at all. An operator allows 3 sat/vB: it is paid at 2, signers sign, and it settles.
/// 3. The answer is used up: the next one is held and asked for anew.
/// 4. Fees fall to the cap: it goes without an answer, and the question is over.
fn above_the_cap_the_queue_holds_asks_once_and_pays_when_answered(engine: Engine) -> Outcome {
    let settings = settings(3600, "1");
    let mut treasury = Treasury::start_with(ScriptKind::Wsh, engine, &settings)?;
    treasury.deposit(Amount::from_sat(20_000_000))?;
    treasury.deposit(Amount::from_sat(20_000_000))?;
    request(&treasury, 1, SMALL, "urgent")?;
    becomes_told(&treasury, &["queue.held"])?;
    let shown = queue(&treasury)?;
    assert_eq!(shown["withdrawals"][0]["code"], "above_cap", "{shown}");
    assert_eq!(shown["offers"][0]["feerate_sat_vb"], "2", "{shown}");
    assert_eq!(shown["offers"][0]["more"][0]["id"], "w-1");
    assert_eq!(shown["question"]["question"], 1);
    let allowance = treasury.path("/queue/allowance");
    let answer = |question: u64, feerate: &str| {
        let body = json!({ "question": question, "feerate_sat_vb": feerate });
        treasury.operator().post(&allowance, &body)
    };
    answer(1, "1.5")?.refused(422, "allowance_too_little")?;
    answer(1, "201")?.refused(422, "allowance_above_policy")?;
    answer(2, "3")?.refused(409, "other_question")?;
    let body = json!({ "question": 1, "feerate_sat_vb": "3" });
    treasury
        .service()
        .post(&allowance, &body)?
        .refused(403, "forbidden")?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    assert_eq!(answer(1, "3")?.done()?["question"]["allowed_sat_vb"], "3");
    let txid = attempt_of(&treasury, "w-1")?;
    sign_and_settle(&treasury, txid, &["w-1"])?;
    let mut all = vec!["queue.held", "queue.allowed", "queue.released"];
    becomes_told(&treasury, &all)?;

    request(&treasury, 2, SMALL, "urgent")?;
    all.push("queue.held");
    becomes_told(&treasury, &all)?;
    assert_eq!(queue(&treasury)?["question"]["question"], 2);
    assert_eq!(treasury.withdrawal_state("w-2")?, "approved");
    treasury.coordinator.stop()?;
    treasury.coordinator.set_fee_estimate(250)?;
    treasury.coordinator.resume()?;
    let txid = attempt_of(&treasury, "w-2")?;
    all.push("queue.released");
    becomes_told(&treasury, &all)?;
    sign_and_settle(&treasury, txid, &["w-2"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn a_held_queue_asks_once_and_pays_when_answered_on_sqlite() -> Outcome {
    above_the_cap_the_queue_holds_asks_once_and_pays_when_answered(Engine::Sqlite)
}

#[test]
fn a_held_queue_asks_once_and_pays_when_answered_on_postgres() -> Outcome {
    above_the_cap_the_queue_holds_asks_once_and_pays_when_answered(Engine::Postgres)
}

/// 1. Two withdrawals wait for a third. With it they would leave nothing for the fee: the oldest two go as a part,
///    the third waits, and nothing is reserved for it.
/// 2. Money comes in: it waits alone for others, until it waited long enough, and goes.
fn funds_that_are_short_pay_a_part_and_age_pays_the_rest(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start_with(ScriptKind::Tr, engine, &settings(30, ""))?;
    treasury.deposit(Amount::from_sat(2_300_000))?;
    request(&treasury, 1, SMALL, "normal")?;
    request(&treasury, 2, SMALL, "normal")?;
    let shown = queue(&treasury)?;
    assert_eq!(shown["withdrawals"][1]["code"], "not_due", "{shown}");
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    request(&treasury, 3, Amount::from_sat(300_000), "normal")?;
    let txid = attempt_of(&treasury, "w-1")?;
    assert_eq!(treasury.withdrawal_state("w-2")?, "signing");
    assert_eq!(treasury.withdrawal_state("w-3")?, "approved");
    let reserved = "SELECT COUNT(*) FROM reservation WHERE released_at IS NULL";
    assert_eq!(treasury.store.number(reserved)?, 1);
    sign_and_settle(&treasury, txid, &["w-1", "w-2"])?;
    assert_eq!(treasury.withdrawal_state("w-3")?, "approved");
    treasury.deposit(Amount::from_sat(2_000_000))?;
    let txid = attempt_of(&treasury, "w-3")?;
    sign_and_settle(&treasury, txid, &["w-3"])?;
    assert_eq!(treasury.store.number(reserved)?, 0);
    assert_eq!(queue(&treasury)?["withdrawals"], json!([]));
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn short_funds_pay_a_part_and_age_pays_the_rest_on_sqlite() -> Outcome {
    funds_that_are_short_pay_a_part_and_age_pays_the_rest(Engine::Sqlite)
}

#[test]
fn short_funds_pay_a_part_and_age_pays_the_rest_on_postgres() -> Outcome {
    funds_that_are_short_pay_a_part_and_age_pays_the_rest(Engine::Postgres)
}
