//! Batches that are planned anew, cancelled, split and merged.

use bitcoin::{Amount, OutPoint};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field, items};
use serde_json::json;

use super::{
    AMOUNT, DEPOSIT, all_is_well, done_as_previewed, paid_once, replaced, signed_by, with_budget,
};

/// 1. Two payouts share a batch of one coin; Alice has signed. It cannot be split, since two transactions would
///    spend that coin.
/// 2. It is planned anew without the second payout, which is left out: the first one settles, and the
///    second has failed.
/// 3. The second is paid again from the change of what excluded the batch, with that as proof. Both are paid once.
#[test]
fn a_payout_left_out_of_a_batch_of_tr_is_paid_from_its_change_on_postgres() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Tr, Engine::Postgres)?;
    treasury.deposit(DEPOSIT)?;
    let (one, other) = (Purse::stranger(1), Purse::stranger(2));
    treasury.withdraw("w-1", &one, AMOUNT)?;
    treasury.withdraw("w-2", &other, AMOUNT * 2)?;
    let (id, both) = treasury.batch_at("2")?;
    let people = &treasury.people;
    treasury.countersign(&people.alice, both)?;
    let w2 = json!([{ "requester": "exchange", "id": "w-2" }]);
    let path = format!("/batches/{id}/plan");
    let split = json!({ "split": w2, "feerate_sat_vb": "2" });
    treasury
        .operator()
        .post(&path, &split)?
        .refused(422, "cannot_be_split")?;
    let remove = json!({ "remove": w2, "feerate_sat_vb": "2" });
    let (plans, issued) = done_as_previewed(&treasury, &path, &remove)?;
    assert_eq!(plans[0]["withdrawals"][1]["fate"], "left_out", "{plans}");
    let again = treasury.path("/withdrawals/exchange/w-2/payment");
    let asked = json!({ "feerate_sat_vb": "3" });
    treasury
        .operator()
        .post(&again, &asked)?
        .refused(409, "not_failed")?;
    signed_by(&treasury, [&people.alice, &people.bob], issued[0])?;
    treasury.settle(issued[0], &["w-1"])?;
    treasury.withdrawal_becomes("w-2", "failed")?;

    let (plans, paid) = done_as_previewed(&treasury, &again, &asked)?;
    assert_eq!(plans[0]["ancestors"], 1, "{plans}");
    assert_eq!(plans[0]["excludes"][0]["earlier"], json!(both));
    signed_by(&treasury, [&people.alice, &people.bob], paid[0])?;
    treasury.settle(paid[0], &["w-2"])?;
    paid_once(&treasury, &one, AMOUNT)?;
    paid_once(&treasury, &other, AMOUNT * 2)?;
    all_is_well(&mut treasury)
}

/// 1. A payout waits in the mempool. Its batch is cancelled on the chain; the cancellation is stuck too, and
///    is replaced by a dearer one.
/// 2. That settles: the payout has failed, and nothing but fees has left the vault.
/// 3. The payout is paid again by spending the cancellation's change, once.
#[test]
fn a_payout_of_wsh_is_cancelled_on_the_chain_and_paid_again_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start_edited(ScriptKind::Wsh, Engine::Sqlite, with_budget)?;
    treasury.deposit(DEPOSIT)?;
    let to = Purse::stranger(1);
    treasury.withdraw("w-1", &to, AMOUNT)?;
    let (id, first) = treasury.batch_at("2")?;
    let people = &treasury.people;
    signed_by(&treasury, [&people.alice, &people.bob], first)?;
    treasury.waits_in_mempool(first)?;
    let path = format!("/batches/{id}/cancellation");
    let asked = json!({ "feerate_sat_vb": "3" });
    let (plans, issued) = done_as_previewed(&treasury, &path, &asked)?;
    assert_eq!(plans[0]["withdrawals"][0]["fate"], "fails", "{plans}");
    assert_eq!(plans[0]["budget"]["within"], true);
    signed_by(&treasury, [&people.alice, &people.bob], issued[0])?;
    treasury.waits_in_mempool(issued[0])?;
    let (plan, cancellation) = replaced(&treasury, issued[0], "9")?;
    assert_eq!(plan["purpose"], "cancel");
    signed_by(&treasury, [&people.alice, &people.bob], cancellation)?;
    treasury.waits_in_mempool(cancellation)?;
    treasury.node.mine(3)?;
    treasury.withdrawal_becomes("w-1", "failed")?;
    let fee = plan["fee_sat"].as_u64().unwrap_or_default();
    assert_eq!(treasury.held()?, DEPOSIT - Amount::from_sat(fee));
    paid_once(&treasury, &to, Amount::ZERO)?;

    let line = [
        "withdrawal",
        "pay-again",
        "exchange",
        "w-1",
        "--feerate",
        "2",
    ];
    let done = treasury.command_line(&line)?.done()?.json()?;
    let coin = done["plans"][0]["coins"][0].as_str().unwrap_or_default();
    assert_eq!(coin.parse::<OutPoint>()?.txid, cancellation);
    let paid = field(&done["batches"][0]["attempts"][0], "txid")?.parse()?;
    signed_by(&treasury, [&people.alice, &people.bob], paid)?;
    treasury.settle(paid, &["w-1"])?;
    paid_once(&treasury, &to, AMOUNT)?;
    all_is_well(&mut treasury)
}

/// 1. Two payouts share a batch of two coins. It is split: each has an attempt of its own, and both exclude the
///    first. They are merged again, by the command line: the last attempt excludes all three.
/// 2. It settles, and both are paid once.
#[test]
fn a_batch_of_tr_is_split_and_merged_and_pays_once_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Tr, Engine::Sqlite)?;
    for _ in 0..2 {
        treasury.deposit(Amount::from_sat(2_000_000))?;
    }
    let (one, other) = (Purse::stranger(1), Purse::stranger(2));
    let amount = Amount::from_sat(1_500_000);
    treasury.withdraw("w-1", &one, amount)?;
    treasury.withdraw("w-2", &other, amount)?;
    let (id, both) = treasury.batch_at("2")?;
    let people = &treasury.people;
    treasury.countersign(&people.alice, both)?;
    let split = json!({
        "split": [{ "requester": "exchange", "id": "w-2" }], "feerate_sat_vb": "2",
    });
    let (_, apart) = done_as_previewed(&treasury, &format!("/batches/{id}/plan"), &split)?;
    for txid in &apart {
        treasury.countersign(&people.bob, *txid)?;
    }
    let leaving = field(&treasury.withdrawal("w-2")?, "batch")?;
    assert_ne!(leaving, id);
    let line = ["batch", "merge", &id, &leaving, "--feerate", "3"];
    let preview = treasury.command_line(&[&line[..], &["--preview"]].concat())?;
    let preview = preview.done()?.json()?;
    let done = treasury.command_line(&line)?.done()?.json()?;
    assert_eq!(preview["plans"], done["plans"]);
    assert_eq!(items(&done["plans"][0]["excludes"])?.len(), 3);
    let newest = items(&done["batches"][0]["attempts"])?.last();
    let merged = field(newest.ok_or_else(|| Failure::new("no attempt"))?, "txid")?.parse()?;
    signed_by(&treasury, [&people.alice, &people.bob], merged)?;
    treasury.settle(merged, &["w-1", "w-2"])?;
    for txid in [both, apart[0], apart[1]] {
        treasury.attempt_becomes(txid, "dead")?;
    }
    paid_once(&treasury, &one, amount)?;
    paid_once(&treasury, &other, amount)?;
    all_is_well(&mut treasury)
}
