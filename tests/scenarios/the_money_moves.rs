//! From a deposit to a settled withdrawal, the way it is meant to be.

use bitcoin::{Amount, Txid};
use harness::{
    AUTOMATIC_MAX_SAT, Engine, Failure, LONG, Outcome, Purse, ScriptKind, Settings, Treasury,
    hot_wallet, wait_until,
};
use serde_json::{Value, json};

const SMALL: Amount = Amount::from_sat(1_000_000);
const LARGE: Amount = Amount::from_sat(AUTOMATIC_MAX_SAT + 1);

/// What an address received, by the node's own account of its unspent outputs.
fn received(treasury: &Treasury, address: &bitcoin::Address) -> Result<Amount, Failure> {
    let script = format!("raw({})", address.script_pubkey().to_hex_string());
    let found: Value = treasury
        .node
        .call("scantxoutset", json!(["start", [script]]))?;
    let text = found["total_amount"].to_string();
    Ok(text.parse::<bitcoin::Denomination>().map_or_else(
        |_| Amount::from_str_in(&text, bitcoin::Denomination::Bitcoin),
        |_| Ok(Amount::ZERO),
    )?)
}

/// 1. A deposit settles.
/// 2. The service requests more than what is automatic; its state is `requested`.
/// 3. The approver reads and approves it with the own tool.
/// 4. A batch is made, and two signers countersign its PSBT.
/// 5. It is broadcast, confirmed and settled; the payee has the exact amount.
/// 6. Ledger and node agree, the events chain, and both witnesses of the money are free again.
fn a_withdrawal_settles(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(kind, engine)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    let intent = treasury.withdraw("w-1", &payee, LARGE)?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "requested");
    treasury.approve(&[&intent])?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    let txid = treasury.batch()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "signing");
    treasury.countersign(&treasury.people.alice, txid)?;
    assert!(
        treasury.node.mempool()?.is_empty(),
        "one signature moves nothing"
    );
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(received(&treasury, &payee)?, LARGE);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn withdrawal_settles_from_wsh_on_sqlite() -> Outcome {
    a_withdrawal_settles(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn withdrawal_settles_from_wsh_on_postgres() -> Outcome {
    a_withdrawal_settles(ScriptKind::Wsh, Engine::Postgres)
}

#[test]
fn withdrawal_settles_from_tr_on_sqlite() -> Outcome {
    a_withdrawal_settles(ScriptKind::Tr, Engine::Sqlite)
}

#[test]
fn withdrawal_settles_from_tr_on_postgres() -> Outcome {
    a_withdrawal_settles(ScriptKind::Tr, Engine::Postgres)
}

/// 1. A vault is made of an existing wallet's `wpkh` descriptor.
/// 2. A deposit settles, a withdrawal is requested and approved, and a batch pays it.
/// 3. The one signature suffices; the payee has the exact amount.
/// 4. A second withdrawal spends the change of the first.
/// 5. Ledger and node agree.
#[test]
fn withdrawal_settles_from_wpkh_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start_edited(ScriptKind::Wsh, Engine::Sqlite, hot_wallet)?;
    assert_eq!(treasury.people.policy.descriptor.kind(), ScriptKind::Wpkh);
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    let intent = treasury.withdraw("w-1", &payee, LARGE)?;
    treasury.approve(&[&intent])?;
    let txid = treasury.batch()?;
    assert!(treasury.node.mempool()?.is_empty());
    treasury.countersign(&treasury.people.machine, txid)?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(received(&treasury, &payee)?, LARGE);
    let second = Purse::stranger(2);
    treasury.withdraw("w-2", &second, SMALL)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.machine, txid)?;
    treasury.settle(txid, &["w-2"])?;
    assert_eq!(received(&treasury, &second)?, SMALL);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

/// For each two of the three signers, in either order of arrival:
/// 1. a deposit settles and a small withdrawal is requested, which needs no human;
/// 2. these two countersign;
/// 3. it settles.
fn every_pairing_moves_money(kind: ScriptKind) -> Outcome {
    let treasury = Treasury::start(kind, Engine::Sqlite)?;
    let people = &treasury.people;
    let pairings = [
        ("w-1", &people.alice, &people.bob),
        ("w-2", &people.machine, &people.bob),
        ("w-3", &people.machine, &people.alice),
    ];
    let mut total = Amount::ZERO;
    for (n, (id, first, second)) in (1..).zip(pairings) {
        // Equal payments to one script would be one line: the signers would refuse the second.
        let amount = SMALL + Amount::from_sat(n);
        total += amount;
        treasury.deposit(Amount::from_sat(20_000_000))?;
        treasury.withdraw(id, &Purse::stranger(2), amount)?;
        assert_eq!(treasury.withdrawal_state(id)?, "approved");
        let txid = treasury.batch()?;
        treasury.countersign(first, txid)?;
        treasury.countersign(second, txid)?;
        treasury.settle(txid, &[id])?;
    }
    assert_eq!(received(&treasury, &Purse::stranger(2))?, total);
    treasury.reconcile()?;
    Ok(())
}

#[test]
fn every_pairing_of_two_signers_moves_money_from_wsh() -> Outcome {
    every_pairing_moves_money(ScriptKind::Wsh)
}

#[test]
fn every_pairing_of_two_signers_moves_money_from_tr() -> Outcome {
    every_pairing_moves_money(ScriptKind::Tr)
}

/// 1. Five withdrawals are requested, three of them above what is automatic.
/// 2. One signature of the approver approves these three.
/// 3. One batch pays all five in one transaction, each exactly.
#[test]
fn five_withdrawals_settle_in_one_transaction() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Postgres)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let mut large = Vec::new();
    for n in 1..=5_u8 {
        let amount = if n > 2 { LARGE } else { SMALL } + Amount::from_sat(n.into());
        let intent = treasury.withdraw(&format!("w-{n}"), &Purse::stranger(n), amount)?;
        if n > 2 {
            large.push(intent);
        }
    }
    treasury.approve(&large.iter().collect::<Vec<_>>())?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.machine, txid)?;
    treasury.settle(txid, &["w-1", "w-2", "w-3", "w-4", "w-5"])?;
    for n in 1..=5_u8 {
        let amount = if n > 2 { LARGE } else { SMALL } + Amount::from_sat(n.into());
        assert_eq!(received(&treasury, &Purse::stranger(n))?, amount);
    }
    treasury.reconcile()?;
    Ok(())
}

