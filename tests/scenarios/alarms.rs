//! Alarms as an operator meets them: raised by the chain and the node, told with what to do, and over.

use bitcoin::Amount;
use harness::{Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, items, wait_until};
use serde_json::{Value, json};

use crate::killed_attempts::{one_window, signed_outside};

const AMOUNT: Amount = Amount::from_sat(40_000_000);
const PAID: Amount = Amount::from_sat(1_000_000);

/// What the command line tells the operator.
#[track_caller]
fn told(treasury: &Treasury, arguments: &[&str]) -> Result<String, Failure> {
    let token_file = treasury.coordinator.token_file();
    let token_file = token_file.to_string_lossy();
    let url = treasury.coordinator.url();
    let access = ["--url", url, "--token-file", &token_file];
    let said = treasury
        .coordinator
        .program()
        .run(&[arguments, &access].concat())?;
    Ok(said.done()?.text())
}

fn open(treasury: &Treasury) -> Result<Vec<Value>, Failure> {
    let answer = treasury.auditor().get("/alarms")?.done()?;
    Ok(items(&answer)?.to_vec())
}

#[track_caller]
fn raised(treasury: &Treasury, code: &str) -> Result<Value, Failure> {
    wait_until(&format!("the alarm {code}"), LONG, || {
        Ok(open(treasury)?.into_iter().find(|one| one["alarm"] == code))
    })
}

#[track_caller]
fn over(treasury: &Treasury, code: &str) -> Outcome {
    wait_until(&format!("{code} to be over"), LONG, || {
        Ok(open(treasury)?
            .iter()
            .all(|one| one["alarm"] != code)
            .then_some(()))
    })
}

/// 1. Alice and Bob spend the coin of an attempt by themselves, with their keys and past the pipeline.
/// 2. It is an alarm that says what to do, in the API, on the command line and in `status`.
/// 3. Ending it needs a reason and a right; what was said of it stays readable.
/// 4. The node goes away and comes back: an alarm that nobody's word ends, and that is over by itself.
fn alarms_are_told_and_end(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start_edited(ScriptKind::Wsh, engine, one_window)?;
    treasury.deposit(AMOUNT)?;
    treasury.withdraw("w-1", &Purse::stranger(1), PAID)?;
    let killed = treasury.batch()?;
    assert_eq!(open(&treasury)?, Vec::<Value>::new());
    assert_eq!(told(&treasury, &["alarm", "list"])?, "No alarm.\n");

    let stolen = signed_outside(&treasury, killed)?;
    treasury.node.broadcast(&stolen)?;
    let alarm = raised(&treasury, "UNKNOWN_SPEND")?;
    assert_eq!(alarm["subject"], json!(stolen.compute_txid().to_string()));
    assert_eq!(alarm["grave"], json!(true));
    let said = told(&treasury, &["alarm", "list"])?;
    for words in [
        "A coin was spent outside of this pipeline",
        "to do",
        "alarm end",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
    let status = told(&treasury, &["status"])?;
    assert!(
        status.contains("spent outside of this pipeline"),
        "{status}"
    );

    let id = alarm["id"].to_string();
    let path = format!("/alarms/{id}/end");
    let because = json!({ "why": "a drill of ours" });
    treasury
        .auditor()
        .post(&path, &because)?
        .refused(403, "forbidden")?;
    let silent = json!({ "why": " " });
    treasury
        .operator()
        .post(&path, &silent)?
        .refused(400, "malformed")?;
    let ended = ["alarm", "end", &id, "--why", "a drill of ours"];
    let said = told(&treasury, &ended)?;
    assert!(said.contains("a drill of ours"), "{said}");
    assert_eq!(open(&treasury)?, Vec::<Value>::new());
    let all = treasury.auditor().get("/alarms?state=all")?.done()?;
    assert_eq!(all[0]["ended_why"], json!("a drill of ours"));
    treasury
        .operator()
        .post("/alarms/999/end", &because)?
        .refused(404, "unknown_alarm")?;

    treasury.node.pause()?;
    let alarm = raised(&treasury, "NODE_TROUBLE")?;
    let path = format!("/alarms/{}/end", alarm["id"]);
    treasury
        .operator()
        .post(&path, &because)?
        .refused(409, "ends_by_itself")?;
    treasury.node.resume()?;
    over(&treasury, "NODE_TROUBLE")?;
    let both = ["alarm.raised", "alarm.ended"].map(Value::from);
    let both = [both.clone(), both].concat();
    wait_until("both alarms in the log, from end to end", LONG, || {
        let events = treasury.events()?;
        let alarms = events
            .iter()
            .filter(|event| event["object_kind"] == "alarm");
        let kinds: Vec<Value> = alarms.map(|event| event["kind"].clone()).collect();
        Ok((kinds == both).then_some(()))
    })?;
    treasury.must_be_well()
}

#[test]
fn alarms_are_told_with_what_to_do_and_end_on_sqlite() -> Outcome {
    alarms_are_told_and_end(Engine::Sqlite)
}

#[test]
fn alarms_are_told_with_what_to_do_and_end_on_postgres() -> Outcome {
    alarms_are_told_and_end(Engine::Postgres)
}
