//! Dust by the ten thousand, and deposits that are a nuisance otherwise.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use bitcoin::{Address, Amount, Network, OutPoint, Txid};
use harness::{Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, items, wait_until};
use serde_json::{Value, json};

/// Outputs of one transaction, and transactions: all of them in one block.
const OUTPUTS: usize = 2_000;
const TRANSACTIONS: usize = 5;
/// The least that a node relays to such a script.
const DUST: Amount = Amount::from_sat(330);
/// What is paid per virtual byte: an input then costs more than dust is worth.
const FEERATE: &str = "10";
/// How long a block of so many deposits may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// A withdrawal is batched; its attempt as it is shown, and how long that took.
fn batched(treasury: &Treasury, id: &str, to: u8) -> Result<(Value, Duration), Failure> {
    treasury.withdraw(id, &Purse::stranger(to), Amount::from_sat(1_000_000))?;
    let path = treasury.path("/batches");
    let asked = json!({ "feerate_sat_vb": FEERATE });
    // While the watchtower takes ten thousand coins in, no batch is made.
    let (made, took) = wait_until("the watchtower to be back", PATIENCE, || {
        let begun = Instant::now();
        let answer = treasury.operator().post(&path, &asked)?;
        let is_back = answer.status != 503;
        Ok(is_back.then(|| (answer, begun.elapsed())))
    })?;
    let made = made.done()?;
    let txid = made["attempts"][0]["txid"]
        .as_str()
        .or(made["txid"].as_str());
    let txid: Txid = txid.unwrap_or_default().parse()?;
    let shown = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    Ok((shown, took))
}

fn sat(treasury: &Treasury, field: &str) -> Result<u64, Failure> {
    let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    Ok(balance[field].as_u64().unwrap_or_default())
}

/// 1. A withdrawal is batched out of the one coin that there is: its inputs and its fee are known. Another coin
///    like it settles.
/// 2. Somebody pays ten thousand outputs of dust to issued addresses, in one block; all are taken in and settle.
/// 3. Another withdrawal like the first is batched: it spends that coin and no dust, and pays the same fee.
/// 4. Ledger and node agree.
#[test]
fn ten_thousand_outputs_of_dust_change_neither_the_coins_nor_the_fee() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let (before, took_before) = batched(&treasury, "w-1", 1)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let addresses = (0..20)
        .map(|_| treasury.new_address("dust"))
        .collect::<Result<Vec<_>, _>>()?;
    // One coin of the payer for each transaction.
    let own = Address::from_script(treasury.node.purse().script(), Network::Regtest)?;
    let coins = vec![(own, Amount::from_sat(10_000_000)); TRANSACTIONS];
    treasury.node.fund_all(&coins)?;
    treasury.node.mine(1)?;
    for _ in 0..TRANSACTIONS {
        let to = addresses.iter().cycle().cloned();
        let payments: Vec<_> = to.map(|address| (address, DUST)).take(OUTPUTS).collect();
        treasury.node.fund_all(&payments)?;
    }
    assert_eq!(treasury.node.mempool()?.len(), TRANSACTIONS);
    treasury.node.mine(3)?;
    let dust = DUST.to_sat() * u64::try_from(OUTPUTS * TRANSACTIONS)?;
    wait_until("the dust to settle", PATIENCE, || {
        let settled = sat(&treasury, "settled_sat")?;
        Ok((settled == 2 * Amount::ONE_BTC.to_sat() + dust).then_some(()))
    })?;
    let (after, took_after) = batched(&treasury, "w-2", 3)?;
    for (attempt, name) in [(&before, "before"), (&after, "after")] {
        assert_eq!(items(&attempt["inputs"])?.len(), 1, "{name}: {attempt}");
    }
    assert_eq!(
        before["inputs"][0]["amount_sat"],
        after["inputs"][0]["amount_sat"]
    );
    assert_eq!(before["fee_sat"], after["fee_sat"]);
    assert_eq!(before["weight_wu"], after["weight_wu"]);
    let ratio = took_after.as_micros() / took_before.as_micros().max(1);
    let lines = (took_before.as_millis(), took_after.as_millis());
    writeln!(
        io::stderr().lock(),
        "a batch over 1 coin took {} ms, over 10,001 coins {} ms, {ratio} times as long",
        lines.0,
        lines.1
    )?;
    treasury.reconcile()?;
    assert_eq!(alarms(&treasury)?, ["DUST_FLOOD"]);
    treasury.must_be_well()
}

/// The codes of the open alarms, in order.
fn alarms(treasury: &Treasury) -> Result<Vec<String>, Failure> {
    let open = treasury.auditor().get("/alarms")?.done()?;
    let codes = items(&open)?
        .iter()
        .map(|alarm| alarm["alarm"].as_str().unwrap_or_default().to_owned());
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    Ok(codes)
}

