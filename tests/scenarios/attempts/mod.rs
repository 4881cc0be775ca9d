//! Withdrawals that are stuck: replaced, planned anew, cancelled, paid again; each is paid once all the same.

mod fees;
mod planned_anew;
mod reorged;
mod replaced;
mod restored;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Address, Amount, Transaction, Txid};
use harness::{Failure, Outcome, SignerHome, Treasury, field, items};
use policies::document::{PolicyDraft, SelfSpendBudgetDraft};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const DEPOSIT: Amount = Amount::from_sat(10_000_000);

fn with_budget(policy: &mut PolicyDraft) {
    policy.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 50_000,
        count: 4,
        window: "24h".to_owned(),
    });
}

/// How much of everything is stored but events, which the watchtower goes on to write.
#[track_caller]
fn books(treasury: &Treasury) -> Result<String, Failure> {
    let census = treasury.census()?;
    let lines = census.lines().filter(|line| !line.starts_with("event "));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Asks for a preview and then for the deed, which must be the same; the txids that were issued.
#[track_caller]
fn done_as_previewed(
    treasury: &Treasury,
    path: &str,
    asked: &Value,
) -> Result<(Value, Vec<Txid>), Failure> {
    treasury.all_is_taken_in()?;
    let census = books(treasury)?;
    let mut previewed = asked.clone();
    previewed["preview"] = true.into();
    let preview = treasury.operator().post(path, &previewed)?;
    assert_eq!(preview.status, 200, "{}", preview.text());
    let preview = preview.done()?;
    assert_eq!(books(treasury)?, census, "a preview does nothing");
    let done = treasury.operator().post(path, asked)?;
    assert_eq!(done.status, 201, "{}", done.text());
    let done = done.done()?;
    assert_eq!(preview["plans"], done["plans"]);
    let mut issued = Vec::new();
    for batch in items(&done["batches"])? {
        let newest = items(&batch["attempts"])?.last();
        let newest = newest.ok_or_else(|| Failure::new("no attempt"))?;
        issued.push(field(newest, "txid")?.parse()?);
    }
    Ok((done["plans"].clone(), issued))
}

/// A transaction that waits in the node's mempool, whole.
#[track_caller]
fn waiting(treasury: &Treasury, txid: Txid) -> Result<Transaction, Failure> {
    let raw: String = (treasury.node).call("getrawtransaction", json!([txid]))?;
    Ok(deserialize_hex(&raw)?)
}

#[track_caller]
fn replaced(treasury: &Treasury, txid: Txid, feerate: &str) -> Result<(Value, Txid), Failure> {
    let path = format!("/attempts/{txid}/replacement");
    let asked = json!({ "feerate_sat_vb": feerate });
    let (plans, issued) = done_as_previewed(treasury, &path, &asked)?;
    Ok((plans[0].clone(), issued[0]))
}

#[track_caller]
fn signed_by(treasury: &Treasury, signers: [&SignerHome; 2], txid: Txid) -> Outcome {
    for signer in signers {
        treasury.countersign(signer, txid)?;
    }
    Ok(())
}

#[track_caller]
fn paid_once(treasury: &Treasury, to: &Address, amount: Amount) -> Outcome {
    assert_eq!(treasury.received(to)?, amount);
    Ok(())
}

fn all_is_well(treasury: &mut Treasury) -> Outcome {
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}
