//! Scripts that began to be watched after blocks were taken in, and history.

use bitcoin::{OutPoint, Transaction};
use policies::Keychain;
use proptest::prelude::*;

use super::super::simulation::{
    CHANGE_DEPTH, DEPOSIT_DEPTH, Model, Step, acts, all_watched, base, foreign, observe, outside,
    play, spend, vault, watched,
};
use super::{balance, kinds, mempool, mine, undo};
use crate::ledger::Account;
use crate::tracker::{Block, OutgoingTerms, View, WatchedScript};

/// A model that watches only some of the scripts.
fn watching(chosen: impl Fn(&WatchedScript) -> bool) -> Model {
    let mut model = Model::new();
    let mut view = View::default();
    for script in all_watched().into_iter().filter(chosen) {
        view.add_script(script);
    }
    model.view = view;
    model
}

/// Reads these blocks again.
fn rescan(model: &mut Model, blocks: &[Block]) -> Vec<&'static str> {
    let tip = blocks.last().map_or(base().height, |block| block.height);
    let mut all = Vec::new();
    for block in blocks {
        let changes = model.view.rescan(block, tip);
        model.book(&changes);
        all.extend(kinds(&changes));
    }
    all
}

fn payment_of(deposit: &Transaction) -> Transaction {
    let change = watched(1, Keychain::Internal, 0).script_pubkey;
    spend(
        2,
        &[OutPoint::new(deposit.compute_txid(), 0)],
        &[(foreign(3), 6_000), (change, 3_900)],
    )
}

#[test]
fn a_reorg_in_the_middle_of_a_scan_takes_back_what_was_booked_and_nothing_else() {
    let (mut model, mut blocks) = (watching(|_| false), Vec::new());
    let [late, early] = [0, 1].map(|index| watched(1, Keychain::External, index));
    model.view.add_script(early.clone());
    let deposit = spend(1, &[outside(1)], &[(late.script_pubkey.clone(), 10_000)]);
    let coin = OutPoint::new(deposit.compute_txid(), 0);
    let moves = spend(2, &[coin], &[(early.script_pubkey, 9_000)]);
    assert_eq!(mine(&mut model, &mut blocks, &[&deposit]), [""; 0]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&moves]),
        ["deposit.confirmed"]
    );
    // The first block is read again, and the second, which spends what it has, is not yet.
    model.view.add_script(late);
    let changes = model.view.rescan(&blocks[0], blocks[0].height);
    model.book(&changes);
    assert_eq!(balance(&model, Account::Coins), 19_000);
    assert_eq!(undo(&mut model, &mut blocks), ["deposit.reversed"]);
    assert_eq!(balance(&model, Account::Coins), 10_000);
}

#[test]
fn a_script_watched_later_gets_its_coins_and_their_spends_in_order_and_once() {
    let (mut model, mut blocks) = (watching(|_| false), Vec::new());
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let deposit = spend(1, &[outside(1)], &[(script, 10_000)]);
    let payment = payment_of(&deposit);
    let terms = OutgoingTerms {
        settle_depth: CHANGE_DEPTH,
    };
    model.view.add_outgoing(payment.compute_txid(), terms);
    assert_eq!(mine(&mut model, &mut blocks, &[&deposit]), [""; 0]);
    assert_eq!(mine(&mut model, &mut blocks, &[&payment]), [""; 0]);
    for _ in 0..DEPOSIT_DEPTH {
        mine(&mut model, &mut blocks, &[]);
    }
    for script in all_watched() {
        model.view.add_script(script);
    }
    assert_eq!(
        rescan(&mut model, &blocks),
        [
            "deposit.confirmed",
            "deposit.settled",
            "spend.confirmed",
            "change.confirmed",
            "change.settled",
            "spend.settled"
        ]
    );
    assert_eq!(balance(&model, Account::Coins), 3_900);
    assert_eq!(balance(&model, Account::Clearing), 6_100);
    assert_eq!(balance(&model, Account::DepositsSettled(None)), -10_000);
    assert_eq!(rescan(&mut model, &blocks), [""; 0]);
    // A reorg takes back what the scan found as it takes back anything else.
    while !blocks.is_empty() {
        undo(&mut model, &mut blocks);
    }
    assert!(model.balances().is_empty());
}

