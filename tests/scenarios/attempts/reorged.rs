//! Attempts whose parents a reorg takes away for good.

use bitcoin::{Amount, OutPoint, Transaction};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field, items};
use serde_json::json;

use super::{
    AMOUNT, DEPOSIT, all_is_well, done_as_previewed, paid_once, replaced, signed_by, waiting,
};

/// Sends a transaction whose first output pays the vault, and waits until that is settled.
#[track_caller]
fn deposited(treasury: &Treasury, funding: &Transaction) -> Result<OutPoint, Failure> {
    let coin = OutPoint::new(treasury.node.broadcast(funding)?, 0);
    treasury.node.mine(3)?;
    treasury.deposit_becomes(coin, "settled")?;
    Ok(coin)
}

/// 1. A payout is out for signing, and Alice has signed. A reorg undoes its deposit for good.
/// 2. Nothing that can be spent excludes the attempt: a replacement is refused, with its txid and the advice to
///    repeat the intent.
/// 3. The service repeats it, a satoshi lower, which no rule approves by itself. Dana approves it, and it is paid.
#[test]
fn a_payout_of_wsh_whose_deposit_is_gone_is_paid_only_by_an_intent_that_repeats_it_on_postgres()
-> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Postgres)?;
    let address = treasury.new_address("")?;
    let funding = treasury.node.funding(&[(address, DEPOSIT)])?;
    let gone = deposited(&treasury, &funding)?;
    let to = Purse::stranger(1);
    let intent = treasury.withdraw("w-1", &to, AMOUNT)?;
    let (_, first) = treasury.batch_at("2")?;
    let people = &treasury.people;
    treasury.countersign(&people.alice, first)?;
    let conflicting = treasury.node.conflicting(&funding)?;
    treasury.node.reorg_with(3, &[conflicting])?;
    treasury.deposit_becomes(gone, "gone")?;
    treasury.deposit(DEPOSIT)?;

    let path = format!("/attempts/{first}/replacement");
    let refused = treasury
        .operator()
        .post(&path, &json!({ "feerate_sat_vb": "3" }))?
        .refused(422, "cannot_be_exclusive")?;
    assert_eq!(refused["earlier"], json!(first), "{refused}");
    assert!(field(&refused, "hint")?.contains("repeats"), "{refused}");

    let mut repeated = treasury.intent("w-1b", &to, AMOUNT - Amount::ONE_SAT)?;
    repeated.repeats = Some(intent.id);
    treasury.submit(&repeated)?.done()?;
    treasury.withdrawal_becomes("w-1b", "requested")?;
    treasury.approve(&[&repeated])?;
    let (_, paid) = treasury.batch_at("2")?;
    signed_by(&treasury, [&people.alice, &people.bob], paid)?;
    treasury.settle(paid, &["w-1b"])?;
    paid_once(&treasury, &to, AMOUNT - Amount::ONE_SAT)?;
    all_is_well(&mut treasury)
}

/// 1. A payout is signed by two and waits in the mempool. A reorg replaces its deposit by another transaction of
///    the payer, to another address of the vault: the payout can never confirm.
/// 2. Its file carried what the deposit spent. A replacement spends the deposit that took its place, with that as
///    proof, and the same two sign it.
/// 3. It settles: the payout was made once, and the first attempt is dead.
fn a_payout_whose_deposit_was_replaced_is_paid_from_the_other(
    kind: ScriptKind,
    engine: Engine,
) -> Outcome {
    let mut treasury = Treasury::start(kind, engine)?;
    let (lost, kept) = (treasury.new_address("")?, treasury.new_address("")?);
    let funding = treasury.node.funding(&[(lost, DEPOSIT)])?;
    let gone = deposited(&treasury, &funding)?;
    let to = Purse::stranger(1);
    treasury.withdraw("w-1", &to, AMOUNT)?;
    let (_, first) = treasury.batch_at("2")?;
    let people = &treasury.people;
    signed_by(&treasury, [&people.alice, &people.bob], first)?;
    treasury.waits_in_mempool(first)?;

    let fee = Amount::from_sat(300_000);
    let other = treasury.node.rival(&funding, &[(kept, DEPOSIT / 2)], fee)?;
    let coin = OutPoint::new(other.compute_txid(), 0);
    treasury.node.reorg_with(3, &[other])?;
    treasury.deposit_becomes(gone, "gone")?;
    treasury.deposit_becomes(coin, "settled")?;

    let (plan, second) = replaced(&treasury, first, "3")?;
    assert_eq!(plan["coins"], json!([coin]), "{plan}");
    assert_eq!(plan["ancestors"], 1, "{plan}");
    signed_by(&treasury, [&people.alice, &people.bob], second)?;
    treasury.settle(second, &["w-1"])?;
    treasury.attempt_becomes(first, "dead")?;
    paid_once(&treasury, &to, AMOUNT)?;
    all_is_well(&mut treasury)
}

