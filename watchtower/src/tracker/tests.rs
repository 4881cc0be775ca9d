//! The tracker by itself.

mod conflicts;
mod minimums;
mod rescans;

use std::collections::BTreeSet;

use bitcoin::{Amount, OutPoint, Transaction, Txid};
use policies::Keychain;
use proptest::prelude::*;

use super::simulation::{
    CHANGE_DEPTH, DEPOSIT_DEPTH, Model, Step, acts, base, block, coinbase, foreign, observe,
    outside, play, spend, vault, watched,
};
use super::{Block, Change, OutgoingTerms, event};
use crate::ledger::Account;

/// The names of the events of an observation.
fn kinds(changes: &[Change]) -> Vec<&'static str> {
    changes.iter().map(|change| event(change).kind).collect()
}

fn deposit(salt: u32) -> Transaction {
    let script = watched(1, Keychain::External, 0).script_pubkey;
    spend(salt, &[outside(salt)], &[(foreign(1), 1), (script, 10_000)])
}

fn mempool(model: &mut Model, transactions: &[&Transaction]) -> Vec<&'static str> {
    let present: BTreeSet<Txid> = transactions.iter().map(|tx| tx.compute_txid()).collect();
    let new = transactions.iter().map(|tx| (*tx).clone()).collect();
    kinds(&observe(model, &Step::Mempool(present, new)))
}

/// Mines on the last block; `blocks` is the chain.
fn mine(
    model: &mut Model,
    blocks: &mut Vec<Block>,
    transactions: &[&Transaction],
) -> Vec<&'static str> {
    let previous = blocks.last().map_or_else(base, Block::at);
    let salt = u32::try_from(blocks.len()).expect("few blocks") + 1000;
    let next = block(
        previous,
        salt,
        transactions.iter().map(|tx| (*tx).clone()).collect(),
    );
    let changes = observe(model, &Step::Connect(next.clone()));
    blocks.push(next);
    kinds(&changes)
}

fn undo(model: &mut Model, blocks: &mut Vec<Block>) -> Vec<&'static str> {
    let lost = blocks.pop().expect("a block");
    kinds(&observe(model, &Step::Disconnect(lost.at())))
}

fn balance(model: &Model, account: Account) -> i64 {
    model
        .balances()
        .get(&(vault(1), account))
        .copied()
        .unwrap_or(0)
}

#[test]
fn a_deposit_is_seen_confirmed_and_settled_at_its_depth() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let deposit = deposit(1);
    assert_eq!(mempool(&mut model, &[&deposit]), ["deposit.seen"]);
    assert_eq!(balance(&model, Account::Coins), 0);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&deposit]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::DepositsPending), -10_000);
    for _ in 2..DEPOSIT_DEPTH {
        assert_eq!(mine(&mut model, &mut blocks, &[]), [""; 0]);
    }
    assert_eq!(mine(&mut model, &mut blocks, &[]), ["deposit.settled"]);
    assert_eq!(balance(&model, Account::DepositsPending), 0);
    assert_eq!(balance(&model, Account::DepositsSettled(None)), -10_000);
    assert_eq!(balance(&model, Account::Coins), 10_000);
}

#[test]
fn a_reorg_takes_back_a_settled_deposit_and_brings_it_again() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let deposit = deposit(1);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&deposit]),
        ["deposit.confirmed"]
    );
    for _ in 1..DEPOSIT_DEPTH {
        mine(&mut model, &mut blocks, &[]);
    }
    for _ in 1..DEPOSIT_DEPTH {
        assert_eq!(undo(&mut model, &mut blocks), [""; 0]);
    }
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"]);
    assert!(model.balances().is_empty());
    assert_eq!(mempool(&mut model, &[&deposit]), [""; 0]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&deposit]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 10_000);
}

#[test]
fn the_same_block_taken_back_and_brought_again_is_booked_each_time() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    mine(&mut model, &mut blocks, &[&deposit(1)]);
    let same = blocks.last().expect("a block").clone();
    for _ in 0..3 {
        observe(&mut model, &Step::Disconnect(same.at()));
        assert_eq!(balance(&model, Account::Coins), 0);
        observe(&mut model, &Step::Connect(same.clone()));
        assert_eq!(balance(&model, Account::Coins), 10_000);
    }
}

