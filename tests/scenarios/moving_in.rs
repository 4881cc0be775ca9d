//! A wallet that had a life elsewhere moves in: history as opening balance, labels on coins, nothing spent too early.

use std::fs;

use bitcoin::{Address, Amount, Network, OutPoint};
use harness::{
    Bitcoind, Coordinator, Engine, Failure, LONG, Outcome, People, Purse, ScriptKind, Settings,
    Store, Terms, Treasury, items, wait_until,
};
use policies::Keychain;
use serde_json::{Value, json};

const FIRST: Amount = Amount::from_sat(30_000_000);
const SECOND: Amount = Amount::from_sat(20_000_000);
const FAR: Amount = Amount::from_sat(10_000_000);
const LATER: Amount = Amount::from_sat(5_000_000);
const PAID: Amount = Amount::from_sat(1_000_000);

fn pay(node: &Bitcoind, people: &People, index: u32, amount: Amount) -> Result<OutPoint, Failure> {
    let script = people
        .policy
        .descriptor
        .script_pubkey(Keychain::External, index);
    let address = Address::from_script(&script, Network::Regtest)?;
    let txid = node.fund(&address, amount)?;
    let transaction: Value = node.call("getrawtransaction", json!([txid, true]))?;
    let outputs = items(&transaction["vout"])?;
    let hex = script.to_hex_string();
    let place = outputs
        .iter()
        .position(|output| output["scriptPubKey"]["hex"] == json!(hex))
        .ok_or_else(|| Failure::new("the address is not paid"))?;
    Ok(OutPoint::new(txid, u32::try_from(place)?))
}

fn moving(treasury: &Treasury) -> Result<Value, Failure> {
    treasury.auditor().get(&treasury.path("/moving-in"))?.done()
}

/// 1. A wallet is paid at indexes 3, 900 and 1800, before there is a coordinator. Its vault is added; nothing of
///    what it has is known.
/// 2. It moves in, with its labels. Index 900 is near enough to the end that the watchtower looks on, and finds 1800.
///    While the blocks are read nothing is spent.
/// 3. Books and node agree, with an opening balance and no deposits; labels stand on its coins, and what it would not
///    spend is frozen. A new address is beyond all that was given out.
/// 4. What comes afterwards to an old address is a deposit; a payment is made of what moved in, and settles.
fn a_wallet_moves_in(engine: Engine) -> Outcome {
    let node = Bitcoind::start()?;
    let store = Store::start(engine)?;
    let people = People::agree_on(ScriptKind::Wsh, &node, &Terms::default())?;
    let born = node.height()?;
    let first = pay(&node, &people, 3, FIRST)?;
    let second = pay(&node, &people, 900, SECOND)?;
    let far = pay(&node, &people, 1_800, FAR)?;
    node.mine(3)?;
    let coordinator = Coordinator::start(&store, &node, &Settings::default())?;
    let treasury = Treasury::assemble(node, store, people, coordinator)?;
    treasury.all_is_taken_in()?;
    let none = treasury.auditor().get(&treasury.path("/moving-in"))?;
    none.refused(404, "not_moving_in")?;
    assert_eq!(treasury.held()?, Amount::ZERO);

    let folder = tempfile::tempdir()?;
    let labels = folder.path().join("labels.jsonl");
    let script = treasury
        .people
        .policy
        .descriptor
        .script_pubkey(Keychain::External, 900);
    let address = Address::from_script(&script, Network::Regtest)?;
    let lines = [
        json!({ "type": "tx", "ref": first.txid.to_string(), "label": "the first" }),
        json!({ "type": "addr", "ref": address.to_string(), "label": "savings" }),
        json!({ "type": "output", "ref": far.to_string(), "label": "", "spendable": false }),
        json!({ "type": "xpub", "ref": "xpub", "label": "mine" }),
    ];
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(&labels, "not a label")?;
    let from = born.to_string();
    let file = labels.to_string_lossy().into_owned();
    let asked = ["chain", "move-in", "--from", &from, "--labels", &file];
    treasury.command_line(&asked)?.refused("not_a_label")?;
    fs::write(&labels, lines.join("\n"))?;
    let begun = treasury.command_line(&asked)?.json()?;
    assert_eq!(begun["passed_over"], json!(1));
    let early = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?;
    if moving(&treasury)?["step"] != "done" {
        early.refused(409, "moving_in")?;
    }
    let waited = treasury
        .command_line(&["chain", "move-in", "--wait"])?
        .json()?;
    assert_eq!(waited["step"], json!("done"));
    assert_eq!(waited["coins"], json!(3));
    let all = FIRST + SECOND + FAR;
    assert_eq!(waited["held_sat"], json!(all.to_sat()));

    let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    let accounts = items(&balance["accounts"])?;
    let credited = |name: &str| {
        let found = accounts.iter().find(|account| account["account"] == name);
        found
            .and_then(|account| account["credit_sat"].as_u64())
            .unwrap_or_default()
    };
    assert_eq!(credited("opening"), all.to_sat());
    assert_eq!(credited("deposits_settled"), 0, "{balance}");
    assert_eq!(balance["frozen_sat"], json!(FAR.to_sat()));
    treasury.reconcile()?;
    let coins = treasury.auditor().get(&treasury.path("/coins"))?.done()?;
    let label = |outpoint: OutPoint| {
        let found = items(&coins)
            .ok()?
            .iter()
            .find(|coin| coin["outpoint"] == json!(outpoint.to_string()));
        found.map(|coin| coin["label"]["text"].clone())
    };
    assert_eq!(label(first), Some(json!("the first")));
    assert_eq!(label(second), Some(json!("savings")));
    assert_eq!(label(far), Some(Value::Null));
    let issued = treasury
        .service()
        .post(
            &treasury.path("/addresses"),
            &json!({ "reference": "customer 1" }),
        )?
        .done()?;
    assert!(issued["index"].as_u64() > Some(1_800), "{issued}");

    let later = pay(&treasury.node, &treasury.people, 4, LATER)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(later, "settled")?;
    let again = treasury
        .operator()
        .post(&treasury.path("/moving-in"), &json!({ "from": born }))?;
    again.refused(409, "moved_in")?;
    treasury.withdraw("w-1", &Purse::stranger(2), PAID)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    wait_until("the events of moving in", LONG, || {
        let events = treasury.events()?;
        let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        Ok(
            (of("vault.moving-in") == 1 && of("vault.moved-in") == 1 && of("alarm.raised") == 0)
                .then_some(()),
        )
    })?;
    treasury.verify_events()?;
    Ok(())
}

#[test]
fn a_wallet_moves_in_on_sqlite() -> Outcome {
    a_wallet_moves_in(Engine::Sqlite)
}

#[test]
fn a_wallet_moves_in_on_postgres() -> Outcome {
    a_wallet_moves_in(Engine::Postgres)
}