#[test]
fn a_payout_of_tr_whose_deposit_was_replaced_is_paid_from_the_other_on_sqlite() -> Outcome {
    a_payout_whose_deposit_was_replaced_is_paid_from_the_other(ScriptKind::Tr, Engine::Sqlite)
}

#[test]
fn a_payout_of_wsh_whose_deposit_was_replaced_is_paid_from_the_other_on_postgres() -> Outcome {
    a_payout_whose_deposit_was_replaced_is_paid_from_the_other(ScriptKind::Wsh, Engine::Postgres)
}

/// 1. A payout is replaced; both attempts are fully signed. A miner takes the first, and a second payout spends
///    its change: signed by two, it waits in the mempool.
/// 2. A reorg puts the replacement in the place of the first: its change is gone, and the second payout has
///    failed once that is settled.
/// 3. It is paid again from the change that took the place, by the same two. Both payouts were made once.
#[test]
fn a_payout_of_tr_on_change_that_a_reorg_replaced_is_paid_again_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Tr, Engine::Sqlite)?;
    treasury.deposit(DEPOSIT)?;
    let (one, other) = (Purse::stranger(1), Purse::stranger(2));
    treasury.withdraw("w-1", &one, AMOUNT)?;
    let people = &treasury.people;
    let signers = [&people.alice, &people.bob];
    let (_, lost) = treasury.batch_at("2")?;
    signed_by(&treasury, signers, lost)?;
    treasury.waits_in_mempool(lost)?;
    let first = waiting(&treasury, lost)?;
    let (_, kept) = replaced(&treasury, lost, "5")?;
    signed_by(&treasury, signers, kept)?;
    treasury.waits_in_mempool(kept)?;
    let second = waiting(&treasury, kept)?;
    treasury.node.mine_exactly(&[first])?;
    treasury.withdrawal_becomes("w-1", "confirmed")?;
    treasury.all_is_taken_in()?;

    treasury.withdraw("w-2", &other, AMOUNT * 2)?;
    let (_, child) = treasury.batch_at("2")?;
    signed_by(&treasury, signers, child)?;
    treasury.waits_in_mempool(child)?;
    treasury.node.reorg_with(1, &[second])?;
    treasury.node.mine(2)?;
    treasury.withdrawal_becomes("w-1", "settled")?;
    treasury.attempt_becomes(lost, "dead")?;
    treasury.withdrawal_becomes("w-2", "failed")?;

    let again = treasury.path("/withdrawals/exchange/w-2/payment");
    let asked = json!({ "feerate_sat_vb": "3" });
    let (plans, paid) = done_as_previewed(&treasury, &again, &asked)?;
    assert_eq!(items(&plans[0]["excludes"])?.len(), 1, "{plans}");
    signed_by(&treasury, signers, paid[0])?;
    treasury.settle(paid[0], &["w-2"])?;
    paid_once(&treasury, &one, AMOUNT)?;
    paid_once(&treasury, &other, AMOUNT * 2)?;
    all_is_well(&mut treasury)
}