/// 1. The coordinator makes batches by itself, every second.
/// 2. The automatic co-signer runs.
/// 3. A small withdrawal is requested: without anybody's doing it is batched and half signed.
/// 4. Alice signs on a machine without a network, from a file.
/// 5. It settles.
#[test]
fn automatic_cosigner_and_offline_signer_settle_an_interval_batch() -> Outcome {
    let settings = Settings {
        batch_interval_s: 1,
        ..Settings::default()
    };
    let mut treasury = Treasury::start_with(ScriptKind::Tr, Engine::Sqlite, &settings)?;
    treasury.deposit(Amount::ONE_BTC)?;
    treasury.start_cosigner()?;
    treasury.withdraw("w-1", &Purse::stranger(1), SMALL)?;
    let txid: Txid = wait_until("a half signed attempt", LONG, || {
        let attempts = treasury
            .auditor()
            .get(&treasury.path("/attempts?state=issued"))?
            .done()?;
        Ok(harness::items(&attempts)?
            .iter()
            .find(|attempt| {
                attempt["signed_by"]
                    .as_array()
                    .is_some_and(|by| !by.is_empty())
            })
            .and_then(|attempt| attempt["txid"].as_str()?.parse().ok()))
    })?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.reconcile()?;
    treasury.must_be_well()
}

/// 1. A withdrawal is requested and cancelled.
/// 2. It is in no batch, and cannot be cancelled or approved again.
/// 3. Another one is past cancelling once an attempt left the coordinator.
#[test]
fn withdrawal_is_cancelled_only_before_an_attempt_left() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let cancel = |id: &str| {
        let path = treasury.path(&format!("/withdrawals/exchange/{id}/cancel"));
        treasury.service().post(&path, &json!({}))
    };
    treasury.withdraw("w-1", &Purse::stranger(1), SMALL)?;
    assert_eq!(cancel("w-1")?.done()?["state"], "cancelled");
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "nothing_to_batch")?;
    treasury.withdraw("w-2", &Purse::stranger(1), SMALL)?;
    treasury.batch()?;
    cancel("w-2")?.refused(409, "not_cancellable")?;
    Ok(())
}
