//! Reorgs at the depths at which something changes: where coinbases ripen, and where nodes forget.

use bitcoin::{Amount, OutPoint, Txid};
use harness::{
    Bitcoind, Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, hot_wallet, items,
    wait_until,
};
use serde_json::{Value, json};

/// Confirmations at which a coinbase may be spent.
const RIPE: u32 = 100;

/// Mines a block whose reward is a deposit, and more until it has so many confirmations. The coin and its amount.
fn mined_in(treasury: &Treasury, confirmations: u32) -> Result<(OutPoint, u64), Failure> {
    let address = treasury.new_address("miner")?;
    let node = &treasury.node;
    let block = node.mine_to(&address.script_pubkey(), 1)?;
    let shown: Value = node.call("getblock", json!([block[0]]))?;
    let coinbase: Txid = shown["tx"][0].as_str().unwrap_or_default().parse()?;
    node.mine(confirmations - 1)?;
    treasury.all_is_taken_in()?;
    let output: Value = node.call("gettxout", json!([coinbase, 0]))?;
    let amount = Amount::from_str_in(&output["value"].to_string(), bitcoin::Denomination::Bitcoin)?;
    Ok((OutPoint::new(coinbase, 0), amount.to_sat()))
}

/// What the books credit to the miner.
fn credited(treasury: &Treasury) -> Result<u64, Failure> {
    let balance = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    let mut accounts = items(&balance["accounts"])?.iter();
    let miners = accounts.find(|one| one["account"] == "deposits_settled/miner");
    let sat = |name: &str| miners.map_or(0, |one| one[name].as_u64().unwrap_or(0));
    Ok(sat("credit_sat") - sat("debit_sat"))
}

/// 1. A reward with 99 confirmations is not credited; a block later it is.
/// 2. With 101 it survives reorgs of 99 and of 100 blocks, credited once.
/// 3. One of 101 blocks takes its own block: the reward is gone for ever, and its credit with it.
/// 4. One that a reorg takes a block before it is ripe is never credited.
/// 5. Ledger and node agree each time.
fn a_coinbase_deposit_lives_and_dies_with_its_block(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let (coin, amount) = mined_in(&treasury, RIPE - 1)?;
    treasury.deposit_becomes(coin, "confirmed")?;
    assert_eq!(credited(&treasury)?, 0, "unripe");
    treasury.node.mine(1)?;
    treasury.deposit_becomes(coin, "settled")?;
    assert_eq!(credited(&treasury)?, amount, "ripe");
    // The coin has one confirmation more than before after each: the new branch is a block longer.
    for depth in [RIPE - 1, RIPE] {
        treasury.node.reorg(depth)?;
        treasury.all_is_taken_in()?;
        treasury.deposit_becomes(coin, "settled")?;
        assert_eq!(credited(&treasury)?, amount, "a reorg of {depth}");
        treasury.reconcile()?;
    }
    let confirmations = treasury.node.height()? + 1 - height_of(&treasury, coin)?;
    assert_eq!(confirmations, RIPE + 2);
    treasury.node.reorg(confirmations)?;
    treasury.deposit_becomes(coin, "gone")?;
    treasury.all_is_taken_in()?;
    assert_eq!(credited(&treasury)?, 0, "its block is gone");
    treasury.reconcile()?;

    let (unripe, _) = mined_in(&treasury, RIPE - 1)?;
    treasury.deposit_becomes(unripe, "confirmed")?;
    treasury.node.reorg(RIPE - 1)?;
    treasury.deposit_becomes(unripe, "gone")?;
    treasury.all_is_taken_in()?;
    assert_eq!(credited(&treasury)?, 0, "never ripe");
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

fn height_of(treasury: &Treasury, coin: OutPoint) -> Result<u32, Failure> {
    let output: Value = treasury
        .node
        .call("gettxout", json!([coin.txid, coin.vout]))?;
    let confirmations = u32::try_from(output["confirmations"].as_u64().unwrap_or_default())?;
    Ok(treasury.node.height()? + 1 - confirmations)
}

#[test]
fn a_coinbase_deposit_lives_and_dies_with_its_block_on_sqlite() -> Outcome {
    a_coinbase_deposit_lives_and_dies_with_its_block(Engine::Sqlite)
}

#[test]
fn a_coinbase_deposit_lives_and_dies_with_its_block_on_postgres() -> Outcome {
    a_coinbase_deposit_lives_and_dies_with_its_block(Engine::Postgres)
}

/// 1. Three payouts, each out of the change of the one before, are confirmed some blocks apart and settled.
/// 2. A reorg of 20 blocks takes all of them. The node forgets what was deeper than ten blocks, and so cannot keep
///    what descends from it.
/// 3. The watchtower sends all of them again, by itself; they are mined and settled again, each once.
fn payouts_deeper_than_a_node_remembers_are_mined_again(engine: Engine) -> Outcome {
    let node = Bitcoind::start()?;
    let mut treasury = Treasury::start_on_node(node, ScriptKind::Wsh, engine, hot_wallet)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let mut paid = Vec::new();
    for (number, blocks) in [(1_u8, 4), (2, 8), (3, 6)] {
        let (id, to) = (format!("w-{number}"), Purse::stranger(number));
        let amount = Amount::from_sat(1_000_000 + u64::from(number));
        treasury.withdraw(&id, &to, amount)?;
        let txid = treasury.batch()?;
        treasury.countersign(&treasury.people.machine, txid)?;
        treasury.reaches_mempool(txid)?;
        treasury.node.mine(blocks)?;
        treasury.withdrawal_becomes(&id, "settled")?;
        paid.push((id, to, amount, txid));
    }
    treasury.node.reorg(20)?;
    assert!(treasury.node.mempool()?.is_empty(), "the node remembers");
    wait_until("all payouts to be in the mempool again", LONG, || {
        let mempool = treasury.node.mempool()?;
        let all = paid.iter().all(|(.., txid)| mempool.contains(txid));
        Ok(all.then_some(()))
    })?;
    treasury.node.mine(3)?;
    for (id, to, amount, txid) in &paid {
        treasury.withdrawal_becomes(id, "settled")?;
        treasury.attempt_becomes(*txid, "settled")?;
        assert_eq!(treasury.received(to)?, *amount, "{id}");
    }
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn payouts_deeper_than_a_node_remembers_are_mined_again_on_sqlite() -> Outcome {
    payouts_deeper_than_a_node_remembers_are_mined_again(Engine::Sqlite)
}

#[test]
fn payouts_deeper_than_a_node_remembers_are_mined_again_on_postgres() -> Outcome {
    payouts_deeper_than_a_node_remembers_are_mined_again(Engine::Postgres)
}
