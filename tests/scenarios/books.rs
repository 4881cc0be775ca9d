//! The books: what they say after all that happened, and that nobody alters them unnoticed.

use bitcoin::Amount;
use harness::{
    Engine, Failure, Outcome, Purse, SHORT, Said, ScriptKind, Treasury, items, wait_until,
};
use serde_json::Value;

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
        "--json",
    ];
    treasury
        .coordinator
        .program()
        .run(&[arguments, &access].concat())
}

fn sat(answer: &Value, field: &str) -> Result<u64, Failure> {
    answer[field]
        .as_u64()
        .ok_or_else(|| Failure::new(format!("no {field} in {answer}")))
}

/// The hash of the newest event, once all of them are numbered: that is a moment after they happen.
pub(crate) fn event_head(treasury: &Treasury) -> Result<Value, Failure> {
    let events = treasury.store.number("SELECT COUNT(*) FROM event")?;
    wait_until("all events to be numbered", SHORT, || {
        let status = treasury.auditor().get("/status")?.done()?;
        Ok((status["event_number"] == events).then(|| status["event_hash"].clone()))
    })
}

/// 1. Two deposits settle, and one withdrawal is paid and settles.
/// 2. A reorg takes the last two blocks and brings them again; a third deposit settles.
/// 3. Each entry of the ledger has a cause of its own, and debits equal credits.
/// 4. The vault has, to the satoshi, what came in less what was paid and the fee: by the ledger, by
///    the watchtower's coins, and by the node's.
/// 5. The chain of events verifies.
fn the_books_balance(engine: Engine) -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, engine)?;
    let came_in = [30_000_000, 20_000_001, 10_000_003].map(Amount::from_sat);
    treasury.deposit(came_in[0])?;
    treasury.deposit(came_in[1])?;
    let paid = Amount::from_sat(4_000_007);
    treasury.withdraw("w-1", &Purse::stranger(1), paid)?;
    let txid = treasury.batch()?;
    treasury.countersign(&treasury.people.alice, txid)?;
    treasury.countersign(&treasury.people.bob, txid)?;
    treasury.settle(txid, &["w-1"])?;
    treasury.node.reorg(2)?;
    treasury.deposit(came_in[2])?;
    treasury.withdrawal_becomes("w-1", "settled")?;

    let found = cli(&treasury, &["reconcile"])?.done()?.json()?;
    let attempt = treasury
        .auditor()
        .get(&format!("/attempts/{txid}"))?
        .done()?;
    let fee = Amount::from_sat(sat(&attempt, "fee_sat")?);
    let expected = (came_in.into_iter().sum::<Amount>() - paid - fee).to_sat();
    for figure in ["ledger_sat", "tracker_sat", "node_sat"] {
        assert_eq!(sat(&found, figure)?, expected, "{figure} of {found}");
    }
    let balance = cli(&treasury, &["balance"])?.done()?.json()?;
    assert_eq!(sat(&balance, "total_sat")?, expected, "{balance}");
    let (mut debit, mut credit) = (0, 0);
    for account in items(&balance["accounts"])? {
        debit += sat(account, "debit_sat")?;
        credit += sat(account, "credit_sat")?;
    }
    assert_eq!(debit, credit, "{balance}");
    let entries = cli(&treasury, &["ledger", "--entries", "--limit", "1000"])?;
    let entries = entries.done()?.json()?;
    let entries = items(&entries)?;
    let mut causes: Vec<String> = entries
        .iter()
        .map(|entry| entry["cause"].to_string())
        .collect();
    causes.sort();
    causes.dedup();
    assert_eq!(causes.len(), entries.len(), "{entries:?}");
    cli(&treasury, &["event", "verify"])?.done()?;
    treasury.must_be_well()
}

#[test]
fn books_balance_after_deposits_a_withdrawal_and_a_reorg_on_sqlite() -> Outcome {
    the_books_balance(Engine::Sqlite)
}

#[test]
fn books_balance_after_deposits_a_withdrawal_and_a_reorg_on_postgres() -> Outcome {
    the_books_balance(Engine::Postgres)
}

/// 1. A deposit settles, and the chain of events verifies.
/// 2. Somebody with the disk in their hands takes the triggers away and changes, one after the other,
///    an event's reason, its body, its actor, its time, and the hash of its number.
/// 3. Each time verification names the chain as broken; once undone, it verifies again.
#[test]
fn altered_event_is_found() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    event_head(&treasury)?;
    cli(&treasury, &["event", "verify"])?.done()?;
    for table in ["event", "event_sequence"] {
        let change = format!("UPDATE {table} SET rowid = rowid");
        assert!(
            treasury.store.sql(&change).is_err(),
            "{table} is append-only"
        );
        treasury
            .store
            .sql(&format!("DROP TRIGGER {table}_is_never_updated"))?;
    }
    let event = "kind = 'deposit.confirmed'";
    for (table, column, value, place) in [
        ("event", "reason", "reason || 'x'", event),
        (
            "event",
            "body",
            "replace(body, '10000000', '10000001')",
            event,
        ),
        ("event", "actor", "'somebody'", event),
        ("event", "happened_at", "happened_at - 1", event),
        ("event", "kind", "'deposit.settled'", event),
        ("event_sequence", "hash", "zeroblob(32)", "number = 2"),
    ] {
        treasury.store.sql(&format!(
            "CREATE TABLE genuine AS SELECT rowid AS place, {column} AS was FROM {table} WHERE {place};
             UPDATE {table} SET {column} = {value} WHERE {place}"
        ))?;
        cli(&treasury, &["event", "verify"])?
            .refused("event_chain_broken")
            .map_err(|failure| Failure::new(format!("{table}.{column}: {failure}")))?;
        treasury.store.sql(&format!(
            "UPDATE {table} SET {column} = (SELECT was FROM genuine) WHERE rowid = (SELECT place FROM genuine);
             DROP TABLE genuine"
        ))?;
        cli(&treasury, &["event", "verify"])?.done()?;
    }
    treasury.must_be_well()
}

/// 1. Two deposits settle, and ledger, tracker and node agree.
/// 2. Somebody changes the amount of an entry by one satoshi: reconciliation names the difference.
/// 3. Undone, it agrees; then the amount of a coin is changed: it is named again.
#[test]
fn altered_books_are_found_to_the_satoshi() -> Outcome {
    let mut treasury = Treasury::start(ScriptKind::Wsh, Engine::Sqlite)?;
    treasury.deposit(Amount::from_sat(10_000_000))?;
    treasury.deposit(Amount::from_sat(20_000_000))?;
    cli(&treasury, &["reconcile"])?.done()?;
    let alter = |table: &str, sign: &str| {
        treasury.store.sql(&format!(
            "UPDATE {table} SET amount_sat = amount_sat {sign} 1 WHERE rowid = (SELECT MIN(rowid) FROM {table})"
        ))
    };
    assert!(
        alter("ledger_entry", "+").is_err(),
        "the ledger is append-only"
    );
    treasury
        .store
        .sql("DROP TRIGGER ledger_entry_is_never_updated")?;
    for table in ["ledger_entry", "coin"] {
        alter(table, "+")?;
        cli(&treasury, &["reconcile"])?.refused("not_reconciled")?;
        alter(table, "-")?;
        cli(&treasury, &["reconcile"])?.done()?;
    }
    treasury.must_be_well()
}
