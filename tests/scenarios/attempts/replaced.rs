//! Attempts that are replaced at higher feerates, whichever of them a miner takes.

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Amount, Psbt, Transaction, Txid};
use harness::{Bitcoind, Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field, items};
use policies::psbt::{Encoding, Manifest};
use serde_json::{Value, json};

use super::{AMOUNT, DEPOSIT, all_is_well, paid_once, replaced, signed_by, waiting, with_budget};

/// The transaction of an attempt with some satoshi more of change, signed by two and finalized by Core.
fn with_more_change(treasury: &Treasury, txid: Txid, more: u64) -> Result<Transaction, Failure> {
    let mut psbt = Psbt::deserialize(&treasury.psbt(txid)?)?;
    let manifest = Manifest::read(&psbt)?;
    let change = *(manifest.changes.keys().next()).ok_or_else(|| Failure::new("no change"))?;
    psbt.unsigned_tx.output[usize::try_from(change)?].value += Amount::from_sat(more);
    let asked = psbt.serialize();
    for signer in [&treasury.people.alice, &treasury.people.bob] {
        let signed = String::from_utf8(signer.sign(&asked)?.done()?.stdout)?;
        psbt.combine(signed.trim().parse()?)?;
    }
    let base64 = String::from_utf8(Encoding::Base64.encode(&psbt.serialize()))?;
    let finalized: Value = treasury.node.call("finalizepsbt", json!([base64.trim()]))?;
    Ok(deserialize_hex(&field(&finalized, "hex")?)?)
}

/// 1. A payout waits in the mempool. It is replaced at a higher feerate, as the preview said; signers sign the
///    replacement, and the mempool has it in the place of the first.
/// 2. It is replaced once more, for as little as can be: the node refuses the same for one satoshi less, and
///    takes it at the fee that was computed.
/// 3. The last one settles; the others are dead, and the payout was made once.
#[test]
fn a_payout_of_tr_is_replaced_until_it_confirms_at_no_satoshi_too_many_on_sqlite() -> Outcome {
    let node = Bitcoind::start_with_dear_replacements()?;
    let mut treasury = Treasury::start_on_node(node, ScriptKind::Tr, Engine::Sqlite, with_budget)?;
    treasury.deposit(DEPOSIT)?;
    let to = Purse::stranger(1);
    treasury.withdraw("w-1", &to, AMOUNT)?;
    let (_, first) = treasury.batch_at("2")?;
    let (alice, bob) = (&treasury.people.alice, &treasury.people.bob);
    signed_by(&treasury, [alice, bob], first)?;
    treasury.waits_in_mempool(first)?;

    let (plan, second) = replaced(&treasury, first, "5")?;
    assert_eq!(plan["replaces"], json!([first]));
    signed_by(&treasury, [alice, bob], second)?;
    treasury.waits_in_mempool(second)?;
    assert!(!treasury.node.mempool()?.contains(&first));

    let (plan, third) = replaced(&treasury, second, "1")?;
    assert_eq!(plan["replaces"], json!([first, second]));
    let too_cheap = with_more_change(&treasury, third, 1)?;
    let tested: Value = treasury
        .node
        .call("testmempoolaccept", json!([[serialize_hex(&too_cheap)]]))?;
    assert_eq!(tested[0]["allowed"], false, "{tested}");
    let reason = field(&tested[0], "reject-reason")?;
    assert!(reason.starts_with("insufficient fee"), "{reason}");
    signed_by(&treasury, [alice, bob], third)?;
    treasury.waits_in_mempool(third)?;
    assert!(!treasury.node.mempool()?.contains(&second));

    treasury.settle(third, &["w-1"])?;
    treasury.attempt_becomes(first, "dead")?;
    treasury.attempt_becomes(second, "dead")?;
    paid_once(&treasury, &to, AMOUNT)?;
    all_is_well(&mut treasury)
}

