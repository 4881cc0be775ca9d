//! Transactions handed over for broadcast, and spends that nobody handed over.

use bitcoin::{Amount, FeeRate, OutPoint, Transaction};
use harness::{Engine, Failure, LONG, Outcome, Purse, wait_until};
use policies::Keychain;
use watchtower::ledger::Account;
use watchtower::store::{fees, ledger, mempool_test, outgoing};

use crate::watchtower_tower::{DEPTH, NOW, Tower, VAULT, spend};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const PAID: Amount = Amount::from_sat(600_000);

/// A settled deposit, and a transaction that pays a stranger from it with change.
fn payment(tower: &Tower) -> Result<Transaction, Failure> {
    let address = tower.address(Keychain::External, 0)?;
    let change = tower.address(Keychain::Internal, 0)?;
    let txid = tower.node.fund(&address, AMOUNT)?;
    tower.node.mine(DEPTH)?;
    tower.catches_up()?;
    let coin = (OutPoint { txid, vout: 0 }, AMOUNT, Keychain::External, 0);
    Ok(spend(
        coin,
        (Purse::stranger(0).script_pubkey(), PAID),
        Some(change.script_pubkey()),
    ))
}

fn hand_over(tower: &Tower, transaction: &Transaction) -> Outcome {
    tower.ask(async |tx| Ok(outgoing::add_outgoing(tx, VAULT, transaction, 2, NOW).await?))
}

/// 1. The mempool is asked about a payment and would take it.
/// 2. The payment is handed over: sent, seen, confirmed, settled.
/// 3. What it paid and its fee stand in clearing, until the coordinator books them.
fn payment_is_sent_and_followed_until_settled(engine: Engine) -> Outcome {
    let tower = Tower::start(engine)?;
    let payment = payment(&tower)?;
    let txid = payment.compute_txid();
    tower.ask(async |tx| Ok(mempool_test::request_mempool_test(tx, &payment, NOW).await?))?;
    let test = wait_until("the mempool test", LONG, || {
        tower.ask(async |tx| Ok(mempool_test::mempool_test_result(tx, txid).await?))
    })?;
    assert!(test.allowed, "{test:?}");
    hand_over(&tower, &payment)?;
    let id = txid.to_string();
    tower.expect("transaction", &id, &["outgoing.accepted", "spend.seen"])?;
    tower.node.mine(2)?;
    tower.expect(
        "transaction",
        &id,
        &[
            "outgoing.accepted",
            "spend.seen",
            "spend.confirmed",
            "spend.settled",
        ],
    )?;
    let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
    assert!(stored.is_some_and(|stored| stored.settled));
    let balances = tower.ask(async |tx| Ok(ledger::balances(tx, VAULT).await?))?;
    let clearing = balances
        .iter()
        .find(|balance| balance.account == Account::Clearing);
    assert_eq!(
        clearing.map(|balance| balance.net().to_sat()),
        Some(601_000)
    );
    Ok(())
}

#[test]
fn payment_is_sent_and_followed_until_settled_on_sqlite() -> Outcome {
    payment_is_sent_and_followed_until_settled(Engine::Sqlite)
}

#[test]
fn payment_is_sent_and_followed_until_settled_on_postgres() -> Outcome {
    payment_is_sent_and_followed_until_settled(Engine::Postgres)
}

/// 1. A payment is confirmed.
/// 2. A reorg so deep that the node forgets its transactions.
/// 3. The payment is sent again, and mined again.
#[test]
fn payment_is_sent_again_after_a_reorg_that_the_mempool_forgets() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let payment = payment(&tower)?;
    let txid = payment.compute_txid();
    hand_over(&tower, &payment)?;
    tower.expect(
        "transaction",
        &txid.to_string(),
        &["outgoing.accepted", "spend.seen"],
    )?;
    tower.node.mine(12)?;
    tower.catches_up()?;
    tower.node.reorg(12)?;
    wait_until("the payment to be back in the mempool", LONG, || {
        Ok(tower.node.mempool()?.contains(&txid).then_some(()))
    })?;
    tower.node.mine(2)?;
    tower.catches_up()?;
    let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
    assert!(stored.is_some_and(|stored| stored.settled));
    Ok(())
}

/// 1. A transaction that the node refuses stays unknown and is tried again.
/// 2. Nothing is ever given up.
#[test]
fn refused_transaction_stays_unknown() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let coin = (OutPoint::default(), AMOUNT, Keychain::External, 9);
    let impossible = spend(
        (OutPoint { vout: 3, ..coin.0 }, coin.1, coin.2, coin.3),
        (Purse::stranger(0).script_pubkey(), PAID),
        None,
    );
    hand_over(&tower, &impossible)?;
    let txid = impossible.compute_txid();
    tower.expect("transaction", &txid.to_string(), &["outgoing.unknown"])?;
    let again = wait_until("a second attempt", LONG, || {
        let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
        Ok(stored
            .and_then(|stored| stored.broadcast)
            .filter(|broadcast| broadcast.attempts > 1))
    })?;
    assert_eq!(again.answer, outgoing::Answer::Unknown);
    Ok(())
}

/// 1. A coin of the vault is spent by a transaction that nobody handed over.
/// 2. That is an alarm.
#[test]
fn spend_from_outside_the_pipeline_raises_the_alarm() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let theft = payment(&tower)?;
    tower.node.broadcast(&theft)?;
    let id = theft.compute_txid().to_string();
    tower.expect("transaction", &id, &["spend.unknown", "spend.seen"])?;
    tower.node.mine(1)?;
    tower.expect(
        "transaction",
        &id,
        &["spend.unknown", "spend.seen", "spend.confirmed"],
    )
}

/// A node on regtest has no estimate, and none is made up; what its mempool takes is known.
#[test]
fn no_estimate_of_the_node_is_no_estimate() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    tower.node.mine(1)?;
    tower.catches_up()?;
    let said = tower.ask(async |tx| Ok(fees::node_fees(tx).await?))?;
    assert!(said.estimates.is_empty());
    let least = said.least.map(|least| least.feerate);
    assert!(
        least.is_some_and(|least| least > FeeRate::ZERO),
        "{least:?}"
    );
    Ok(())
}
