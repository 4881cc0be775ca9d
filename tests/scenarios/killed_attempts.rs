//! What an attempt held comes free only when a transaction that excludes it is settled: not at its first
//! confirmation, not one block early, and no longer once a reorg took it back (M1, M4).

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Amount, Psbt, Transaction, Txid};
use harness::{Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, field, wait_until};
use policies::document::{PolicyDraft, SelfSpendBudgetDraft, WindowDraft};
use policies::psbt::{AttemptPurpose, Encoding, Manifest};
use serde_json::{Value, json};

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const DEPOSIT: Amount = Amount::from_sat(10_000_000);

/// Payouts are granted by one rule alone, up to 1,500,000 sat a day: one payout of ours, and no second.
fn one_window(policy: &mut PolicyDraft) {
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
fn signed_outside(treasury: &Treasury, attempt: Txid) -> Result<Transaction, Failure> {
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

/// Waits until the coordinator has taken in all that the watchtower saw up to the node's tip.
#[track_caller]
fn all_is_taken_in(treasury: &Treasury) -> Outcome {
    let tip = treasury.node.best_block()?.to_string();
    wait_until("everything seen to be taken in", LONG, || {
        if treasury.auditor().get("/status")?.done()?["tip"] != tip.as_str() {
            return Ok(None);
        }
        if treasury.store.number("SELECT COUNT(*) FROM event_queue")? > 0 {
            return Ok(None);
        }
        let last = (treasury.store)
            .number("SELECT COALESCE(MAX(number), 0) AS last FROM event_sequence")?;
        let taken = treasury.store.number(
            "SELECT COALESCE(MAX(number), 0) AS taken FROM consumer_cursor
             WHERE consumer = 'coordinator'",
        )?;
        Ok((taken >= last).then_some(()))
    })
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
///    takes that. Confirmed once, and twice, it frees nothing: the second payout is still refused.
/// 3. With the third confirmation it is settled. The first payout has failed, and the second is taken.
/// 4. A reorg takes the three blocks back. The attempt lives again, the window is its own, and what was
///    taken waits; a third payout is refused.
/// 5. The spend settles once more, for good. The second payout is paid, signed and settled. Books and
///    node agree.
fn a_window_comes_free_at_settlement_alone(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = Treasury::start_edited(kind, engine, one_window)?;
    treasury.deposit(DEPOSIT)?;
    treasury.deposit(DEPOSIT)?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let killed = treasury.batch()?;
    the_window_is_taken(&treasury, "w-2")?;

    let rival = signed_outside(&treasury, killed)?;
    treasury.node.mine_exactly(&[rival])?;
    for confirmations in 1..=2 {
        all_is_taken_in(&treasury)?;
        assert_eq!(treasury.withdrawal_state("w-1")?, "signing");
        the_window_is_taken(&treasury, &format!("early-{confirmations}"))?;
        treasury.node.mine(1)?;
    }
    all_is_taken_in(&treasury)?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "failed");
    treasury.attempt_becomes(killed, "dead")?;
    treasury.withdraw("w-2", &Purse::stranger(9), AMOUNT)?;
    assert_eq!(treasury.withdrawal_state("w-2")?, "approved");

    treasury.node.reorg(3)?;
    all_is_taken_in(&treasury)?;
    assert_ne!(treasury.withdrawal_state("w-1")?, "failed");
    treasury.attempt_becomes(killed, "issued")?;
    the_window_is_taken(&treasury, "w-3")?;
    let refused = treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "nothing_to_batch")?;
    assert_eq!(refused["waiting"][0]["id"], "w-2", "{refused}");

    // The reorg gave it back to the mempool, from where it is mined again.
    treasury.node.mine(3)?;
    all_is_taken_in(&treasury)?;
    assert_eq!(treasury.withdrawal_state("w-1")?, "failed");
    let paid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, paid)?;
    treasury.countersign(&treasury.people.bob, paid)?;
    treasury.settle(paid, &["w-2"])?;
    the_window_is_taken(&treasury, "w-3")?;
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn window_of_a_killed_attempt_of_wsh_comes_free_at_settlement_alone_on_sqlite() -> Outcome {
    a_window_comes_free_at_settlement_alone(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn window_of_a_killed_attempt_of_tr_comes_free_at_settlement_alone_on_postgres() -> Outcome {
    a_window_comes_free_at_settlement_alone(ScriptKind::Tr, Engine::Postgres)
}
