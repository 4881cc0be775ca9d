//! A coordinator that lost its database, and what it makes of what people kept.

mod day;
mod restored;

use std::fs;

use bitcoin::{Address, Amount, Txid};
use harness::{
    Engine, Failure, LONG, Outcome, Purse, ScriptKind, Treasury, field, items, wait_until,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::day::a_day;

const AMOUNT: Amount = Amount::from_sat(1_000_000);
const LARGE: Amount = Amount::from_sat(6_000_000);
const DEPOSIT: Amount = Amount::from_sat(10_000_000);

/// How many unspent outputs of exactly this payment the node has.
fn payments(treasury: &Treasury, to: &Address) -> Result<usize, Failure> {
    let script = format!("raw({})", to.script_pubkey().to_hex_string());
    let found: Value = treasury
        .node
        .call("scantxoutset", json!(["start", [script]]))?;
    Ok(items(&found["unspents"])?.len())
}

/// What became of the withdrawals: id and state, by id.
fn states(treasury: &Treasury) -> Result<Vec<(String, String)>, Failure> {
    let all = treasury
        .auditor()
        .get(&treasury.path("/withdrawals"))?
        .done()?;
    let mut states = Vec::new();
    for one in items(&all)? {
        states.push((field(one, "id")?, field(one, "state")?));
    }
    states.sort();
    Ok(states)
}

/// The attempts of a vault: txid and whether its PSBT is there, by txid.
fn attempts(treasury: &Treasury) -> Result<Vec<(String, bool)>, Failure> {
    let all = treasury
        .auditor()
        .get(&treasury.path("/attempts"))?
        .done()?;
    let mut attempts = Vec::new();
    for one in items(&all)? {
        attempts.push((field(one, "txid")?, one["psbt"] == true));
    }
    attempts.sort();
    Ok(attempts)
}

/// Takes the place of an attempt at another feerate; the new attempt of a withdrawal.
fn replace(treasury: &Treasury, txid: Txid, id: &str, feerate: &str) -> Result<Txid, Failure> {
    let wanted = json!({ "feerate_sat_vb": feerate });
    treasury
        .operator()
        .post(&format!("/attempts/{txid}/replacement"), &wanted)?
        .done()?;
    let new: Txid = field(&treasury.withdrawal(id)?, "txid")?.parse()?;
    if new == txid {
        return Err(Failure::new("nothing took its place"));
    }
    Ok(new)
}

/// Signed by alice and bob, who each hand in what they signed.
fn sign_by_two(treasury: &Treasury, txid: Txid) -> Outcome {
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    Ok(())
}

/// Several deposits in one transaction.
fn deposit_at_once(treasury: &Treasury, number: usize) -> Outcome {
    let addresses = (0..number).map(|_| Ok((treasury.new_address("deposit")?, DEPOSIT)));
    let addresses: Vec<_> = addresses.collect::<Result<_, Failure>>()?;
    treasury.node.fund_all(&addresses)?;
    treasury.node.mine(3)?;
    wait_until("the deposits to be settled", LONG, || {
        let settled = treasury.deposits()?;
        let settled = settled.iter().filter(|one| one["state"] == "settled");
        Ok((settled.count() == number).then_some(()))
    })
}

/// The journals of everybody who signs payments, into the folder.
fn export_all(treasury: &Treasury, papers: &TempDir) -> Outcome {
    let people = &treasury.people;
    for signer in [&people.alice, &people.bob, &people.machine] {
        Treasury::export_journal(signer, papers.path())?;
    }
    Ok(())
}

fn keep(papers: &TempDir, name: &str, paper: &Value) -> Outcome {
    Ok(fs::write(papers.path().join(name), paper.to_string())?)
}

/// 1. A vault in the middle of its day ([`a_day`]) loses its database, and gets it again from what people kept.
/// 2. With `--pay-open` balance, deposits and the state of each withdrawal are as before, every attempt that anybody signed is
///    known, and the events begin anew with one that names the sources.
/// 3. What flies settles. What nothing paid is paid once. The one whose request nobody kept is not paid anew
///    before the service submits it again. What was signed by one, and what was replaced, is replaced once
///    more: alice, who remembers all of it, signs, so that it excludes every attempt before.
/// 4. Each payee was paid once, and books and node agree.
fn what_was_lost_is_rebuilt(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let day = a_day(&treasury)?;
    let (held, before) = (treasury.held()?, states(&treasury)?);
    let deposits = treasury.deposits()?.len();
    treasury.lose_database()?;

    let preview = treasury
        .rebuild(day.papers.path(), &["--check"])?
        .done()?
        .json()?;
    assert_eq!(preview["vaults"][0]["attempts"], 5, "{preview}");
    assert_eq!(preview["vaults"][0]["without_request"], 1, "{preview}");
    let told = treasury.rebuild(day.papers.path(), &["--pay-open"])?;
    let told = told.done()?.json()?;
    let vault = &told["vaults"][0];
    assert_eq!(items(&vault["held"])?.len(), 0, "{told}");
    assert_eq!(items(&vault["doubted"])?.len(), 0, "{told}");
    assert_eq!(
        vault["without_request"],
        json!(["exchange/w-begun"]),
        "{told}"
    );
    assert_eq!(items(&vault["unexplained"])?.len(), 0, "{told}");
    assert_eq!(vault["withdrawals"]["settled"], 1, "{told}");
    treasury
        .rebuild(day.papers.path(), &["--pay-open"])?
        .refused("rebuild_done")?;
    treasury.serve_again()?;
    treasury.withdrawal_becomes("w-flying", "broadcast")?;
    assert_eq!(states(&treasury)?, before);
    assert_eq!(treasury.held()?, held);
    assert_eq!(treasury.deposits()?.len(), deposits);
    let known: Vec<String> = attempts(&treasury)?.into_iter().map(|one| one.0).collect();
    for txid in [day.paid, day.flying, day.begun, day.replaced, day.replacing] {
        assert!(known.contains(&txid.to_string()), "{txid} is forgotten");
    }
    let events = treasury.auditor().get("/events?limit=1000")?.done()?;
    let listed = items(&events).or_else(|_| items(&events["events"]))?;
    assert!(listed.iter().any(|event| event["kind"] == "vault.rebuilt"));
    let address = treasury.new_address("customer-8")?;
    assert!(
        !treasury
            .deposits()?
            .iter()
            .any(|one| one["address"] == address.to_string())
    );

    treasury.settle(day.flying, &["w-flying"])?;
    let open = treasury.batch()?;
    sign_by_two(&treasury, open)?;
    treasury.settle(open, &["w-open", "w-large"])?;
    treasury
        .operator()
        .post(
            &format!("/attempts/{}/replacement", day.begun),
            &json!({ "feerate_sat_vb": "9" }),
        )?
        .refused(409, "request_missing")?;
    let begun = treasury.withdrawal("w-begun")?;
    let again = treasury.signed_bytes(field(&begun, "intent")?.as_bytes());
    treasury.submit_body(&again)?.done()?;
    for (txid, id, feerate) in [
        (day.begun, "w-begun", "9"),
        (day.replacing, "w-replaced", "20"),
    ] {
        let anew = replace(&treasury, txid, id, feerate)?;
        sign_by_two(&treasury, anew)?;
        treasury.settle(anew, &[id])?;
    }
    for txid in [day.begun, day.replaced, day.replacing] {
        treasury.attempt_becomes(txid, "dead")?;
    }
    for stranger in 1..=6 {
        assert_eq!(payments(&treasury, &Purse::stranger(stranger))?, 1);
    }
    for stranger in [7, 8] {
        assert_eq!(payments(&treasury, &Purse::stranger(stranger))?, 0);
    }
    treasury.reconcile()?;
    treasury.verify_events()?;
    treasury.must_be_well()
}

#[test]
fn a_lost_database_is_rebuilt_and_each_withdrawal_is_paid_once_on_sqlite() -> Outcome {
    what_was_lost_is_rebuilt(Engine::Sqlite)
}

#[test]
fn a_lost_database_is_rebuilt_and_each_withdrawal_is_paid_once_on_postgres() -> Outcome {
    what_was_lost_is_rebuilt(Engine::Postgres)
}

/// 1. Of two vaults' databases alike one is rebuilt in one go.
/// 2. The other rebuilding is killed while it scans, again and again, and goes on each time. A coordinator does
///    not serve what is not finished, and other papers do not go on with it.
/// 3. Both have the same books. Whatever nothing paid is held: no paper tells of one that was cancelled.
#[test]
fn a_rebuilding_that_is_killed_goes_on_to_the_same_books() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    let day = a_day(&treasury)?;
    treasury.lose_database()?;
    let told = treasury.rebuild(day.papers.path(), &[])?.done()?.json()?;
    let mut held: Vec<&str> = (items(&told["vaults"][0]["held"])?.iter())
        .filter_map(Value::as_str)
        .collect();
    held.sort_unstable();
    let open = ["exchange/w-large", "exchange/w-open", "exchange/w-waiting"];
    assert_eq!(held, open, "{told}");
    let books = census(&treasury)?;

    treasury.take_new_database()?;
    let mut killed = 0;
    for blocks in [1, 20, 60, 100] {
        let mut running = treasury.start_rebuilding(day.papers.path())?;
        wait_until("blocks to be scanned", LONG, || {
            let ended = running.ended()?.is_some();
            let scanned = (treasury.store).number("SELECT COUNT(*) FROM chain_block");
            Ok((ended || scanned.is_ok_and(|scanned| scanned > blocks)).then_some(()))
        })?;
        if running.ended()?.is_none() {
            running.kill()?;
            killed += 1;
        }
    }
    assert!(killed > 0, "it was over before it could be killed");
    if treasury
        .store
        .number("SELECT COUNT(*) FROM rebuilding WHERE stage <> 'done'")?
        > 0
    {
        let other = tempfile::tempdir()?;
        export_all(&treasury, &other)?;
        treasury
            .rebuild(other.path(), &[])?
            .refused("rebuild_other_sources")?;
        treasury.coordinator.make_operator()?;
        let refused = treasury.coordinator.resume();
        assert!(refused.is_err(), "an unfinished database is served");
        treasury.coordinator.kill()?;
        treasury.rebuild(day.papers.path(), &[])?.done()?;
    }
    assert_eq!(census(&treasury)?, books);
    Ok(())
}

