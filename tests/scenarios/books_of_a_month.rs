//! Statements of a period: the same bytes each time, which add up, and which hledger reads.

use std::fs;
use std::process::{Command, Stdio};

use bitcoin::Amount;
use harness::{Engine, Failure, Outcome, Purse, SHORT, Said, ScriptKind, Treasury, wait_until};
use serde_json::{Value, json};

/// Runs the operator's command line against the treasury's coordinator.
#[track_caller]
fn cli(treasury: &Treasury, arguments: &[&str]) -> Result<Said, Failure> {
    let token_file = treasury.coordinator.token_file();
    let token_file = token_file
        .to_str()
        .ok_or_else(|| Failure::new("the folder is not UTF-8"))?;
    let access = [
        "--url",
        treasury.coordinator.url(),
        "--token-file",
        token_file,
    ];
    treasury
        .coordinator
        .program()
        .run(&[arguments, &access].concat())
}

/// The day on which the coordinator's books were begun, by its own entries.
fn days(treasury: &Treasury) -> Result<(String, String), Failure> {
    let path = treasury.path("/ledger?limit=1000");
    let entries = treasury.auditor().get(&path)?.done()?;
    let moment = |entry: Option<&Value>| {
        let at = entry.and_then(|entry| entry["at"].as_u64());
        let at = at.ok_or_else(|| Failure::new("no entries"))?;
        let text = policies::UnixTime::from_secs(at).to_string();
        Ok::<_, Failure>(text[..10].to_owned())
    };
    let entries = entries.as_array().ok_or_else(|| Failure::new("no list"))?;
    Ok((moment(entries.first())?, moment(entries.last())?))
}

