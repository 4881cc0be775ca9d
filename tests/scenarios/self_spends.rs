//! Spends to ourselves: free within their budget, approved as maintenance beyond it.

use bitcoin::{Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, ScriptKind, Terms, Treasury, field, items, wait_until,
};
use policies::document::SelfSpendBudgetDraft;
use serde_json::{Value, json};

const COIN: Amount = Amount::from_sat(10_000_000);

fn treasury(kind: ScriptKind, engine: Engine, count: u32) -> Result<Treasury, Failure> {
    let terms = Terms {
        self_spends: Some(SelfSpendBudgetDraft {
            sat: 50_000,
            count,
            window: "24h".to_owned(),
        }),
        ..Terms::default()
    };
    Treasury::start_under(kind, engine, &terms)
}

fn txid_of(made: &Value) -> Result<Txid, Failure> {
    Ok(field(&made["batch"]["attempts"][0], "txid")?.parse()?)
}

fn coins(treasury: &Treasury) -> Result<usize, Failure> {
    let coins = treasury.auditor().get(&treasury.path("/coins"))?.done()?;
    let unspent = items(&coins)?
        .iter()
        .filter(|coin| coin["spent_by"].is_null());
    Ok(unspent.count())
}

fn settles(treasury: &Treasury, txid: Txid) -> Outcome {
    treasury.reaches_mempool(txid)?;
    treasury.node.mine(3)?;
    treasury.attempt_becomes(txid, "settled")?;
    treasury.reconcile()?;
    Ok(())
}