#[test]
fn an_unconfirmed_deposit_is_replaced_by_its_rival_or_dropped_without_one() {
    let mut model = Model::new();
    let first = deposit(1);
    let rival = spend(99, &[outside(1)], &[(foreign(2), 9_000)]);
    assert_eq!(mempool(&mut model, &[&first]), ["deposit.seen"]);
    assert_eq!(mempool(&mut model, &[&rival]), ["deposit.replaced"]);
    assert_eq!(mempool(&mut model, &[&first]), ["deposit.seen"]);
    assert_eq!(mempool(&mut model, &[]), ["deposit.dropped"]);
    assert_eq!(mempool(&mut model, &[]), [""; 0]);
}

#[test]
fn a_deposit_double_spent_in_a_block_is_told_by_its_outpoint() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let first = deposit(1);
    let rival = spend(99, &[outside(1)], &[(foreign(2), 9_000)]);
    mine(&mut model, &mut blocks, &[&first]);
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&rival]),
        ["deposit.replaced"]
    );
    assert!(model.balances().is_empty());
}

#[test]
fn a_coinbase_deposit_settles_after_a_hundred_blocks() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let coinbase = coinbase(5, watched(1, Keychain::External, 0).script_pubkey);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&coinbase]),
        ["deposit.confirmed"]
    );
    for _ in 2..100 {
        assert_eq!(mine(&mut model, &mut blocks, &[]), [""; 0]);
    }
    assert_eq!(mine(&mut model, &mut blocks, &[]), ["deposit.settled"]);
}

#[test]
fn a_known_spend_with_change_leaves_the_payment_and_fee_in_clearing() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let deposit = deposit(1);
    let coin = OutPoint {
        txid: deposit.compute_txid(),
        vout: 1,
    };
    let change = watched(1, Keychain::Internal, 0).script_pubkey;
    let payment = spend(2, &[coin], &[(foreign(3), 6_000), (change, 3_900)]);
    model.view.add_outgoing(
        payment.compute_txid(),
        OutgoingTerms {
            settle_depth: CHANGE_DEPTH,
        },
    );
    mine(&mut model, &mut blocks, &[&deposit]);
    assert_eq!(
        mempool(&mut model, &[&payment]),
        ["spend.seen", "change.seen"]
    );
    assert_eq!(
        mine(&mut model, &mut blocks, &[&payment]),
        ["spend.confirmed", "change.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 3_900);
    assert_eq!(balance(&model, Account::Clearing), 6_100);
    let kinds = mine(&mut model, &mut blocks, &[]);
    assert_eq!(
        kinds,
        ["deposit.settled", "change.settled", "spend.settled"]
    );
    undo(&mut model, &mut blocks);
    assert_eq!(
        undo(&mut model, &mut blocks),
        ["spend.reorged", "change.reversed"]
    );
    assert_eq!(balance(&model, Account::Clearing), 0);
    assert_eq!(balance(&model, Account::Coins), 10_000);
    assert_eq!(
        mempool(&mut model, &[]),
        ["spend.dropped", "change.dropped"]
    );
    let coin = model
        .view
        .coins()
        .find(|other| other.outpoint == coin)
        .expect("the coin");
    assert_eq!((coin.spent_by, coin.spent_in), (None, None));
}

#[test]
fn a_spend_that_was_never_handed_over_raises_the_alarm_once() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let deposit = deposit(1);
    let coin = OutPoint {
        txid: deposit.compute_txid(),
        vout: 1,
    };
    let theft = spend(2, &[coin], &[(foreign(3), 9_000)]);
    mine(&mut model, &mut blocks, &[&deposit]);
    assert_eq!(
        mempool(&mut model, &[&theft]),
        ["spend.unknown", "spend.seen"]
    );
    assert_eq!(
        mine(&mut model, &mut blocks, &[&theft]),
        ["spend.confirmed"]
    );
}