/// 1. Two small coins. A payout spends one; Alice and Bob sign it. Its replacement is so dear that it needs both.
/// 2. A third attempt is made by hand that spends only the second coin: it excludes the replacement, and not
///    the first. Alice and Bob, who signed the first, refuse it.
/// 3. What the coordinator plans next excludes both, and settles.
#[test]
fn a_third_attempt_of_wsh_that_excludes_the_second_alone_is_refused_by_signers_on_postgres()
-> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Postgres)?;
    let coin = Amount::from_sat(1_110_000);
    for _ in 0..2 {
        treasury.deposit(coin)?;
    }
    let to = Purse::stranger(1);
    treasury.withdraw("w-1", &to, AMOUNT)?;
    let (_, first) = treasury.batch_at("1")?;
    let people = &treasury.people;
    signed_by(&treasury, [&people.alice, &people.bob], first)?;
    treasury.waits_in_mempool(first)?;
    let (plan, second) = replaced(&treasury, first, "60")?;
    assert_eq!(items(&plan["coins"])?.len(), 2, "{plan}");

    let spent = Psbt::deserialize(&treasury.psbt(first)?)?.unsigned_tx.input[0].previous_output;
    let mut apart = Psbt::deserialize(&treasury.psbt(second)?)?;
    let place = (apart.unsigned_tx.input.iter())
        .position(|input| input.previous_output == spent)
        .ok_or_else(|| Failure::new("the replacement spends no coin of the first"))?;
    apart.unsigned_tx.input.remove(place);
    apart.inputs.remove(place);
    let manifest = Manifest::read(&apart)?;
    let change = *(manifest.changes.keys().next()).ok_or_else(|| Failure::new("no change"))?;
    let change = &mut apart.unsigned_tx.output[usize::try_from(change)?].value;
    *change = coin - AMOUNT - Amount::from_sat(1_000);
    for signer in [&people.alice, &people.bob] {
        signer.sign(&apart.serialize())?.refused("NOT_EXCLUSIVE")?;
    }

    let (plan, third) = replaced(&treasury, second, "1")?;
    assert_eq!(items(&plan["excludes"])?.len(), 2);
    assert!(items(&plan["coins"])?.contains(&json!(spent.to_string())));
    signed_by(&treasury, [&people.alice, &people.machine], third)?;
    treasury.settle(third, &["w-1"])?;
    treasury.attempt_becomes(first, "dead")?;
    paid_once(&treasury, &to, AMOUNT)?;
    all_is_well(&mut treasury)
}

/// 1. A payout is replaced by a second attempt, and that by a third; all three are fully signed and were in the
///    mempool one after the other. The third excludes both others.
/// 2. A miner takes the first all the same. It settles, and the two others are dead.
/// 3. A reorg takes it back, and the new blocks hold the second. That settles, and the first and the third are
///    dead. The payout was made once.
#[test]
fn miners_take_the_first_of_three_attempts_of_wsh_and_after_a_reorg_the_second_on_postgres()
-> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Postgres)?;
    treasury.deposit(DEPOSIT)?;
    treasury.deposit(DEPOSIT)?;
    let to = Purse::stranger(1);
    treasury.withdraw("w-1", &to, AMOUNT)?;
    let people = &treasury.people;
    let signers = [&people.alice, &people.bob];
    let (_, a) = treasury.batch_at("2")?;
    signed_by(&treasury, signers, a)?;
    treasury.waits_in_mempool(a)?;
    let first = waiting(&treasury, a)?;
    let (_, b) = replaced(&treasury, a, "5")?;
    signed_by(&treasury, signers, b)?;
    treasury.waits_in_mempool(b)?;
    let second = waiting(&treasury, b)?;
    let (plan, c) = replaced(&treasury, b, "9")?;
    assert_eq!(items(&plan["excludes"])?.len(), 2, "{plan}");
    signed_by(&treasury, signers, c)?;
    treasury.waits_in_mempool(c)?;

    treasury.node.mine_exactly(&[first])?;
    treasury.node.mine(2)?;
    treasury.withdrawal_becomes("w-1", "settled")?;
    treasury.attempt_becomes(a, "settled")?;
    for txid in [b, c] {
        treasury.attempt_becomes(txid, "dead")?;
    }
    paid_once(&treasury, &to, AMOUNT)?;
    treasury.reconcile()?;

    treasury.node.reorg_with(3, &[second])?;
    treasury.attempt_becomes(b, "settled")?;
    for txid in [a, c] {
        treasury.attempt_becomes(txid, "dead")?;
    }
    treasury.withdrawal_becomes("w-1", "settled")?;
    paid_once(&treasury, &to, AMOUNT)?;
    all_is_well(&mut treasury)
}