/// What the books say of a customer: credited, and below the minimum.
fn book(treasury: &Treasury, reference: &str) -> Result<[Value; 2], Failure> {
    let path = treasury.path(&format!("/book?reference={reference}"));
    let book = treasury.auditor().get(&path)?.done()?;
    Ok([
        book["balance_sat"].clone(),
        book["below_minimum_sat"].clone(),
    ])
}

/// How many events of a kind there are.
fn told(treasury: &Treasury, kind: &str) -> Result<usize, Failure> {
    let events = treasury.events()?;
    Ok(events.iter().filter(|event| event["kind"] == kind).count())
}

/// 1. An operator says that deposits below 10,000 sat are credited to nobody, that coins of addresses which were spent
///    from are frozen, and that five small deposits in a block are an alarm.
/// 2. A customer's address is paid 9,999 sat and 50,000 sat: the books have both, the customer the larger one. Taking
///    the minimum away changes nothing of that, nor does a reorg that has both again.
/// 3. A coin is spent, and its address paid two dozen times in one block, below the minimum: one alarm of reuse and one of
///    dust. All of those coins are frozen with the reason, and none of them is credited.
/// 4. Ledger and node agree.
fn a_nuisance_is_told_once_and_credits_nobody(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let set = [
        "deposits",
        "set",
        "--deposit-min-sat",
        "10000",
        "--freeze-reuse",
        "--flood",
        "5",
    ];
    let set = treasury.command_line(&set)?.json()?;
    assert_eq!(set["deposit_min_sat"], json!(10_000));

    let address = treasury.new_address("customer7")?;
    let small = treasury.node.fund(&address, Amount::from_sat(9_999))?;
    let enough = treasury.node.fund(&address, Amount::from_sat(50_000))?;
    treasury.node.mine(3)?;
    for txid in [small, enough] {
        treasury.deposit_becomes(OutPoint::new(txid, 0), "settled")?;
    }
    let credited = [json!(50_000), json!(9_999)];
    assert_eq!(book(&treasury, "customer7")?, credited);
    wait_until("the events of both", LONG, || {
        let both = ["small.settled", "deposit.settled"].map(|kind| told(&treasury, kind));
        let [small, deposit] = both;
        Ok((small? == 1 && deposit? == 1).then_some(()))
    })?;
    treasury.command_line(&["deposits", "clear"])?.json()?;
    treasury.node.reorg(3)?;
    treasury.node.mine(3)?;
    wait_until("both to settle again", LONG, || {
        Ok((told(&treasury, "small.settled")? == 2).then_some(()))
    })?;
    assert_eq!(told(&treasury, "small.reversed")?, 1);
    wait_until("the books to be as before", LONG, || {
        Ok((book(&treasury, "customer7")? == credited).then_some(()))
    })?;
    treasury.reconcile()?;
    assert_eq!(alarms(&treasury)?, [""; 0]);

    let again = treasury.new_address("customer8")?;
    let spent = treasury.pay_in(&again, Amount::from_sat(40_000_000))?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(spent, "settled")?;
    treasury.withdraw("w-1", &Purse::stranger(2), Amount::from_sat(1_000_000))?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury
        .command_line(&[
            "deposits",
            "set",
            "--deposit-min-sat",
            "10000",
            "--freeze-reuse",
        ])?
        .json()?;
    let flood = vec![(again, Amount::from_sat(600)); 24];
    let flood = treasury.node.fund_all(&flood)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(OutPoint::new(flood, 23), "settled")?;
    wait_until("both alarms", LONG, || {
        Ok((alarms(&treasury)? == ["ADDRESS_REUSED", "DUST_FLOOD"]).then_some(()))
    })?;
    wait_until("the events of both, and of no more", LONG, || {
        Ok((told(&treasury, "alarm.raised")? == 2).then_some(()))
    })?;
    wait_until("all of the coins to be frozen", LONG, || {
        let coins = treasury.auditor().get(&treasury.path("/coins"))?.done()?;
        let frozen = items(&coins)?
            .iter()
            .filter(|coin| {
                let reason = coin["frozen"]["text"].as_str().unwrap_or_default();
                reason.contains("was spent from")
            })
            .count();
        Ok((frozen == 24).then_some(()))
    })?;
    let credited = [json!(40_000_000), json!(24 * 600)];
    assert_eq!(book(&treasury, "customer8")?, credited);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn a_nuisance_is_told_once_and_credits_nobody_on_sqlite() -> Outcome {
    a_nuisance_is_told_once_and_credits_nobody(Engine::Sqlite)
}

#[test]
fn a_nuisance_is_told_once_and_credits_nobody_on_postgres() -> Outcome {
    a_nuisance_is_told_once_and_credits_nobody(Engine::Postgres)
}
