//! Approvals that are none, and a rejection that is one.

use bitcoin::Amount;
use harness::{Engine, Failure, Outcome, Purse, SHORT, ScriptKind, Treasury, now, wait_until};
use policies::Intent;
use serde_json::{Value, json};

/// A treasury with money to ask for.
fn funded() -> Result<Treasury, Failure> {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    Ok(treasury)
}

/// An approval that is expired, of a stranger, with a broken signature or proof, of another purpose, or
/// of an unknown intent is refused; the withdrawal keeps waiting.
#[test]
fn approvals_that_are_none_are_refused() -> Outcome {
    let treasury = funded()?;
    let amount = Amount::from_sat(harness::AUTOMATIC_MAX_SAT + 1);
    let intent = treasury.withdraw("w-1", &Purse::stranger(1), amount)?;
    let census = treasury.census()?;
    let request = treasury.signed_bytes(&intent.encode());
    let dana = &treasury.people.dana;
    let genuine = dana.approve(std::slice::from_ref(&request))?;
    let refused = |body: &Value, status: u16, code: &str| -> Outcome {
        treasury
            .operator()
            .post(&treasury.path("/approvals"), body)?
            .refused(status, code)?;
        assert_eq!(treasury.census()?, census, "{code}");
        Ok(())
    };
    let changed = |field: &str, value: Value| {
        let mut body = genuine.clone();
        body[field] = value;
        body
    };
    refused(
        &changed("expires", json!(u32::MAX)),
        422,
        "approval_signature_invalid",
    )?;
    refused(
        &changed("key", json!("11".repeat(32))),
        422,
        "unknown_approval_key",
    )?;
    refused(
        &changed("signature", json!("01".repeat(65))),
        422,
        "approval_signature_invalid",
    )?;
    refused(&changed("signature", json!("zz")), 400, "malformed")?;
    refused(
        &changed("root", json!("22".repeat(32))),
        422,
        "approval_signature_invalid",
    )?;
    refused(
        &changed("purpose", json!("reject")),
        422,
        "approval_signature_invalid",
    )?;
    refused(
        &changed("purpose", json!("void")),
        422,
        "approval_wrong_purpose",
    )?;
    refused(&json!({}), 422, "malformed")?;
    let file = dana.bring("request.json", request.to_string().as_bytes())?;
    let file = file.display().to_string();
    let brief = dana
        .run(&["approve", "--yes", "--expires-in", "1s", &file])?
        .done()?
        .json()?;
    let expires = brief["expires"].as_u64().unwrap_or_default();
    wait_until("the approval to expire", SHORT, || {
        Ok((now().as_secs() >= expires).then_some(()))
    })?;
    refused(&brief, 422, "approval_expired")?;
    let unknown = treasury.intent("w-2", &Purse::stranger(1), amount)?;
    let request = treasury.signed_bytes(&unknown.encode());
    let of_nothing = treasury.people.dana.approve(&[request])?;
    refused(&of_nothing, 404, "unknown_intent")?;
    let mut moved = genuine.clone();
    moved["intents"][0]["proof"] = of_nothing["intents"][0]["proof"].clone();
    moved["intents"][0]["intent"] = json!(Intent::hash_bytes(b"{}"));
    let answer = treasury
        .operator()
        .post(&treasury.path("/approvals"), &moved)?;
    assert!([404, 422].contains(&answer.status), "{}", answer.text());
    assert_eq!(treasury.census()?, census);
    // The genuine one still counts.
    treasury
        .operator()
        .post(&treasury.path("/approvals"), &genuine)?
        .done()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    Ok(())
}

/// 1. A withdrawal waits for approval.
/// 2. The approver rejects it with the own tool.
/// 3. It is rejected for good: it cannot be approved, and no batch takes it.
#[test]
fn rejected_withdrawal_is_never_paid() -> Outcome {
    let treasury = funded()?;
    let amount = Amount::from_sat(harness::AUTOMATIC_MAX_SAT + 1);
    let intent = treasury.withdraw("w-1", &Purse::stranger(1), amount)?;
    let request = treasury.signed_bytes(&intent.encode());
    let dana = &treasury.people.dana;
    let file = dana.bring("request.json", request.to_string().as_bytes())?;
    let rejection = dana
        .run(&["reject", "--yes", &file.display().to_string()])?
        .done()?
        .json()?;
    let path = treasury.path("/approvals");
    treasury.operator().post(&path, &rejection)?.done()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "rejected");
    let approval = dana.approve(&[request])?;
    treasury
        .operator()
        .post(&path, &approval)?
        .refused(409, "approval_too_late")?;
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "nothing_to_batch")?;
    Ok(())
}
