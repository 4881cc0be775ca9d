//! Money coming in: seen, confirmed, settled, and taken back when the chain takes it back.

use bitcoin::{Amount, OutPoint};
use harness::{Engine, Failure, Outcome, SHORT, ScriptKind, Treasury, wait_until};
use serde_json::Value;

const AMOUNT: Amount = Amount::from_sat(12_345_678);

/// One figure of the vault's balance.
fn balance(treasury: &Treasury, figure: &str) -> Result<u64, Failure> {
    let answer: Value = treasury.auditor().get(&treasury.path("/balance"))?.done()?;
    answer[figure]
        .as_u64()
        .ok_or_else(|| Failure::new(format!("no {figure}: {answer}")))
}

fn is_settled(treasury: &Treasury, sat: u64) -> Outcome {
    wait_until(&format!("{sat} sat to be settled"), SHORT, || {
        Ok((balance(treasury, "settled_sat")? == sat).then_some(()))
    })
}

/// 1. A deposit is seen in the mempool; nothing is credited.
/// 2. A block confirms it; still nothing may be spent.
/// 3. At the policy's depth it settles, is credited once, and ledger and node agree.
fn a_deposit_settles(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let address = treasury.new_address("customer 7")?;
    let outpoint = treasury.pay_in(&address, AMOUNT)?;
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    assert_eq!(balance(&treasury, "settled_sat")?, 0);
    treasury.node.mine(1)?;
    treasury.deposit_becomes(outpoint, "confirmed")?;
    assert_eq!(balance(&treasury, "settled_sat")?, 0);
    treasury.node.mine(2)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.node.mine(5)?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

#[test]
fn deposit_is_seen_confirmed_and_settled_on_sqlite() -> Outcome {
    a_deposit_settles(Engine::Sqlite)
}

#[test]
fn deposit_is_seen_confirmed_and_settled_on_postgres() -> Outcome {
    a_deposit_settles(Engine::Postgres)
}

/// 1. A deposit confirms.
/// 2. A reorg takes its block: it is only seen again.
/// 3. A block brings it back, and it settles, credited once.
#[test]
fn reorg_takes_a_deposit_back_and_brings_it_again() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let outpoint = treasury.pay_in(&treasury.new_address("")?, AMOUNT)?;
    treasury.node.mine(2)?;
    treasury.deposit_becomes(outpoint, "confirmed")?;
    treasury.node.reorg(2)?;
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    assert_eq!(balance(&treasury, "settled_sat")?, 0);
    treasury.node.mine(3)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// 1. A deposit settles and is credited.
/// 2. A reorg deeper than the settlement takes its block: the credit is taken back by a reversing
///    entry, and the watchtower goes on.
/// 3. It settles again and is credited again: once, in sum.
fn a_settled_deposit_is_taken_back(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Tr, engine)?;
    let outpoint = treasury.deposit(AMOUNT)?;
    treasury.node.mine(2)?;
    treasury.node.reorg(5)?;
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    is_settled(&treasury, 0)?;
    treasury.reconcile()?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn reorg_after_settlement_takes_the_credit_back_on_sqlite() -> Outcome {
    a_settled_deposit_is_taken_back(Engine::Sqlite)
}

#[test]
fn reorg_after_settlement_takes_the_credit_back_on_postgres() -> Outcome {
    a_settled_deposit_is_taken_back(Engine::Postgres)
}

/// 1. A deposit settles.
/// 2. A reorg replaces its block by one that spends the payer's coins otherwise: the deposit can
///    never come back.
/// 3. The credit is gone, the deposit is no longer shown as money, and the books agree.
#[test]
fn reorg_with_a_conflict_takes_a_settled_deposit_for_good() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let address = treasury.new_address("")?;
    let payment = treasury.node.funding(&[(address, AMOUNT)])?;
    let outpoint = OutPoint::new(treasury.node.broadcast(&payment)?, 0);
    treasury.node.mine(3)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    let conflict = treasury.node.conflicting(&payment)?;
    treasury.node.reorg_with(3, &[conflict])?;
    is_settled(&treasury, 0)?;
    // On the way there it is unconfirmed, until the conflicting block is read.
    wait_until("the deposit to be money no more", SHORT, || {
        let state = treasury.deposit_state(outpoint)?;
        let money = matches!(
            state.as_deref(),
            Some("unconfirmed" | "confirmed" | "settled")
        );
        Ok((!money).then_some(()))
    })?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// 1. One transaction pays three addresses of the vault, one of them twice.
/// 2. Each output is a deposit of its own, credited once.
#[test]
fn outputs_of_one_transaction_are_deposits_of_their_own() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let mut payments = Vec::new();
    for n in 1..=3 {
        payments.push((treasury.new_address("")?, Amount::from_sat(1_000_000 * n)));
    }
    payments.push((payments[0].0.clone(), Amount::from_sat(500_000)));
    let txid = treasury.node.fund_all(&payments)?;
    treasury.node.mine(3)?;
    for vout in 0..4 {
        treasury.deposit_becomes(OutPoint::new(txid, vout), "settled")?;
    }
    is_settled(&treasury, 6_500_000)?;
    treasury.reconcile()?;
    Ok(())
}