#[test]
fn a_tracked_transaction_gets_the_output_and_the_input_that_were_not_watched() {
    let first = watched(1, Keychain::External, 0);
    let second = watched(2, Keychain::External, 0);
    let (mut model, mut blocks) = (watching(|script| *script == first), Vec::new());
    let outputs = [
        (first.script_pubkey.clone(), 1_000),
        (second.script_pubkey.clone(), 2_000),
    ];
    let both = spend(1, &[outside(1)], &outputs);
    let coins = [0, 1].map(|vout| OutPoint::new(both.compute_txid(), vout));
    let sweep = spend(2, &coins, &[(foreign(1), 2_900)]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&both]),
        ["deposit.confirmed"]
    );
    assert_eq!(
        mine(&mut model, &mut blocks, &[&sweep]),
        ["spend.unknown", "spend.confirmed"]
    );
    model.view.add_script(second);
    assert_eq!(
        rescan(&mut model, &blocks),
        ["deposit.confirmed", "spend.confirmed"]
    );
    assert_eq!(balance(&model, Account::Coins), 0);
    let other = model
        .balances()
        .get(&(vault(2), Account::Clearing))
        .copied();
    assert_eq!(other, Some(2_000));
    undo(&mut model, &mut blocks);
    undo(&mut model, &mut blocks);
    assert!(model.balances().is_empty());
}

#[test]
fn an_unconfirmed_transaction_gets_the_output_that_was_not_watched() {
    let first = watched(1, Keychain::External, 0);
    let second = watched(1, Keychain::External, 2);
    let (mut model, mut blocks) = (watching(|script| *script == first), Vec::new());
    let outputs = [
        (first.script_pubkey.clone(), 1_000),
        (second.script_pubkey.clone(), 2_000),
    ];
    let both = spend(1, &[outside(1)], &outputs);
    assert_eq!(mempool(&mut model, &[&both]), ["deposit.seen"]);
    model.view.add_script(second);
    assert_eq!(mempool(&mut model, &[&both]), ["deposit.seen"]);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&both]),
        ["deposit.confirmed"; 2]
    );
}

#[test]
fn history_is_opening_balance_and_raises_no_alarm() {
    let (mut model, mut blocks) = (watching(|_| false), Vec::new());
    let until = base().height + 2;
    for mut script in all_watched() {
        script.history_until = Some(until);
        model.view.add_script(script);
    }
    let script = watched(1, Keychain::External, 1).script_pubkey;
    let deposit = spend(1, &[outside(1)], &[(script.clone(), 10_000)]);
    let payment = payment_of(&deposit);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&deposit]),
        ["opening.confirmed"]
    );
    assert_eq!(balance(&model, Account::Opening), -10_000);
    assert_eq!(
        mine(&mut model, &mut blocks, &[&payment]),
        ["spend.confirmed", "change.confirmed"]
    );
    assert_eq!(balance(&model, Account::Opening), -3_900);
    assert_eq!(balance(&model, Account::Coins), 3_900);
    assert_eq!(model.balances().len(), 2, "nothing else is booked");

    // Above the height everything is as ever, for the same scripts and the coins of before.
    let late = spend(3, &[outside(3)], &[(script, 500)]);
    let theft = spend(
        4,
        &[OutPoint::new(payment.compute_txid(), 1)],
        &[(foreign(9), 3_000)],
    );
    let kinds = mine(&mut model, &mut blocks, &[&late, &theft]);
    assert_eq!(
        kinds,
        [
            "deposit.confirmed",
            "spend.unknown",
            "spend.confirmed",
            "opening.settled",
            "change.settled"
        ]
    );
    assert_eq!(balance(&model, Account::DepositsPending), -500);
    assert_eq!(balance(&model, Account::Clearing), 3_900);

    // A reorg takes back exactly that, and exactly as it was booked.
    undo(&mut model, &mut blocks);
    assert_eq!(balance(&model, Account::DepositsPending), 0);
    assert_eq!(balance(&model, Account::Opening), -3_900);
    undo(&mut model, &mut blocks);
    assert_eq!(balance(&model, Account::Opening), -10_000);
    assert_eq!(undo(&mut model, &mut blocks), ["opening.reversed"]);
    assert!(model.balances().is_empty());
}

proptest! {
    #[test]
    fn reading_again_equals_having_watched_all_along(acts in acts(), vaults in 0_u8..3) {
        let (steps, chain) = play(&acts);
        let mut late = Model::new();
        let all = late.view.clone();
        let mut view = all.clone();
        view.keep_scripts(|script| script.vault == vault(vaults));
        late.view = view;
        for step in &steps {
            observe(&mut late, step);
        }
        for script in all_watched() {
            late.view.add_script(script);
        }
        rescan(&mut late, &chain);
        let mut fresh = Model::new();
        for block in &chain {
            observe(&mut fresh, &Step::Connect(block.clone()));
        }
        prop_assert_eq!(late.confirmed(), fresh.confirmed());
        prop_assert_eq!(late.balances(), fresh.balances());
        prop_assert_eq!(late.settled_spends(), fresh.settled_spends());
        let tip = chain.last().map_or(base().height, |block| block.height);
        for block in &chain {
            prop_assert!(late.view.rescan(block, tip).is_empty(), "nothing twice");
        }
    }
}
