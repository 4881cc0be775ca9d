//! Deposits from the mempool to the books, through reorgs and restarts.

use bitcoin::{Amount, OutPoint};
use harness::{Engine, Failure, LONG, Outcome, wait_until};
use policies::Keychain;
use watchtower::ledger::{Account, Posting};
use watchtower::store::{coins, events, ledger, reconciliation};

use crate::watchtower_tower::{DEPTH, KEYSET, NOW, Tower, VAULT};

const AMOUNT: Amount = Amount::from_sat(1_000_000);

fn reconciles(tower: &Tower) -> Result<reconciliation::Reconciliation, Failure> {
    let request = tower.ask(async |tx| Ok(reconciliation::request(tx, VAULT, NOW).await?))?;
    wait_until("the reconciliation", LONG, || {
        tower.ask(async |tx| Ok(reconciliation::result(tx, request).await?))
    })
}

/// 1. Two outputs of one transaction pay two addresses: seen, confirmed, settled.
/// 2. Both are spendable with their whole funding transaction.
/// 3. The books, the coins and the node agree, and the event chain holds.
fn deposits_are_followed_until_they_are_spendable(engine: Engine) -> Outcome {
    let tower = Tower::start(engine)?;
    let payments = [
        (tower.address(Keychain::External, 0)?, AMOUNT),
        (tower.address(Keychain::External, 1)?, AMOUNT * 2),
    ];
    let txid = tower.node.fund_all(&payments)?;
    let ids = [0, 1].map(|vout| OutPoint { txid, vout }.to_string());
    for id in &ids {
        tower.expect("deposit", id, &["deposit.seen"])?;
    }
    tower.node.mine(1)?;
    for id in &ids {
        tower.expect("deposit", id, &["deposit.seen", "deposit.confirmed"])?;
    }
    tower.node.mine(DEPTH - 1)?;
    for id in &ids {
        tower.expect(
            "deposit",
            id,
            &["deposit.seen", "deposit.confirmed", "deposit.settled"],
        )?;
    }
    let spendable = tower.ask(async |tx| Ok(coins::spendable_coins(tx, VAULT, KEYSET).await?))?;
    assert_eq!(spendable.len(), 2);
    assert!(
        spendable
            .iter()
            .all(|coin| coin.funding.compute_txid() == txid)
    );
    let result = reconciles(&tower)?;
    assert!(result.agrees, "{result:?}");
    assert_eq!((result.node, result.coins), (AMOUNT * 3, 2));
    let (count, _) = tower.ask(async |tx| Ok(events::verify_chain(tx).await?))?;
    assert!(count >= 6);
    Ok(())
}

#[test]
fn deposits_are_followed_until_they_are_spendable_on_sqlite() -> Outcome {
    deposits_are_followed_until_they_are_spendable(Engine::Sqlite)
}

#[test]
fn deposits_are_followed_until_they_are_spendable_on_postgres() -> Outcome {
    deposits_are_followed_until_they_are_spendable(Engine::Postgres)
}

/// 1. A deposit settles.
/// 2. A reorg deeper than its settlement takes it back, and its credit.
/// 3. It is mined again and credited again, once.
fn reorg_takes_a_settled_deposit_back_and_brings_it_again(engine: Engine) -> Outcome {
    let tower = Tower::start(engine)?;
    let address = tower.address(Keychain::External, 0)?;
    let txid = tower.node.fund(&address, AMOUNT)?;
    tower.node.mine(DEPTH)?;
    tower.catches_up()?;
    let settled = Account::DepositsSettled(None);
    let credited = || -> Result<i64, Failure> {
        let balances = tower.ask(async |tx| Ok(ledger::balances(tx, VAULT).await?))?;
        let found = balances.iter().find(|balance| balance.account == settled);
        Ok(found.map_or(0, |balance| -balance.net().to_sat()))
    };
    assert_eq!(credited()?, 1_000_000);
    tower.node.reorg(DEPTH)?;
    tower.catches_up()?;
    assert_eq!(credited()?, 0);
    tower.node.mine(DEPTH)?;
    tower.catches_up()?;
    assert_eq!(credited()?, 1_000_000);
    let kinds = tower.kinds("deposit", &OutPoint { txid, vout: 0 }.to_string())?;
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "deposit.reversed")
            .count(),
        1
    );
    let result = reconciles(&tower)?;
    assert!(result.agrees, "{result:?}");
    Ok(())
}

