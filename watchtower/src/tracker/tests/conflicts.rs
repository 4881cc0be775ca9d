//! Deposits that are replaced, malleated, orphaned by their parent, or come in company.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, ScriptBuf, Transaction};
use policies::Keychain;

use super::super::simulation::{
    DEPOSIT_DEPTH, Model, Step, coinbase, foreign, keyset, observe, outside, spend, vault, watched,
};
use super::{balance, deposit, kinds, mempool, mine, undo};
use crate::ledger::Account;
use crate::tracker::{Change, Placement};

fn external(number: u8, index: u32) -> ScriptBuf {
    watched(number, Keychain::External, index).script_pubkey
}

fn output(transaction: &Transaction, vout: u32) -> OutPoint {
    OutPoint::new(transaction.compute_txid(), vout)
}

/// The coins that are in chain or mempool.
fn standing(model: &Model) -> Vec<OutPoint> {
    let coins = model.view.coins();
    coins
        .filter(|coin| coin.placement != Placement::Gone)
        .map(|coin| coin.outpoint)
        .collect()
}

#[test]
fn a_deposit_replaced_five_times_stands_once() {
    let mut model = Model::new();
    let mut last = deposit(1);
    assert_eq!(mempool(&mut model, &[&last]), ["deposit.seen"]);
    for salt in 100..105 {
        // Each pays another of our scripts, or more than before.
        let next = spend(
            salt,
            &[outside(1), outside(salt)],
            &[(external(1, salt % 3), 10_000 + u64::from(salt))],
        );
        let kinds = mempool(&mut model, &[&next]);
        assert_eq!(kinds, ["deposit.replaced", "deposit.seen"]);
        assert_eq!(standing(&model), [output(&next, 0)]);
        last = next;
    }
    let mut blocks = Vec::new();
    assert_eq!(
        mine(&mut model, &mut blocks, &[&last]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 10_104);
}

#[test]
fn an_earlier_version_that_is_mined_takes_the_latest_ones_place() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let first = deposit(1);
    let second = spend(50, &[outside(1)], &[(external(1, 2), 12_000)]);
    mempool(&mut model, &[&first]);
    mempool(&mut model, &[&second]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&first]),
        ["deposit.replaced", "deposit.confirmed"]
    );
    assert_eq!(standing(&model), [output(&first, 1)]);
    assert_eq!(balance(&model, Account::Coins), 10_000);
}

/// t0 ← t1 ← t2 in the mempool; t3 spends what t0 spends, t4 spends t3. Everything below t0 goes with it.
#[test]
fn what_spends_a_replaced_deposit_goes_with_it_by_the_same_replacement() {
    for in_a_block in [false, true] {
        let (mut model, mut blocks) = (Model::new(), Vec::new());
        let t0 = deposit(1);
        let t1 = spend(2, &[output(&t0, 1)], &[(external(2, 0), 9_000)]);
        let t2 = spend(3, &[output(&t1, 0)], &[(external(1, 2), 8_000)]);
        let t3 = spend(4, &[outside(1)], &[(external(1, 0), 11_000)]);
        let t4 = spend(5, &[output(&t3, 0)], &[(foreign(1), 10_000)]);
        mempool(&mut model, &[&t0, &t1, &t2]);
        assert_eq!(standing(&model).len(), 3);
        let step = if in_a_block {
            let previous = super::base();
            let block = super::block(previous, 7, vec![t3.clone(), t4.clone()]);
            blocks.push(block.clone());
            Step::Connect(block)
        } else {
            let both = [&t3, &t4].map(Transaction::compute_txid);
            Step::Mempool(BTreeSet::from(both), vec![t4.clone(), t3.clone()])
        };
        let changes = observe(&mut model, &step);
        let replaced: Vec<_> = changes
            .iter()
            .filter_map(|change| {
                let Change::CoinReplaced { coin, by } = change else {
                    return None;
                };
                Some((coin.outpoint, *by))
            })
            .collect();
        let by = t3.compute_txid();
        assert_eq!(
            replaced,
            [
                (output(&t0, 1), by),
                (output(&t1, 0), by),
                (output(&t2, 0), by)
            ]
        );
        assert_eq!(standing(&model), [output(&t3, 0)]);
        let kinds = kinds(&changes);
        assert!(!kinds.contains(&"deposit.dropped"), "{kinds:?}");
        assert_eq!(
            kinds
                .iter()
                .filter(|kind| **kind == "spend.dropped")
                .count(),
            2
        );
    }
}

