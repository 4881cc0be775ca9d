//! The harness itself: what scenarios take for granted.

use bitcoin::{Amount, Network};
use harness::{Bitcoind, Outcome, People, Postgres, Program, Purse, Role, ScriptKind};
use serde_json::json;

/// 1. A fresh chain has 120 blocks.
/// 2. Mining adds to it.
#[test]
fn node_mines() -> Outcome {
    let node = Bitcoind::start()?;
    assert_eq!(node.height()?, 120);
    let blocks = node.mine(3)?;
    assert_eq!(node.height()?, 123);
    assert_eq!(blocks.last(), Some(&node.best_block()?));
    Ok(())
}

/// 1. Two amounts go out in one transaction.
/// 2. A block confirms both.
/// 3. Several payments go out before the next block.
#[test]
fn purse_pays_several_at_once_and_in_a_row() -> Outcome {
    let node = Bitcoind::start()?;
    let amount = Amount::from_sat(1_234_567);
    let txid = node.fund_all(&[(Purse::stranger(0), amount), (Purse::stranger(1), amount)])?;
    assert_eq!(node.mempool()?, [txid]);
    node.mine(1)?;
    assert!(node.mempool()?.is_empty());
    for output in 0..2 {
        let found: serde_json::Value = node.call("gettxout", json!([txid, output]))?;
        assert_eq!(found["confirmations"], 1);
    }
    for n in 2..7 {
        node.fund(&Purse::stranger(n), Amount::ONE_BTC)?;
    }
    assert_eq!(node.mempool()?.len(), 5);
    Ok(())
}

/// 1. A payment confirms.
/// 2. A reorg takes it back to the mempool.
/// 3. A block brings it again.
#[test]
fn reorg_takes_a_payment_back_and_a_block_brings_it_again() -> Outcome {
    let node = Bitcoind::start()?;
    let txid = node.fund(&Purse::stranger(0), Amount::ONE_BTC)?;
    node.mine(2)?;
    let reorg = node.reorg(2)?;
    assert_eq!((reorg.gone.len(), reorg.new.len()), (2, 3));
    assert_eq!(node.height()?, 123);
    assert_eq!(node.mempool()?, [txid]);
    node.mine(1)?;
    assert!(node.mempool()?.is_empty());
    Ok(())
}

/// 1. A payment confirms.
/// 2. A reorg whose blocks spend its coins otherwise removes it for good.
#[test]
fn reorg_with_a_conflict_removes_a_payment_for_good() -> Outcome {
    let node = Bitcoind::start()?;
    let payment = node.funding(&[(Purse::stranger(0), Amount::ONE_BTC)])?;
    node.broadcast(&payment)?;
    node.mine(1)?;
    let conflict = node.conflicting(&payment)?;
    node.reorg_with(1, &[conflict])?;
    assert!(node.mempool()?.is_empty());
    let gone: Option<serde_json::Value> =
        node.call("gettxout", json!([payment.compute_txid(), 0]))?;
    assert_eq!(gone, None);
    Ok(())
}

/// 1. Two nodes have chains of their own.
/// 2. The one that follows the other takes the longer chain.
#[test]
fn node_follows_another() -> Outcome {
    let (node, follower) = (Bitcoind::start()?, Bitcoind::start_empty()?);
    follower.follow(&node)?;
    assert_eq!(follower.height()?, 120);
    Ok(())
}

/// 1. A node stops.
/// 2. It comes back with the chain it had.
#[test]
fn node_comes_back_with_its_chain() -> Outcome {
    let mut node = Bitcoind::start()?;
    let best = node.best_block()?;
    node.pause()?;
    assert!(node.best_block().is_err());
    node.resume()?;
    assert_eq!(node.best_block()?, best);
    Ok(())
}

/// Addresses of strangers are regtest's, and each is another.
#[test]
fn strangers_differ() {
    let addresses: std::collections::BTreeSet<String> =
        (0..50).map(|n| Purse::stranger(n).to_string()).collect();
    assert_eq!(addresses.len(), 50);
    let unchecked = Purse::stranger(7).into_unchecked();
    assert!(unchecked.require_network(Network::Regtest).is_ok());
}

/// 1. A server starts with an empty database and full durability.
/// 2. It crashes.
/// 3. What was committed is there.
#[test]
fn postgres_keeps_what_was_committed_through_a_crash() -> Outcome {
    let mut postgres = Postgres::start()?;
    assert_eq!(postgres.sql("SHOW fsync")?.trim(), "on");
    postgres.sql("CREATE TABLE money (sat BIGINT)")?;
    postgres.sql("INSERT INTO money VALUES (21)")?;
    postgres.crash()?;
    assert_eq!(postgres.sql("SELECT sat FROM money")?.trim(), "21");
    assert!(
        postgres
            .url(Role::Coordinator)
            .starts_with("postgres://countersign_coordinator@")
    );
    Ok(())
}

/// Every program that scenarios run is there, and answers.
#[test]
fn programs_are_built_beside_the_tests() -> Outcome {
    for name in [
        "countersign-coordinator",
        "countersign-signer",
        "countersign-watchtower",
    ] {
        Program::find(name)?;
    }
    Ok(())
}

/// 1. Four signers and an approver make their keys.
/// 2. A policy names them, and each pins it with the own tool.
/// 3. Each journal proves itself.
#[test]
fn people_agree_on_a_policy() -> Outcome {
    let node = Bitcoind::start()?;
    let people = People::agree(ScriptKind::Wsh, &node)?;
    for signer in [&people.alice, &people.bob, &people.machine] {
        let journal = signer.run(&["journal", "verify"])?.done()?.json()?;
        assert_eq!(journal["vault"], people.policy.vault.to_string());
    }
    Ok(())
}
