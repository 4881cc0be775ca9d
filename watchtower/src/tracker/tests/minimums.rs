//! Deposits below a vault's minimum: booked, and credited to nobody, also when the chain goes back and forth.

use super::*;

/// A payment to the customer's script.
fn paid(salt: u32, sat: u64) -> Transaction {
    let script = watched(1, Keychain::External, 1).script_pubkey;
    spend(salt, &[outside(salt)], &[(script, sat)])
}

fn customer(make: impl Fn(Option<String>) -> Account) -> Account {
    make(Some("customer".to_owned()))
}

/// What the customer is credited with, what is booked as below the minimum, and what the coins come to.
fn books(model: &Model) -> [i64; 3] {
    [
        customer(Account::DepositsSettled),
        customer(Account::BelowMinimum),
        Account::Coins,
    ]
    .map(|account| balance(model, account))
}

fn with_minimum(sat: u64) -> Model {
    let mut model = Model::new();
    model.view.set_minimum(vault(1), Amount::from_sat(sat));
    model
}

#[test]
fn a_deposit_below_the_minimum_is_booked_and_credited_to_nobody() {
    let (mut model, mut blocks) = (with_minimum(1_000), Vec::new());
    let told = mine(&mut model, &mut blocks, &[&paid(1, 999), &paid(2, 1_000)]);
    assert_eq!(told, ["small.confirmed", "deposit.confirmed"]);
    assert_eq!(balance(&model, Account::DepositsPending), -1_000);
    mine(&mut model, &mut blocks, &[]);
    let mut told = mine(&mut model, &mut blocks, &[]);
    told.sort_unstable();
    assert_eq!(told, ["deposit.settled", "small.settled"]);
    assert_eq!(books(&model), [-1_000, -999, 1_999]);
    assert_eq!(balance(&model, Account::DepositsPending), 0);
}

#[test]
fn what_is_said_of_the_minimum_later_changes_nothing_of_a_deposit_that_was_seen() {
    for (before, after) in [(1_000, 0), (0, 1_000)] {
        let (mut model, mut blocks) = (with_minimum(before), Vec::new());
        let deposit = paid(1, 500);
        assert_eq!(mempool(&mut model, &[&deposit]), ["deposit.seen"]);
        model.view.set_minimum(vault(1), Amount::from_sat(after));
        mine(&mut model, &mut blocks, &[&deposit]);
        for _ in 1..DEPOSIT_DEPTH {
            mine(&mut model, &mut blocks, &[]);
        }
        let settled = if before == 0 {
            [-500, 0, 500]
        } else {
            [0, -500, 500]
        };
        assert_eq!(books(&model), settled);
        // A reorg mirrors what was booked, whatever the minimum is by then.
        for _ in 1..=DEPOSIT_DEPTH {
            undo(&mut model, &mut blocks);
        }
        assert!(model.balances().is_empty(), "{:?}", model.balances());
        mine(&mut model, &mut blocks, &[&deposit]);
        for _ in 1..DEPOSIT_DEPTH {
            mine(&mut model, &mut blocks, &[]);
        }
        assert_eq!(books(&model), settled, "it is what it was");
    }
}

#[test]
fn change_of_ours_is_never_below_the_minimum() {
    let (mut model, mut blocks) = (with_minimum(5_000), Vec::new());
    let deposit = paid(1, 10_000);
    mine(&mut model, &mut blocks, &[&deposit]);
    let coin = OutPoint::new(deposit.compute_txid(), 0);
    let change = watched(1, Keychain::Internal, 0).script_pubkey;
    let own = spend(2, &[coin], &[(foreign(1), 9_000), (change, 800)]);
    let told = mine(&mut model, &mut blocks, &[&own]);
    assert!(told.contains(&"change.confirmed"), "{told:?}");
    assert_eq!(books(&model)[1], 0);
}
