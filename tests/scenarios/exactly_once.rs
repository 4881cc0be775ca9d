//! Each withdrawal is paid exactly once, whatever crashes or races.

use std::thread;

use bitcoin::{Amount, Psbt};
use harness::{Engine, Failure, Outcome, Purse, ScriptKind, Treasury, items};
use serde_json::json;

const AMOUNT: Amount = Amount::from_sat(1_000_000);

/// How many unspent outputs of exactly this payment the node has.
fn payments(treasury: &Treasury, to: &bitcoin::Address) -> Result<usize, Failure> {
    let script = format!("raw({})", to.script_pubkey().to_hex_string());
    let found: serde_json::Value = treasury
        .node
        .call("scantxoutset", json!(["start", [script]]))?;
    Ok(items(&found["unspents"])?.len())
}

/// 1. A withdrawal is requested.
/// 2. The same body again is answered with the withdrawal as it stands.
/// 3. Another body under its id is refused, and nothing is changed.
#[test]
fn id_names_one_withdrawal_for_ever() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let intent = treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let census = treasury.census()?;
    let again = treasury.submit(&intent)?;
    assert_eq!(again.status, 200);
    let mut other = intent.clone();
    other.amount = AMOUNT + Amount::ONE_SAT;
    other.min = other.amount;
    treasury.submit(&other)?.refused(409, "id_reused")?;
    let mut other = intent.clone();
    other.reference = "another".to_owned();
    treasury.submit(&other)?.refused(409, "id_reused")?;
    assert_eq!(treasury.census()?, census);
    Ok(())
}

