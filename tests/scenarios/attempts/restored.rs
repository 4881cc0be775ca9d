//! A coordinator whose database was restored from an old backup, among signers who know more than it does.

use bitcoin::{Amount, OutPoint, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field, items};
use serde_json::json;

use super::{paid_once, signed_by};

const COIN: Amount = Amount::from_sat(2_000_000);
/// High enough that no coin is spent beside those that it takes.
const FEERATE: &str = "12";

/// Makes a batch of one withdrawal; the txid of its attempt.
#[track_caller]
fn batch_of(treasury: &Treasury, id: &str) -> Result<Txid, Failure> {
    let asked = json!({
        "withdrawals": [{ "requester": "exchange", "id": id }], "feerate_sat_vb": FEERATE,
    });
    let made = treasury
        .operator()
        .post(&treasury.path("/batches"), &asked)?;
    Ok(field(&made.done()?["attempts"][0], "txid")?.parse()?)
}

/// 1. A payout is approved, and three addresses are issued. The database is backed up.
/// 2. The payout is signed and settles. Alice signs a second one, on a coin that came in since.
/// 3. The database is restored. The coordinator catches up with the chain: it finds what paid the first payout,
///    does not pay it again, and says that its database is old. What Alice signed it does not know, and says that
///    too.
/// 4. A third payout takes the coin that Alice's signature is for. The service submits the second one again, and its
///    next attempt takes another coin. Alice, who knows more, refuses it; the two who signed nothing for it sign.
/// 5. Each payout was made once.
#[test]
fn a_coordinator_of_wsh_restored_from_a_backup_pays_nothing_twice_on_sqlite() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(COIN)?;
    let (early, late) = (treasury.new_address("")?, treasury.new_address("")?);
    let to = [1, 2, 3].map(Purse::stranger);
    let amounts = [1_000_000, 1_500_000, 2_900_000].map(Amount::from_sat);
    treasury.withdraw("w-1", &to[0], amounts[0])?;
    treasury.coordinator.stop()?;
    let backup = treasury.store.back_up()?;
    treasury.coordinator.resume()?;

    let first = batch_of(&treasury, "w-1")?;
    let people = &treasury.people;
    signed_by(&treasury, [&people.alice, &people.bob], first)?;
    treasury.settle(first, &["w-1"])?;
    let coin = treasury.pay_in(&early, COIN * 2)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(coin, "settled")?;
    let intent = treasury.withdraw("w-2", &to[1], amounts[1])?;
    let second = batch_of(&treasury, "w-2")?;
    let known_to_alice = people.alice.sign(&treasury.psbt(second)?)?.done()?.stdout;

    treasury.coordinator.stop()?;
    treasury.store.restore(&backup)?;
    treasury.coordinator.resume()?;
    treasury.deposit_becomes(coin, "settled")?;
    treasury.all_is_taken_in()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "approved");
    let asked = json!({ "withdrawals": [{ "requester": "exchange", "id": "w-1" }] });
    let refused = (treasury.operator())
        .post(&treasury.path("/batches"), &asked)?
        .refused(409, "paid_by_unknown")?;
    assert_eq!(refused["txid"], json!(first), "{refused}");
    assert!(field(&refused, "hint")?.contains("backup"), "{refused}");
    let path = format!("/attempts/{second}/signatures");
    let unknown = (treasury.signer())
        .post_bytes(&path, &known_to_alice)?
        .refused(404, "unknown_attempt")?;
    assert!(field(&unknown, "hint")?.contains("backup"), "{unknown}");

    treasury.withdraw("w-3", &to[2], amounts[2])?;
    let third = batch_of(&treasury, "w-3")?;
    let people = &treasury.people;
    signed_by(&treasury, [&people.alice, &people.bob], third)?;
    treasury.settle(third, &["w-3"])?;
    let other: OutPoint = treasury.pay_in(&late, COIN)?;
    treasury.node.mine(3)?;
    treasury.deposit_becomes(other, "settled")?;
    treasury.submit(&intent)?.done()?;
    let path = treasury.path("/batches");
    let asked = json!({ "feerate_sat_vb": FEERATE });
    let made = treasury.operator().post(&path, &asked)?.done()?;
    assert_eq!(items(&made["withdrawals"])?.len(), 1, "{made}");
    assert_eq!(made["waiting"][0]["code"], "paid_by_unknown", "{made}");
    let again = field(&made["attempts"][0], "txid")?.parse()?;
    let psbt = treasury.psbt(again)?;
    people.alice.sign(&psbt)?.refused("NOT_EXCLUSIVE")?;
    signed_by(&treasury, [&people.bob, &people.machine], again)?;
    treasury.settle(again, &["w-2"])?;
    for (to, amount) in to.iter().zip(amounts) {
        paid_once(&treasury, to, amount)?;
    }
    treasury.verify_events()?;
    treasury.must_be_well()
}