#[test]
fn a_deposit_whose_txid_was_malleated_is_one_deposit() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let signed = deposit(1);
    let mut malleated = signed.clone();
    for input in &mut malleated.input {
        input.script_sig = ScriptBuf::from_bytes(vec![0x51]);
    }
    assert_ne!(signed.compute_txid(), malleated.compute_txid());
    mempool(&mut model, &[&signed]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&malleated]),
        ["deposit.replaced", "deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 10_000);
    // The same txid with another witness is the same transaction.
    let mut other_witness = malleated.clone();
    for input in &mut other_witness.input {
        input.witness.push([1, 2, 3]);
    }
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"]);
    assert_eq!(mempool(&mut model, &[&other_witness]), [""; 0]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&other_witness]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 10_000);
}

#[test]
fn one_transaction_pays_two_users_of_two_vaults_and_each_output_counts() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let outputs = [
        (external(1, 1), 1_000),
        (external(1, 1), 1_000),
        (external(1, 2), 2_000),
        (external(2, 1), 3_000),
        (foreign(1), 9),
    ];
    let payment = spend(1, &[outside(1)], &outputs);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&payment]),
        ["deposit.confirmed"; 4]
    );
    for _ in 1..DEPOSIT_DEPTH {
        mine(&mut model, &mut blocks, &[]);
    }
    let customer = Account::DepositsSettled(Some("customer".to_owned()));
    assert_eq!(balance(&model, customer.clone()), -2_000);
    assert_eq!(balance(&model, Account::DepositsSettled(None)), -2_000);
    assert_eq!(
        model.balances().get(&(vault(2), customer)).copied(),
        Some(-3_000)
    );
    // One reorg takes all of them back, from whomever they were credited to.
    for _ in 1..DEPOSIT_DEPTH {
        undo(&mut model, &mut blocks);
    }
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"; 4]);
    assert!(model.balances().is_empty());
}

#[test]
fn a_deposit_to_a_former_keysets_address_counts_for_the_vault() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let mut former = watched(1, Keychain::External, 0);
    former.script_pubkey = foreign(77);
    former.keyset = keyset(9);
    model.view.add_script(former);
    let late = spend(1, &[outside(1)], &[(foreign(77), 4_000)]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&late]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 4_000);
    let coin = model.view.coins().next().expect("a coin");
    assert_eq!(coin.script.keyset, keyset(9));
}

#[test]
fn a_coinbase_deposit_is_not_settled_before_its_hundredth_confirmation_whatever_reorgs() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let reward = coinbase(5, external(1, 0));
    mine(&mut model, &mut blocks, &[&reward]);
    for _ in 0..98 {
        assert_eq!(mine(&mut model, &mut blocks, &[]), [""; 0]);
    }
    // At 99 confirmations the chain goes back by 98 and grows again: still 100 to wait for.
    for _ in 0..98 {
        undo(&mut model, &mut blocks);
    }
    for _ in 0..98 {
        assert_eq!(mine(&mut model, &mut blocks, &[]), [""; 0]);
    }
    assert_eq!(mine(&mut model, &mut blocks, &[]), ["deposit.settled"]);
    // 101 blocks back: the reward itself is gone, and what it settled.
    for _ in 0..99 {
        assert_eq!(undo(&mut model, &mut blocks), [""; 0]);
    }
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"]);
    assert!(model.balances().is_empty());
    assert_eq!(mempool(&mut model, &[]), ["deposit.dropped"]);
}