/// 1. Eight callers submit the same request at the same moment, and eight another each under one id.
/// 2. One withdrawal stands for each id; all others were told so.
fn concurrent_submissions_are_one(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let same = treasury.intent("same", &Purse::stranger(1), AMOUNT)?;
    let bodies: Vec<_> = (0..16_u64)
        .map(|n| {
            let mut intent = same.clone();
            if n >= 8 {
                intent.id = "other".parse()?;
                intent.amount = AMOUNT + Amount::from_sat(n);
                intent.min = intent.amount;
            }
            Ok(treasury.signed_bytes(&intent.encode()))
        })
        .collect::<Result<_, Failure>>()?;
    let (api, path) = (treasury.service(), treasury.path("/withdrawals"));
    let statuses = thread::scope(|scope| {
        let callers: Vec<_> = bodies
            .iter()
            .map(|body| scope.spawn(|| api.post(&path, body).map(|answer| answer.status)))
            .collect();
        callers
            .into_iter()
            .map(|caller| {
                caller
                    .join()
                    .map_err(|_| Failure::new("a caller panicked"))?
            })
            .collect::<Result<Vec<u16>, Failure>>()
    })?;
    assert_eq!(
        statuses[..8]
            .iter()
            .filter(|status| **status == 201)
            .count(),
        1
    );
    assert!(
        statuses[..8]
            .iter()
            .all(|status| [200, 201].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(
        statuses[8..]
            .iter()
            .filter(|status| **status == 201)
            .count(),
        1
    );
    assert!(
        statuses[8..]
            .iter()
            .all(|status| [201, 409].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(treasury.store.number("SELECT COUNT(*) FROM withdrawal")?, 2);
    treasury.must_be_well()
}

#[test]
fn concurrent_submissions_make_one_withdrawal_on_sqlite() -> Outcome {
    concurrent_submissions_are_one(Engine::Sqlite)
}

#[test]
fn concurrent_submissions_make_one_withdrawal_on_postgres() -> Outcome {
    concurrent_submissions_are_one(Engine::Postgres)
}

/// 1. A withdrawal is on its way.
/// 2. The coordinator is killed after it was requested, batched, half signed, signed, broadcast and
///    confirmed, and each time comes back.
/// 3. It settles; the payee was paid once.
fn a_withdrawal_survives_crashes(kind: ScriptKind, engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(kind, engine)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, AMOUNT)?;
    crash(&mut treasury)?;
    let txid = treasury.batch()?;
    crash(&mut treasury)?;
    treasury.countersign(&treasury.people.alice, txid)?;
    crash(&mut treasury)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    crash(&mut treasury)?;
    treasury.reaches_mempool(txid)?;
    crash(&mut treasury)?;
    treasury.node.mine(1)?;
    crash(&mut treasury)?;
    treasury.node.mine(2)?;
    crash(&mut treasury)?;
    treasury.withdrawal_becomes("w-1", "settled")?;
    assert_eq!(payments(&treasury, &payee)?, 1);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

fn crash(treasury: &mut Treasury) -> Outcome {
    treasury.coordinator.kill()?;
    treasury.coordinator.resume()
}

#[test]
fn withdrawal_survives_crashes_on_sqlite() -> Outcome {
    a_withdrawal_survives_crashes(ScriptKind::Wsh, Engine::Sqlite)
}

#[test]
fn withdrawal_survives_crashes_on_postgres() -> Outcome {
    a_withdrawal_survives_crashes(ScriptKind::Tr, Engine::Postgres)
}

/// 1. The last signature arrives; the node is away, so nobody knows whether it was broadcast.
/// 2. The node comes back: the transaction is broadcast, confirmed and settled, once.
#[test]
fn broadcast_is_repeated_until_the_chain_answers() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, AMOUNT)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.node.pause()?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.node.resume()?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(payments(&treasury, &payee)?, 1);
    treasury.must_be_well()
}

/// 1. A withdrawal is settled.
/// 2. A reorg takes its block back: it moves back, and is in the mempool again.
/// 3. It settles again: the same transaction, paid once, booked once in sum.
fn a_settled_withdrawal_comes_back(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    treasury.deposit(Amount::ONE_BTC)?;
    let payee = Purse::stranger(1);
    treasury.withdraw("w-1", &payee, AMOUNT)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.node.reorg(3)?;
    treasury.withdrawal_becomes("w-1", "broadcast")?;
    treasury.reconcile()?;
    treasury.settle(txid, &["w-1"])?;
    assert_eq!(payments(&treasury, &payee)?, 1);
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn reorg_of_a_settled_withdrawal_pays_it_once_on_sqlite() -> Outcome {
    a_settled_withdrawal_comes_back(Engine::Sqlite)
}

#[test]
fn reorg_of_a_settled_withdrawal_pays_it_once_on_postgres() -> Outcome {
    a_settled_withdrawal_comes_back(Engine::Postgres)
}

/// 1. Four coins and four withdrawals are there.
/// 2. Eight callers make batches at the same moment, each of one withdrawal.
/// 3. No coin is in two of them, and no withdrawal either.
fn batches_share_no_coin(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    for _ in 0..4 {
        treasury.deposit(Amount::from_sat(5_000_000))?;
    }
    for n in 0..4_u8 {
        treasury.withdraw(&format!("w-{n}"), &Purse::stranger(n), AMOUNT)?;
    }
    let (api, path) = (treasury.operator(), treasury.path("/batches"));
    let answers = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|n| {
                let id = format!("w-{}", n % 4);
                let body = json!({ "withdrawals": [{ "requester": "exchange", "id": id }] });
                let (api, path) = (&api, &path);
                scope.spawn(move || api.post(path, &body))
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| {
                caller
                    .join()
                    .map_err(|_| Failure::new("a caller panicked"))?
            })
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!((1..=4).contains(&made), "{made} batches of 4 withdrawals");
    let attempts = treasury
        .auditor()
        .get(&treasury.path("/attempts"))?
        .done()?;
    let mut spent = Vec::new();
    for attempt in items(&attempts)? {
        let txid = attempt["txid"].as_str().unwrap_or_default().parse()?;
        let psbt = Psbt::deserialize(&treasury.psbt(txid)?)?;
        spent.extend(
            psbt.unsigned_tx
                .input
                .iter()
                .map(|input| input.previous_output),
        );
    }
    let all = spent.len();
    spent.sort_unstable();
    spent.dedup();
    assert_eq!(spent.len(), all, "a coin is in two batches");
    treasury.must_be_well()
}

#[test]
fn two_batches_never_share_a_coin_on_sqlite() -> Outcome {
    batches_share_no_coin(Engine::Sqlite)
}

#[test]
fn two_batches_never_share_a_coin_on_postgres() -> Outcome {
    batches_share_no_coin(Engine::Postgres)
}

/// 1. Alice's signer has signed an attempt for a withdrawal.
/// 2. A lying coordinator loses its memory of it and asks her to sign another transaction, of other
///    coins, for the same withdrawal.
/// 3. Her journal refuses: both could be in one chain.
#[test]
fn signer_refuses_a_second_payment_of_one_withdrawal() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.deposit(Amount::from_sat(5_000_000))?;
    treasury.withdraw("w-1", &Purse::stranger(1), AMOUNT)?;
    let first = treasury.batch()?;
    let alice = &treasury.people.alice;
    alice.sign(&treasury.psbt(first)?)?.done()?;
    // Somebody with the database in their hands makes it forget the first attempt.
    treasury.store.sql("DELETE FROM attempt_payment")?;
    treasury.store.sql("UPDATE batch_withdrawal SET live = 0")?;
    treasury
        .store
        .sql("UPDATE window_count SET released_at = counted_at")?;
    treasury.store.sql(
        "UPDATE withdrawal SET state = 'approved', \
         detail = '{\"state\":\"approved\",\"rule\":\"small payouts\"}'",
    )?;
    let second = treasury.batch()?;
    assert_ne!(first, second);
    let before = alice.journal()?;
    alice
        .sign(&treasury.psbt(second)?)?
        .refused("NOT_EXCLUSIVE")?;
    assert_eq!(alice.journal()?, before);
    // The first one is signed again as often as anybody likes.
    alice.sign(&treasury.psbt(first)?)?.done()?;
    Ok(())
}
