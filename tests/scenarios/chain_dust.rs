//! Dust by the ten thousand.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use bitcoin::{Address, Amount, Network, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, items, wait_until};
use serde_json::{Value, json};

/// Outputs of one transaction, and transactions: all of them in one block.
const OUTPUTS: usize = 100;
const TRANSACTIONS: usize = 100;
/// The least that a node relays to such a script.
const DUST: Amount = Amount::from_sat(330);
/// What is paid per virtual byte: an input then costs more than dust is worth.
const FEERATE: &str = "10";
/// How long a block of so many deposits may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// A withdrawal is batched; its attempt as it is shown, and how long that took.
fn batched(treasury: &Treasury, id: &str, to: u8) -> Result<(Value, Duration), Failure> {
    treasury.withdraw(id, &Purse::stranger(to), Amount::from_sat(1_000_000))?;
    let begun = Instant::now();
    let path = treasury.path("/batches");
    let asked = json!({ "feerate_sat_vb": FEERATE });
    let made = treasury.operator().post(&path, &asked)?.done()?;
    let took = begun.elapsed();
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
    treasury.must_be_well()
}