/// What hledger says of a journal.
fn hledger(journal: &std::path::Path, arguments: &[&str]) -> Result<String, Failure> {
    let out = Command::new("hledger")
        .args(["-f"])
        .arg(journal)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    Err(Failure::new(format!(
        "hledger {arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    )))
}

/// 1. A deposit with a reference settles, a withdrawal with the same reference is paid, and a reorg takes the last
///    blocks and brings them again.
/// 2. The statement of these days is written twice in each format: the same bytes, though it is provisional.
/// 3. hledger checks the journal strictly, assertions of closing balances included, and has the books' balances.
/// 4. The book of the reference has what came in, what was paid, and the difference.
/// 5. With a file of prices the CSV has their columns; a price file with a bad line is refused by its number.
fn a_month_is_written_down(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let address = treasury.new_address("customer 7")?;
    treasury.pay_in(&address, Amount::from_sat(30_000_000))?;
    treasury.node.mine(3)?;
    wait_until("the deposit to be settled", SHORT, || {
        let book = treasury
            .auditor()
            .get(&treasury.path("/book?reference=customer%207"))?
            .done()?;
        Ok((book["settled_sat"] == 30_000_000).then_some(()))
    })?;
    let mut intent = treasury.intent("w-1", &Purse::stranger(1), Amount::from_sat(4_000_007))?;
    "customer 7".clone_into(&mut intent.reference);
    treasury.submit(&intent)?.done()?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.node.reorg(3)?;
    treasury.withdrawal_becomes("w-1", "broadcast")?;
    treasury.deposit(Amount::from_sat(1_000_000))?;
    treasury.withdrawal_becomes("w-1", "settled")?;
    treasury.reconcile()?;

    let folder = tempfile::tempdir()?;
    let (from, to) = days(&treasury)?;
    let write = |format: &str, name: &str, more: &[&str]| -> Result<String, Failure> {
        let file = folder.path().join(name);
        let path = file.to_str().ok_or_else(|| Failure::new("not UTF-8"))?;
        let arguments = [
            "book",
            "statement",
            "--from",
            &from,
            "--to",
            &to,
            "--format",
            format,
            "-o",
            path,
        ];
        cli(&treasury, &[&arguments, more].concat())?.done()?;
        Ok(fs::read_to_string(&file)?)
    };
    for format in ["text", "csv", "hledger", "html"] {
        let first = write(format, "first", &[])?;
        let second = write(format, "second", &[])?;
        assert_eq!(first, second, "{format}");
        assert!(first.contains("provisional"), "{first}");
        assert!(
            format == "csv" || first.contains("reversed by a reorg"),
            "{format}: {first}"
        );
    }
    let journal = folder.path().join("books.journal");
    write("hledger", "books.journal", &[])?;
    hledger(&journal, &["check", "--strict"])?;
    let balance = hledger(&journal, &["balance", "--flat", "-N", "-O", "csv"])?;
    let held = treasury.auditor().get(&treasury.path("/book"))?.done()?;
    let held = held["vault"]["held_sat"]
        .as_u64()
        .ok_or_else(|| Failure::new(format!("{held}")))?;
    let coins = format!(
        "\"assets:coins\",\"{}.{:08} BTC\"",
        held / 100_000_000,
        held % 100_000_000
    );
    assert!(balance.contains(&coins), "{coins}: {balance}");

    let book = treasury
        .auditor()
        .get(&treasury.path("/book?reference=customer%207"))?
        .done()?;
    assert_eq!(book["settled_sat"], 30_000_000, "{book}");
    assert_eq!(book["paid_sat"], 4_000_007, "{book}");
    assert_eq!(book["balance_sat"], 25_999_993, "{book}");
    assert!(book["reversals"].as_u64() > Some(0), "{book}");
    let unknown = cli(&treasury, &["book", "show", "--reference", "nobody"])?;
    unknown.refused("unknown_reference")?;

    let prices = folder.path().join("prices.csv");
    fs::write(&prices, format!("date,currency,price\n{from},EUR,60000\n"))?;
    let prices = prices.to_str().ok_or_else(|| Failure::new("not UTF-8"))?;
    let priced = write("csv", "priced.csv", &["--prices", prices])?;
    assert!(
        priced.contains("value_EUR") && priced.contains(",18000.00\r\n"),
        "{priced}"
    );
    fs::write(prices, "date,currency,price\n2026-10-01,EUR,1e5\n")?;
    let arguments = ["book", "statement", "--from", &from, "--prices", prices];
    let refused = cli(&treasury, &arguments)?;
    assert!(refused.stderr.contains("line 2"), "{}", refused.stderr);
    treasury.must_be_well()
}

#[test]
fn month_is_written_down_alike_each_time_on_sqlite() -> Outcome {
    a_month_is_written_down(Engine::Sqlite)
}

#[test]
fn month_is_written_down_alike_each_time_on_postgres() -> Outcome {
    a_month_is_written_down(Engine::Postgres)
}

/// 1. Two deposits settle; a scan of the node's whole UTXO set finds no difference.
/// 2. Somebody takes a coin out of the database, and its entries out of the books: ledger, tracker and node agree coin
///    by coin, since nobody asks the node for a coin that nobody knows.
/// 3. The scan finds it: outpoint, amount, block, what each side says and what to do.
/// 4. A scan that was called off has no result.
#[test]
fn deposit_that_was_missed_is_found_by_a_scan_of_the_node() -> Outcome {
    let treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    let missed = treasury.deposit(Amount::from_sat(20_000_000))?;
    let whole = cli(&treasury, &["reconcile", "--deep", "--json"])?
        .done()?
        .json()?;
    assert_eq!(whole["result"]["differences"], 0, "{whole}");

    treasury
        .store
        .sql("DROP TRIGGER ledger_entry_is_never_deleted")?;
    treasury.store.sql(&format!(
        "DELETE FROM ledger_entry WHERE cause LIKE '%{missed}%'; DELETE FROM coin WHERE amount_sat = 20000000"
    ))?;
    cli(&treasury, &["reconcile"])?.done()?;
    let refused = cli(&treasury, &["reconcile", "--deep", "--json"])?;
    let refused = refused.refused("not_reconciled")?;
    let said = refused.text();
    for words in [missed.to_string().as_str(), "node_only", "20000000"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    let path = treasury.path("/reconciliation");
    let asked = treasury
        .operator()
        .post(&format!("{path}/deep"), &json!({}))?
        .done()?;
    let request = asked["request"].to_string();
    let ended = cli(&treasury, &["reconcile", "--abort", &request, "--json"])?;
    if let Ok(ended) = ended.done() {
        assert_eq!(ended.json()?["aborted"], true);
    }
    Ok(())
}
