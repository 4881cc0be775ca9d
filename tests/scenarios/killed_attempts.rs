//! What an attempt held comes free only when a transaction that excludes it is settled: not at its first
//! confirmation, not one block early, and no longer once a reorg took it back (M1, M4). Its count in a window
//! stays: journals keep it until it ages.

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Amount, Psbt, Transaction, Txid};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, field};
use policies::document::{PolicyDraft, SelfSpendBudgetDraft, WindowDraft};
use policies::psbt::{AttemptPurpose, Encoding, Manifest};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const DEPOSIT: Amount = Amount::from_sat(10_000_000);

/// Payouts are granted by one rule alone, up to 1,500,000 sat a day: one payout of ours, and no second.
pub(crate) fn one_window(policy: &mut PolicyDraft) {
    policy.rules.truncate(1);
    if let Some(only) = policy.rules.first_mut() {
        only.window = Some(WindowDraft {
            sat: 1_500_000,
            per: "24h".to_owned(),
        });
    }
    policy.limits.self_spend_budget = Some(SelfSpendBudgetDraft {
        sat: 50_000,
        count: 4,
        window: "24h".to_owned(),
    });
}

/// The coins of an attempt, spent back to the vault past the coordinator: signed by the vault's own
/// signers at home and finalized by Bitcoin Core.
pub(crate) fn signed_outside(treasury: &Treasury, attempt: Txid) -> Result<Transaction, Failure> {
    let mut psbt = Psbt::deserialize(&treasury.psbt(attempt)?)?;
    let fee = psbt.fee()?;
    let issued = Manifest::read(&psbt)?;
    let (place, change) = (issued.changes.iter().next())
        .map(|(place, change)| (*place, *change))
        .ok_or_else(|| Failure::new("the attempt has no change"))?;
    let place = usize::try_from(place)?;
    psbt.unsigned_tx.output = vec![psbt.unsigned_tx.output.swap_remove(place)];
    psbt.outputs = vec![psbt.outputs.swap_remove(place)];
    // What was to be paid stays in the vault.
    let kept = psbt.fee()? - fee;
    psbt.unsigned_tx.output[0].value += kept;
    let mut manifest = Manifest::new(issued.policy, AttemptPurpose::Refresh, issued.attempt);
    manifest.changes.insert(0, change);
    manifest.write_into(&mut psbt);

    let asked = psbt.serialize();
    for signer in [&treasury.people.alice, &treasury.people.bob] {
        let signed = String::from_utf8(signer.sign(&asked)?.done()?.stdout)?;
        psbt.combine(signed.trim().parse()?)?;
    }
    let base64 = String::from_utf8(Encoding::Base64.encode(&psbt.serialize()))?;
    let finalized: Value = treasury.node.call("finalizepsbt", json!([base64.trim()]))?;
    Ok(deserialize_hex(&field(&finalized, "hex")?)?)
}

/// Asks for a payout that needs the window, and is refused because of it.
#[track_caller]
fn the_window_is_taken(treasury: &Treasury, id: &str) -> Outcome {
    let intent = treasury.intent(id, &Purse::stranger(8), AMOUNT)?;
    let refused = treasury.submit(&intent)?.refused(422, "denied_by_policy")?;
    assert_eq!(refused["misses"][0]["code"], "window", "{refused}");
    Ok(())
}

/// 1. A payout takes most of the only rule's window; its attempt is out for signing. A second one that
///    needs the window is refused.
/// 2. The vault's own signers spend the attempt's coin otherwise, outside of the pipeline, and a miner
///    takes that. With the third confirmation it is settled: the first payout has failed. The window stays
///    taken, for journals never count less, and no second payout is granted.
/// 3. A reorg takes the three blocks back: the attempt lives again, and the window is its own.
/// 4. The spend settles once more, for good. The first payout is paid again within its own count, from what
///    took its place, and settles; the window is as taken as before. Books and node agree.
fn a_window_stays_taken_by_what_failed(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = Treasury::start_edited(kind, engine, one_window)?;
    treasury.deposit(DEPOSIT)?;
    treasury.deposit(DEPOSIT)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let killed = treasury.batch()?;
    the_window_is_taken(&treasury, "w-2")?;

    let rival = signed_outside(&treasury, killed)?;
    treasury.node.mine_exactly(&[rival])?;
    for _ in 1..=2 {
        treasury.all_is_taken_in()?;
        assert_eq!(treasury.withdrawal_state("w-1")?, "signing");
        treasury.node.mine(1)?;
    }
    treasury.all_is_taken_in()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "failed");
    treasury.attempt_becomes(killed, "dead")?;
    the_window_is_taken(&treasury, "w-2")?;

    treasury.node.reorg(3)?;
    treasury.all_is_taken_in()?;
    assert_ne!(treasury.withdrawal_state("w-1")?, "failed");
    treasury.attempt_becomes(killed, "issued")?;
    the_window_is_taken(&treasury, "w-3")?;

    // The reorg gave it back to the mempool, from where it is mined again.
    treasury.node.mine(3)?;
    treasury.all_is_taken_in()?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "failed");
    let again = treasury.path("/withdrawals/exchange/w-1/payment");
    let again = treasury.operator().post(&again, &json!({}))?.done()?;
    let paid = field(&again["batches"][0]["attempts"][0], "txid")?.parse()?;
    treasury.countersign(&treasury.people.alice, paid)?;
    treasury.countersign(&treasury.people.bob, paid)?;
    treasury.settle(paid, &["w-1"])?;
    the_window_is_taken(&treasury, "w-3")?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn window_of_a_killed_attempt_of_wsh_stays_taken_on_sqlite() -> Outcome {
    a_window_stays_taken_by_what_failed(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn window_of_a_killed_attempt_of_tr_stays_taken_on_postgres() -> Outcome {
    a_window_stays_taken_by_what_failed(ScriptKind::Tr, Engine::Postgres)
}