#[test]
fn reorg_takes_a_settled_deposit_back_and_brings_it_again_on_sqlite() -> Outcome {
    reorg_takes_a_settled_deposit_back_and_brings_it_again(Engine::Sqlite)
}

#[test]
fn reorg_takes_a_settled_deposit_back_and_brings_it_again_on_postgres() -> Outcome {
    reorg_takes_a_settled_deposit_back_and_brings_it_again(Engine::Postgres)
}

/// 1. A deposit is replaced in the mempool by a transaction that pays others.
/// 2. Another is confirmed, then double-spent in the blocks of a reorg.
#[test]
fn replaced_deposit_names_its_rival_in_the_mempool_and_in_a_block() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let address = tower.address(Keychain::External, 0)?;
    let first = tower.node.funding(&[(address.clone(), AMOUNT)])?;
    let id = OutPoint {
        txid: tower.node.broadcast(&first)?,
        vout: 0,
    }
    .to_string();
    tower.expect("deposit", &id, &["deposit.seen"])?;
    let rival = tower.node.conflicting(&first)?;
    tower.node.broadcast(&rival)?;
    tower.expect("deposit", &id, &["deposit.seen", "deposit.replaced"])?;
    tower.node.mine(1)?;

    let second = tower.node.funding(&[(address, AMOUNT)])?;
    let id = OutPoint {
        txid: tower.node.broadcast(&second)?,
        vout: 0,
    }
    .to_string();
    tower.node.mine(1)?;
    tower.catches_up()?;
    let rival = tower.node.conflicting(&second)?;
    tower.node.reorg_with(1, &[rival])?;
    tower.catches_up()?;
    wait_until("the rival to be named", LONG, || {
        let kinds = tower.kinds("deposit", &id)?;
        let ends = ["deposit.confirmed", "deposit.reversed", "deposit.replaced"];
        Ok(kinds.ends_with(&ends.map(str::to_owned)).then_some(()))
    })?;
    assert_eq!(reconciles(&tower)?.node, Amount::ZERO);
    Ok(())
}

/// 1. The watchtower is killed again and again while blocks and reorgs go on.
/// 2. Once it runs, its books are those of the chain.
#[test]
fn watchtower_killed_anywhere_catches_up_to_the_chain() -> Outcome {
    let mut tower = Tower::start(Engine::Sqlite)?;
    for index in 0..4 {
        let address = tower.address(Keychain::External, index)?;
        tower.node.fund(&address, AMOUNT)?;
        tower.node.mine(5)?;
        tower.kill();
        tower.node.reorg(3)?;
        tower.node.mine(4)?;
        tower.run();
    }
    tower.catches_up()?;
    let result = reconciles(&tower)?;
    assert!(result.agrees, "{result:?}");
    assert_eq!(result.node, AMOUNT * 4);
    tower.stop()
}

/// 1. Somebody books a coin that is not there.
/// 2. The reconciliation says so, and an event tells everyone.
#[test]
fn books_that_differ_from_the_node_are_told() -> Outcome {
    let tower = Tower::start(Engine::Sqlite)?;
    let posting = Posting {
        vault: VAULT,
        cause: "a lie".to_owned(),
        debit: Account::Coins,
        credit: Account::Clearing,
        amount: AMOUNT,
    };
    tower.ask(async |tx| Ok(ledger::post(tx, &posting, NOW).await?))?;
    let result = reconciles(&tower)?;
    assert!(!result.agrees);
    wait_until("the alarm", LONG, || {
        let kinds = tower.kinds("vault", &VAULT.to_string())?;
        Ok(kinds
            .contains(&"reconciliation.differs".to_owned())
            .then_some(()))
    })
}
