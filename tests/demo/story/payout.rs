//! Five withdrawals leave in one transaction, after a liar was refused.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Psbt, ScriptBuf, Txid, WPubkeyHash};
use coordinator::client::{Client, Order};
use harness::{Failure, LONG, Outcome, Purse, Treasury, now, wait_until};
use policies::Intent;
use policies::psbt::Manifest;
use serde_json::Value;

use crate::stage::{Stage, grouped, sat, short};

const WITHDRAWALS: [(&str, u64); 5] = [
    ("payout-1", 1_200_000),
    ("payout-2", 850_000),
    ("payout-3", 4_999_999),
    ("payout-4", 25_000_000),
    ("payout-5", 61_000_000),
];

pub(super) fn pay(stage: &mut Stage, treasury: &mut Treasury, service: &Client) -> Outcome {
    let intents = request(stage, service)?;
    approve(stage, treasury, &intents)?;
    let txid = batch(stage, treasury)?;
    lie(stage, treasury, txid)?;
    sign(stage, treasury, txid)?;
    settle(stage, treasury, txid)?;
    prove(stage, treasury)
}

fn request(stage: &mut Stage, service: &Client) -> Result<Vec<Intent>, Failure> {
    stage.step("Five withdrawals, each signed by the service's own key");
    let mut intents = Vec::new();
    for (n, (id, amount)) in (1..).zip(WITHDRAWALS) {
        let (now, to) = (now(), Purse::stranger(n));
        let order = Order::payment(
            id.parse()?,
            to.clone().into_unchecked(),
            Amount::from_sat(amount),
            now.saturating_add(24 * 3600),
        );
        let (built, withdrawal) = service.submit_withdrawal(&order, now)?;
        let (amount, to) = (grouped(amount), short(&to.to_string()));
        stage.line(&format!(
            "{id}  {amount:>15}  {to:<24}  {}",
            withdrawal.state
        ));
        intents.push(built.intent);
    }
    Ok(intents)
}

fn approve(stage: &mut Stage, treasury: &Treasury, intents: &[Intent]) -> Outcome {
    stage.step("The large ones wait for dana, who approves with her own tool");
    let large: Vec<&Intent> = intents
        .iter()
        .filter(|intent| intent.amount.to_sat() > harness::AUTOMATIC_MAX_SAT)
        .collect();
    stage.wait("countersign-signer approve, one signature for both", || {
        treasury.approve(&large)
    })?;
    for intent in large {
        let state = treasury.withdrawal_state(intent.id.as_str())?;
        stage.line(&format!(
            "{}  {:>15}  {state}",
            intent.id,
            sat(intent.amount)
        ));
    }
    Ok(())
}

fn batch(stage: &mut Stage, treasury: &Treasury) -> Result<Txid, Failure> {
    stage.step("One batch: coins are reserved, and a PSBT leaves for signing");
    let txid = stage.wait("choosing coins and building the PSBT", || treasury.batch())?;
    let attempt = attempt(treasury, txid)?;
    let count = |part: &str| attempt[part].as_array().map_or(0, Vec::len).to_string();
    stage.figure("txid", &txid.to_string());
    stage.figure("coins spent", &count("inputs"));
    stage.figure(
        "pays",
        &format!(
            "{} withdrawals, {} change",
            count("payments"),
            count("changes")
        ),
    );
    let fee = grouped(attempt["fee_sat"].as_u64().unwrap_or_default());
    let feerate = attempt["feerate_sat_vb"].as_str().unwrap_or("?").to_owned();
    stage.figure("fee", &format!("{fee} ({feerate} sat/vB)"));
    Ok(txid)
}

fn lie(stage: &mut Stage, treasury: &Treasury, txid: Txid) -> Outcome {
    stage.step("A lying coordinator swaps one output: alice's signer says no");
    let mut psbt = Psbt::deserialize(&treasury.psbt(txid)?)?;
    let manifest = Manifest::read(&psbt)?;
    let output = manifest.payments.keys().next().copied().unwrap_or_default();
    let thief = ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(b"thief"));
    let output = usize::try_from(output)?;
    psbt.unsigned_tx.output[output].script_pubkey = thief;
    let said = treasury
        .people
        .alice
        .sign(&psbt.serialize())?
        .refused("PAYMENT_SCRIPT")?;
    stage.quote(&said.stderr);
    stage.say("Exit status 1, no signature, and her journal does not remember it.");
    Ok(())
}

fn sign(stage: &mut Stage, treasury: &mut Treasury, txid: Txid) -> Outcome {
    stage.step("Two of three sign: a machine over HTTP, alice from a file");
    treasury.start_cosigner()?;
    stage.wait(
        "the automatic co-signer reviews, journals and signs",
        || {
            wait_until("the co-signer's signature", LONG, || {
                let attempt = attempt(treasury, txid)?;
                let signed = attempt["signed_by"]
                    .as_array()
                    .is_some_and(|by| !by.is_empty());
                Ok(signed.then_some(()))
            })
        },
    )?;
    let alice = &treasury.people.alice;
    let said = stage.wait(
        "alice reviews and signs on a machine without a network",
        || alice.sign(&treasury.psbt(txid)?)?.done(),
    )?;
    stage.quote(&said.stderr);
    let answer = treasury.hand_in(txid, &said.stdout)?;
    let signed: Vec<&str> = answer["attempt"]["signed_by"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    stage.figure("signed by", &signed.join(", "));
    Ok(())
}

fn settle(stage: &mut Stage, treasury: &Treasury, txid: Txid) -> Outcome {
    stage.step("Finalized, broadcast, mined, settled");
    stage.wait(
        "the coordinator finalizes, the watchtower broadcasts",
        || treasury.reaches_mempool(txid),
    )?;
    treasury.node.mine(1)?;
    for (state, more) in [("confirmed", 2), ("settled", 0)] {
        stage.wait(&format!("all five are {state}"), || {
            WITHDRAWALS
                .iter()
                .try_for_each(|(id, _)| treasury.withdrawal_becomes(id, state).map(drop))
        })?;
        if more > 0 {
            treasury.node.mine(more)?;
        }
    }
    stage.figure("left, settled", &super::deposits::settled(treasury)?);
    Ok(())
}

fn prove(stage: &mut Stage, treasury: &Treasury) -> Outcome {
    stage.step("The books: ledger, event chain, and the node's own coins");
    let balance: Value = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    stage.line(&format!(
        "{:<34} {:>17} {:>17}",
        "account", "debit", "credit"
    ));
    for account in balance["accounts"].as_array().into_iter().flatten() {
        let figure = |name: &str| grouped(account[name].as_u64().unwrap_or_default());
        stage.line(&format!(
            "{:<34} {:>17} {:>17}",
            account["account"].as_str().unwrap_or("?"),
            figure("debit_sat"),
            figure("credit_sat")
        ));
    }
    let found = stage.wait("comparing ledger, tracker and node", || {
        treasury.reconcile()
    })?;
    for (name, figure) in [
        ("ledger", "ledger_sat"),
        ("tracker", "tracker_sat"),
        ("node", "node_sat"),
    ] {
        stage.figure(name, &grouped(found[figure].as_u64().unwrap_or_default()));
    }
    stage.figure("reconciliation", "green: all three agree");
    let head = treasury.verify_events()?;
    stage.figure(
        "event chain",
        &format!("{} events, every hash verified", head["number"]),
    );
    stage.figure("head", head["hash"].as_str().unwrap_or("?"));
    Ok(())
}

fn attempt(treasury: &Treasury, txid: Txid) -> Result<Value, Failure> {
    treasury.auditor().get(&format!("/attempts/{txid}"))?.done()
}
