//! Transactions handed over for broadcast, and spends that nobody handed over.

use bitcoin::{Amount, FeeRate, OutPoint, Transaction, transaction};
use harness::{Bitcoind, Engine, Failure, LONG, Outcome, Purse, wait_until};
use policies::Keychain;
use watchtower::answer::SendAnswer;
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

/// 1. A payment and one of its change are confirmed, and a reorg makes the node forget both.
/// 2. Both are sent again, the parent first, and mined again.
#[test]
fn chain_of_payments_is_sent_again_parents_first() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let parent = payment(&tower)?;
    hand_over(&tower, &parent)?;
    let coin = (
        OutPoint::new(parent.compute_txid(), 1),
        AMOUNT - PAID - Amount::from_sat(1000),
        Keychain::Internal,
        0,
    );
    let to = (
        Purse::stranger(1).script_pubkey(),
        Amount::from_sat(300_000),
    );
    let child = spend(coin, to, None);
    // Handed over before its parent is anywhere, and by a time that says nothing.
    hand_over(&tower, &child)?;
    let both = [&parent, &child].map(Transaction::compute_txid);
    let in_mempool = || {
        let mempool = tower.node.mempool()?;
        Ok(both.iter().all(|txid| mempool.contains(txid)).then_some(()))
    };
    wait_until("both in the mempool", LONG, in_mempool)?;
    tower.node.mine(12)?;
    tower.catches_up()?;
    tower.node.reorg(12)?;
    wait_until("both in the mempool again", LONG, in_mempool)?;
    tower.node.mine(2)?;
    tower.catches_up()?;
    for txid in both {
        let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
        assert!(stored.is_some_and(|stored| stored.settled));
    }
    Ok(())
}

/// 1. A node that keeps no mempool over a restart has taken a payment, and is started again.
/// 2. The payment is sent again.
#[test]
fn payment_rejoins_a_mempool_that_a_restart_emptied() -> Outcome {
    let node = Bitcoind::start_with(&["-persistmempool=0"])?;
    let mut tower = Tower::prepare_on(Engine::Sqlite, node)?;
    tower.run();
    tower.catches_up()?;
    let payment = payment(&tower)?;
    let txid = payment.compute_txid();
    hand_over(&tower, &payment)?;
    let present = |tower: &Tower| Ok(tower.node.mempool()?.contains(&txid).then_some(()));
    wait_until("the payment in the mempool", LONG, || present(&tower))?;
    tower.node.pause()?;
    tower.node.resume()?;
    wait_until("the payment in the mempool again", LONG, || present(&tower))?;
    tower.node.mine(2)?;
    tower.catches_up()?;
    let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
    assert!(stored.is_some_and(|stored| stored.settled));
    Ok(())
}

/// 1. What a payment spends is nowhere: it is refused, again and again, and its next turn is an hour away.
/// 2. What it spends comes into the mempool: the payment is sent at once, without a block.
#[test]
fn payment_is_sent_at_once_when_what_it_spends_is_back() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let address = tower.address(Keychain::External, 0)?;
    let funding = tower.node.funding(&[(address, AMOUNT)])?;
    let vout = funding
        .output
        .iter()
        .position(|output| output.value == AMOUNT);
    let vout = u32::try_from(vout.ok_or_else(|| Failure::new("no output"))?)?;
    let coin = OutPoint::new(funding.compute_txid(), vout);
    let payment = spend(
        (coin, AMOUNT, Keychain::External, 0),
        (Purse::stranger(0).script_pubkey(), PAID),
        None,
    );
    let txid = payment.compute_txid();
    hand_over(&tower, &payment)?;
    let broadcast = || {
        let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
        Ok::<_, Failure>(stored.and_then(|stored| stored.broadcast))
    };
    let refused = wait_until("the refusal", LONG, || {
        Ok(broadcast()?.filter(|one| one.class == Some(SendAnswer::InputsGone)))
    })?;
    let later = outgoing::Broadcast {
        next_at: refused.at.saturating_add(3_600),
        ..refused
    };
    tower.ask(async |tx| Ok(outgoing::record_answer(tx, txid, &later).await?))?;
    tower.node.broadcast(&funding)?;
    wait_until("the payment in the mempool", LONG, || {
        Ok(tower.node.mempool()?.contains(&txid).then_some(()))
    })
}

/// 1. The least that the node takes rises above what a payment pays: it is unknown, and it is said why.
/// 2. A child of ours that pays for both is handed over: they are sent together, and the node takes both.
#[test]
fn payment_below_the_minimum_goes_with_the_child_that_pays_for_it() -> Outcome {
    let mut tower = Tower::start(Engine::Sqlite)?;
    // Nodes take a parent below their own minimum in packages of version 3 only (BIP 431).
    let third = |mut transaction: Transaction| {
        transaction.version = transaction::Version::non_standard(3);
        transaction
    };
    let parent = third(payment(&tower)?);
    tower.node.pause()?;
    tower.node.resume_with(&["-minrelaytxfee=0.0002"])?;
    hand_over(&tower, &parent)?;
    let class = |txid| {
        let stored = tower.ask(async |tx| Ok(outgoing::outgoing(tx, txid).await?))?;
        Ok::<_, Failure>(stored.and_then(|stored| stored.broadcast?.class))
    };
    let txid = parent.compute_txid();
    wait_until("the refusal", LONG, || {
        Ok((class(txid)? == Some(SendAnswer::BelowMinimum)).then_some(()))
    })?;
    let coin = (
        OutPoint::new(txid, 1),
        AMOUNT - PAID - Amount::from_sat(1000),
        Keychain::Internal,
        0,
    );
    let to = (
        Purse::stranger(1).script_pubkey(),
        Amount::from_sat(300_000),
    );
    let child = third(spend(coin, to, None));
    hand_over(&tower, &child)?;
    wait_until("both in the mempool", LONG, || {
        let mempool = tower.node.mempool()?;
        let both = [txid, child.compute_txid()];
        Ok(both.iter().all(|one| mempool.contains(one)).then_some(()))
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
    let incremental = said.incremental.map(|more| more.feerate);
    assert!(
        incremental.is_some_and(|more| more > FeeRate::ZERO),
        "{incremental:?}"
    );
    Ok(())
}