#[test]
fn a_theft_that_left_the_mempool_is_told_anew_when_it_is_back() {
    for in_block in [false, true] {
        let (mut model, mut blocks) = (Model::new(), Vec::new());
        let deposit = deposit(1);
        let coin = OutPoint::new(deposit.compute_txid(), 1);
        let theft = spend(2, &[coin], &[(foreign(3), 9_000)]);
        mine(&mut model, &mut blocks, &[&deposit]);
        mempool(&mut model, &[&theft]);
        assert_eq!(mempool(&mut model, &[]), ["spend.dropped"]);
        let back = if in_block {
            mine(&mut model, &mut blocks, &[&theft])
        } else {
            mempool(&mut model, &[&theft])
        };
        assert_eq!(back[0], "spend.unknown");
    }
}

#[test]
fn a_foreign_payment_to_a_change_script_is_a_deposit() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let script = watched(1, Keychain::Internal, 2).script_pubkey;
    let gift = spend(1, &[outside(1)], &[(script, 500)]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&gift]),
        ["deposit.confirmed"]
    );
    assert_eq!(balance(&model, Account::DepositsPending), -500);
}

#[test]
fn a_deposit_with_a_reference_is_credited_to_it() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let script = watched(1, Keychain::External, 1).script_pubkey;
    mine(
        &mut model,
        &mut blocks,
        &[&spend(1, &[outside(1)], &[(script, 500)])],
    );
    for _ in 1..DEPOSIT_DEPTH {
        mine(&mut model, &mut blocks, &[]);
    }
    let account = Account::DepositsSettled(Some("customer".to_owned()));
    assert_eq!(balance(&model, account), -500);
}

#[test]
fn children_that_come_before_their_parents_are_ordered() {
    let mut model = Model::new();
    let deposit = deposit(1);
    let coin = OutPoint {
        txid: deposit.compute_txid(),
        vout: 1,
    };
    let children: Vec<Transaction> = (2..12)
        .map(|salt| spend(salt, &[coin], &[(foreign(salt), 9_000)]))
        .collect();
    let child = children
        .iter()
        .min_by_key(|child| child.compute_txid())
        .expect("a child");
    let kinds = mempool(&mut model, &[child, &deposit]);
    assert_eq!(kinds, ["deposit.seen", "spend.unknown", "spend.seen"]);
}

#[test]
fn an_output_of_nothing_is_tracked_and_not_booked() {
    let (mut model, mut blocks) = (Model::new(), Vec::new());
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let dust = spend(1, &[outside(1)], &[(script, 0)]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&dust]),
        ["deposit.confirmed"]
    );
    assert!(model.balances().is_empty());
    assert!(model.view.coins().any(|coin| coin.amount == Amount::ZERO));
}

proptest! {
    #[test]
    fn reorganizing_to_a_chain_equals_reading_it_afresh(acts in acts()) {
        let (steps, chain) = play(&acts);
        let mut lived = Model::new();
        for step in &steps {
            observe(&mut lived, step);
        }
        let mut fresh = Model::new();
        for block in chain {
            observe(&mut fresh, &Step::Connect(block));
        }
        prop_assert_eq!(lived.confirmed(), fresh.confirmed());
        prop_assert_eq!(lived.balances(), fresh.balances());
        prop_assert_eq!(lived.settled_spends(), fresh.settled_spends());
    }

    #[test]
    fn the_books_always_hold_what_the_confirmed_unspent_coins_are(acts in acts()) {
        let (steps, _) = play(&acts);
        let mut model = Model::new();
        for step in &steps {
            observe(&mut model, step);
            for number in [1, 2] {
                let coins: u64 = model
                    .view
                    .coins()
                    .filter(|coin| coin.script.vault == vault(number))
                    .filter(|coin| coin.placement.block().is_some() && coin.spent_in.is_none())
                    .map(|coin| coin.amount.to_sat())
                    .sum();
                let booked = model.balances().get(&(vault(number), Account::Coins)).copied();
                prop_assert_eq!(booked.unwrap_or(0), i64::try_from(coins).expect("small"));
            }
        }
    }
}