/// 1. Three deposits settle. The preview of a consolidation says what is left of the budget.
/// 2. The consolidation is made; the automatic co-signer and Alice sign it, and nobody approves.
/// 3. Three coins are one; only the fee has left the vault.
/// 4. The coin is made young again: that is beyond the budget of one. Alice and the co-signer refuse.
/// 5. Only somebody of `ops` may approve, and only this transaction. Dana approves it with the own tool: the
///    PSBT is issued again, the transaction is the same.
/// 6. Both sign it now, and it settles. Books and node agree.
fn coins_are_joined_and_renewed(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = treasury(kind, engine, 1)?;
    for _ in 0..3 {
        treasury.deposit(COIN)?;
    }
    treasury.start_cosigner()?;
    let preview = treasury
        .spend_to_ourselves(&json!({ "purpose": "consolidate", "dry_run": true }))?
        .done()?;
    assert_eq!(preview["budget"]["left_sat"], 50_000);
    assert_eq!(preview["budget"]["left_count"], 1);
    assert_eq!(preview["budget"]["within"], true);
    assert!(preview["batch"].is_null() && preview["maintenance"].is_null());
    assert_eq!(items(&preview["coins"])?.len(), 3);
    assert_eq!(items(&preview["signers"])?.len(), 3, "{preview}");

    let made = treasury
        .spend_to_ourselves(&json!({ "purpose": "consolidate" }))?
        .done()?;
    assert_eq!(made["fee_sat"], preview["fee_sat"]);
    let first = txid_of(&made)?;
    treasury.countersign(&treasury.people.alice, first)?;
    settles(&treasury, first)?;
    let fee = made["fee_sat"].as_u64().unwrap_or_default();
    assert_eq!(coins(&treasury)?, 1);
    assert_eq!(treasury.held()?, COIN * 3 - Amount::from_sat(fee));

    let made = treasury
        .spend_to_ourselves(&json!({ "purpose": "refresh" }))?
        .done()?;
    assert_eq!(made["budget"]["within"], false);
    assert_eq!(made["maintenance"], json!({ "group": "ops", "count": 1 }));
    let second = txid_of(&made)?;
    let issued = treasury.psbt(second)?;
    let alice = &treasury.people.alice;
    alice.sign(&issued)?.refused("SELF_SPEND_BUDGET")?;

    let approval = treasury.people.dana.maintain(&issued)?.done()?.json()?;
    let path = format!("/attempts/{second}/approvals");
    let mut other = approval.clone();
    other["expires"] = json!(other["expires"].as_u64().unwrap_or_default() + 1);
    treasury
        .operator()
        .post(&path, &other)?
        .refused(422, "approval_signature_invalid")?;
    treasury
        .operator()
        .post(&format!("/attempts/{first}/approvals"), &approval)?
        .refused(422, "other_transaction")?;
    let approved = treasury.operator().post(&path, &approval)?.done()?;
    assert_eq!(approved["maintenance"][0]["approver"], "dana");
    // The same again is no second one.
    let again = treasury.operator().post(&path, &approval)?.done()?;
    assert_eq!(items(&again["maintenance"])?.len(), 1);
    assert_ne!(treasury.psbt(second)?, issued);
    // The first file lacks the approval and stays refused.
    alice.sign(&issued)?.refused("SELF_SPEND_BUDGET")?;
    treasury.countersign(alice, second)?;
    wait_until("the co-signer to look at it again", LONG, || {
        let attempt = treasury
            .auditor()
            .get(&format!("/attempts/{second}"))?
            .done()?;
        Ok((attempt["complete"] == true).then_some(()))
    })?;
    settles(&treasury, second)?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn coins_of_wsh_are_joined_within_the_budget_and_renewed_beyond_it_on_sqlite() -> Outcome {
    coins_are_joined_and_renewed(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn coins_of_tr_are_joined_within_the_budget_and_renewed_beyond_it_on_postgres() -> Outcome {
    coins_are_joined_and_renewed(ScriptKind::Tr, Engine::Postgres)
}

/// 1. Only what is no payment is approved as maintenance: not an attempt that pays, whatever is signed.
/// 2. A coin that is reserved, spent or unknown is not spent to ourselves.
/// 3. One coin alone is not joined, and no coin is spent above the caps.
#[test]
fn what_is_no_spend_to_ourselves_is_refused_by_name() -> Outcome {
    let mut treasury = treasury(ScriptKind::Wsh, Engine::Sqlite, 1)?;
    let coin = treasury.deposit(COIN)?;
    treasury.withdraw("w-1", &Purse::stranger(1), Amount::from_sat(1_000_000))?;
    let one = json!({ "purpose": "consolidate", "coins": [coin.to_string()] });
    treasury
        .spend_to_ourselves(&one)?
        .refused(409, "nothing_to_consolidate")?;
    let dear = json!({ "purpose": "refresh", "feerate_sat_vb": "201" });
    treasury
        .spend_to_ourselves(&dear)?
        .refused(422, "feerate_above_cap")?;
    for (body, code) in [
        (json!({ "purpose": "pay" }), "malformed"),
        (json!({ "purpose": "refresh", "coins": [] }), "malformed"),
        (json!({ "purpose": "refresh", "coins": ["x"] }), "malformed"),
        (
            json!({ "purpose": "refresh", "max_inputs": 0 }),
            "malformed",
        ),
    ] {
        let answer = treasury.spend_to_ourselves(&body)?;
        let status = answer.status;
        answer.refused(status, code)?;
        assert!([400, 422].contains(&status), "{body}");
    }
    let unknown = format!("{}:0", "ab".repeat(32));
    treasury
        .spend_to_ourselves(&json!({ "purpose": "refresh", "coins": [unknown] }))?
        .refused(409, "unknown_coin")?;
    let paying = treasury.batch()?;
    treasury
        .spend_to_ourselves(&json!({ "purpose": "refresh", "coins": [coin.to_string()] }))?
        .refused(409, "coin_reserved")?;
    treasury
        .spend_to_ourselves(&json!({ "purpose": "refresh" }))?
        .refused(409, "nothing_to_spend")?;
    treasury
        .people
        .dana
        .maintain(&treasury.psbt(paying)?)?
        .refused("NOT_A_SELF_SPEND")?;
    treasury
        .recover(&json!({ "older": 7 }))?
        .refused(422, "no_recovery_path")?;
    treasury.must_be_well()
}