/// What is in the books, apart from when it was put in.
fn census(treasury: &Treasury) -> Result<String, Failure> {
    let mut census = String::new();
    for query in [
        "SELECT requester, id, state, version, length(request_signature) FROM withdrawal ORDER BY id",
        "SELECT txid, batch, number, purpose, fee, weight, state, version FROM attempt ORDER BY txid",
        "SELECT attempt, txid, vout, amount FROM attempt_input ORDER BY attempt, txid, vout",
        "SELECT batch, txid, vout, released_at IS NULL FROM reservation ORDER BY batch, txid, vout",
        "SELECT intent_hash, rule, amount, counted_at FROM window_count ORDER BY intent_hash",
        "SELECT txid, source, entry FROM attempt_memory ORDER BY txid, source",
        "SELECT keychain, next_index FROM keychain_cursor ORDER BY keychain",
        "SELECT idx, reference FROM address ORDER BY idx",
        "SELECT cause, amount_sat FROM ledger_entry ORDER BY cause",
        "SELECT txid, vout, settled, spent_by FROM coin ORDER BY txid, vout",
        "SELECT intent_hash, approving_key FROM approval ORDER BY intent_hash",
        "SELECT COUNT(*) FROM watched_script",
    ] {
        census += &treasury.store.sql(query)?;
        census += "--\n";
    }
    Ok(census)
}