/// 1. A deposit is seen.
/// 2. Its payer replaces it by a transaction that pays somebody else, which confirms.
/// 3. Nothing is credited, and the deposit is no longer expected.
#[test]
fn replaced_deposit_is_never_credited() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let address = treasury.new_address("")?;
    let payment = treasury.node.funding(&[(address, AMOUNT)])?;
    let outpoint = OutPoint::new(treasury.node.broadcast(&payment)?, 0);
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    let replacement = treasury.node.conflicting(&payment)?;
    treasury.node.broadcast(&replacement)?;
    treasury.node.mine(3)?;
    wait_until("the deposit to be gone", SHORT, || {
        let state = treasury.deposit_state(outpoint)?;
        Ok((!matches!(
            state.as_deref(),
            Some("unconfirmed" | "confirmed" | "settled")
        ))
        .then_some(()))
    })?;
    assert_eq!(balance(&treasury, "settled_sat")?, 0);
    treasury.reconcile()?;
    Ok(())
}

/// 1. The coordinator stops.
/// 2. Meanwhile deposits come in, one settles, one only confirms, and a reorg happens.
/// 3. It comes back and finds everything as the chain shows it.
#[test]
fn watchtower_catches_up_after_a_stop() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let (first, second) = (treasury.new_address("")?, treasury.new_address("")?);
    treasury.coordinator.stop()?;
    let settled = treasury.pay_in(&first, AMOUNT)?;
    treasury.node.mine(30)?;
    treasury.node.reorg(4)?;
    let confirmed = treasury.pay_in(&second, AMOUNT)?;
    treasury.node.mine(1)?;
    treasury.coordinator.resume()?;
    treasury.deposit_becomes(settled, "settled")?;
    treasury.deposit_becomes(confirmed, "confirmed")?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// For each of several moments in the life of a deposit:
/// 1. the coordinator is killed;
/// 2. it comes back, and the deposit goes on, credited once.
fn a_deposit_survives_crashes(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let address = treasury.new_address("")?;
    treasury.coordinator.kill()?;
    let outpoint = treasury.pay_in(&address, AMOUNT)?;
    treasury.coordinator.resume()?;
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    for _ in 0..4 {
        treasury.node.mine(1)?;
        treasury.coordinator.kill()?;
        treasury.coordinator.resume()?;
    }
    treasury.deposit_becomes(outpoint, "settled")?;
    treasury.node.reorg(4)?;
    treasury.coordinator.kill()?;
    treasury.coordinator.resume()?;
    treasury.deposit_becomes(outpoint, "unconfirmed")?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    is_settled(&treasury, AMOUNT.to_sat())?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn deposit_survives_crashes_on_sqlite() -> Outcome {
    a_deposit_survives_crashes(Engine::Sqlite)
}

#[test]
fn deposit_survives_crashes_on_postgres() -> Outcome {
    a_deposit_survives_crashes(Engine::Postgres)
}

/// 1. The node goes away: status says so, and nothing is credited.
/// 2. It comes back with a new cookie; a deposit settles.
#[test]
fn absent_node_is_shown_and_waited_for() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let address = treasury.new_address("")?;
    treasury.node.pause()?;
    wait_until("status to show the trouble", SHORT, || {
        let status = treasury.auditor().get("/status")?.done()?;
        let trouble = |node: &Value| node["trouble"].is_string();
        Ok(status["nodes"]
            .as_array()
            .is_some_and(|nodes| nodes.iter().any(trouble))
            .then_some(()))
    })?;
    treasury.node.resume()?;
    let outpoint = treasury.pay_in(&address, AMOUNT)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(outpoint, "settled")?;
    treasury.must_be_well()
}