/// 1. A vault paid one withdrawal, and one is open. Its database is lost.
/// 2. A rebuilding without a journal is refused by the signer's name, one with a journal that its key did not
///    sign, an altered request or a stranger's file names each of the files, and nothing is left behind.
/// 3. Two journals are lost for good: those two could have paid the open withdrawal, so that it is held even with
///    `--pay-open`, until the service submits the same request again. What the chain shows is known as paid all the same.
/// 4. A database that holds something is not touched.
#[test]
fn what_papers_cannot_tell_is_refused_or_left_to_a_human() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    deposit_at_once(&treasury, 2)?;
    let papers = tempfile::tempdir()?;
    for (id, stranger) in [("w-paid", 1), ("w-open", 2)] {
        let intent = treasury.withdraw(id, &Purse::stranger(stranger), AMOUNT)?;
        let request = treasury.signed_bytes(&intent.encode());
        keep(&papers, &format!("{id}.json"), &request)?;
        if id == "w-paid" {
            let paid = treasury.batch()?;
            sign_by_two(&treasury, paid)?;
            treasury.settle(paid, &["w-paid"])?;
        }
    }
    let refused = treasury.rebuild(papers.path(), &[])?;
    refused.refused("journals_missing")?;
    treasury.lose_database()?;
    Treasury::export_journal(&treasury.people.machine, papers.path())?;

    let bad = tempfile::tempdir()?;
    let journal = treasury.people.alice.journal()?;
    fs::write(bad.path().join("raw.journal"), journal)?;
    fs::write(bad.path().join("holiday.jpg"), [0xff, 0xd8, 0xff])?;
    let request = fs::read_to_string(papers.path().join("w-open.json"))?;
    fs::write(
        bad.path().join("altered.json"),
        request.replace("1000000", "2000000"),
    )?;
    let said = treasury.rebuild(bad.path(), &[])?.ended_with(1)?;
    let told = said.json()?;
    assert_eq!(told["code"], "papers_refused", "{told}");
    assert_eq!(items(&told["papers"])?.len(), 3, "{told}");

    let lost = ["--without", "alice", "--without", "bob", "--pay-open"];
    let told = treasury.rebuild(papers.path(), &lost)?.done()?.json()?;
    let vault = &told["vaults"][0];
    assert_eq!(vault["held"], json!(["exchange/w-open"]), "{told}");
    assert_eq!(vault["withdrawals"]["settled"], 1, "{told}");
    treasury.serve_again()?;
    assert_eq!(treasury.withdrawal_state("w-open")?, "requested");
    assert_eq!(treasury.withdrawal_state("w-paid")?, "settled");
    treasury
        .operator()
        .post(&treasury.path("/batches"), &json!({}))?
        .refused(409, "nothing_to_batch")?;
    let open = fs::read(papers.path().join("w-open.json"))?;
    treasury
        .submit_body(&serde_json::from_slice(&open)?)
        .map(drop)?;
    assert_eq!(treasury.withdrawal_state("w-open")?, "approved");
    treasury.reconcile()?;
    treasury.coordinator.stop()?;
    let other = tempfile::tempdir()?;
    export_all(&treasury, &other)?;
    treasury
        .rebuild(other.path(), &[])?
        .refused("rebuild_other_sources")?;
    Ok(())
}
