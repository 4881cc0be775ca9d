//! Which role may do what with the watchtower's tables, on a real PostgreSQL.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use harness::{Failure, Outcome, Postgres, Role};
use tokio::runtime::Runtime;
use watchtower::store;
use watchtower::store::database::Database;

/// What each role may do beyond reading: `i` insert, `u` update, `d` delete.
const GRANTED: &[(&str, &str, &str, &str)] = &[
    // table, coordinator, watchtower, web
    ("alarm", "i", "i", ""),
    ("alarm_told", "", "i", ""),
    ("block_header", "", "id", ""),
    ("catch_up", "", "iu", ""),
    ("chain_block", "", "id", ""),
    ("chain_identity", "", "i", ""),
    ("chain_input", "", "i", ""),
    ("chain_transaction", "", "iu", ""),
    ("coin", "", "iu", ""),
    ("consumer_cursor", "iu", "iu", ""),
    ("deposit_rule", "i", "", ""),
    ("event", "i", "i", "i"),
    ("event_queue", "id", "id", "i"),
    ("event_sequence", "i", "i", ""),
    ("expected_transaction", "", "i", ""),
    ("fee_estimate", "", "iud", ""),
    ("inclusion_path", "", "id", ""),
    ("lease", "iu", "iu", ""),
    ("ledger_account", "i", "i", ""),
    ("ledger_entry", "i", "i", ""),
    ("mempool_test", "i", "", ""),
    ("mempool_test_result", "", "i", ""),
    ("node_status", "", "iud", ""),
    ("outgoing", "i", "", ""),
    ("outgoing_status", "", "iu", ""),
    ("reconciliation", "", "i", ""),
    ("reconciliation_difference", "", "i", ""),
    ("reconciliation_request", "i", "", "i"),
    ("reconciliation_scan", "", "i", ""),
    ("scan", "i", "u", ""),
    ("watched_policy", "", "i", ""),
    ("watched_script", "i", "", ""),
    ("watchtower_migration", "", "", ""),
];

fn migrated() -> Result<Postgres, Failure> {
    let postgres = Postgres::start()?;
    let url = postgres.url(Role::Administrator);
    Runtime::new()?.block_on(async {
        let database = Database::open(&url).await?;
        store::migrate(&database).await?;
        store::migrate(&database).await?;
        database.close().await;
        Ok::<(), Failure>(())
    })?;
    postgres.let_roles_log_in()?;
    Ok(postgres)
}

/// Every table × role × verb is as written above: nothing more, nothing less.
#[test]
fn each_role_may_do_what_is_granted_and_nothing_else() -> Outcome {
    let postgres = migrated()?;
    let tables =
        postgres.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")?;
    let tables: Vec<&str> = tables.lines().collect();
    let known: Vec<&str> = GRANTED.iter().map(|(table, ..)| *table).collect();
    assert_eq!(tables, known, "every table stands in the matrix");
    let granted: BTreeMap<&str, [&str; 4]> = GRANTED
        .iter()
        .map(|(table, coordinator, watchtower, web)| {
            (*table, [*coordinator, *watchtower, *web, ""])
        })
        .collect();
    let roles = [
        Role::Coordinator,
        Role::Watchtower,
        Role::Web,
        Role::Auditor,
    ];
    let verbs = [
        ("SELECT", 's'),
        ("INSERT", 'i'),
        ("UPDATE", 'u'),
        ("DELETE", 'd'),
        ("TRUNCATE", 't'),
    ];
    let mut wrong = String::new();
    let mut cells = 0;
    for (table, granted) in &granted {
        for (role, letters) in roles.iter().zip(granted) {
            for (verb, letter) in verbs {
                let may = postgres.sql(&format!(
                    "SELECT has_table_privilege('{}', '{table}', '{verb}')",
                    role.name()
                ))?;
                let expected = verb == "SELECT" || letters.contains(letter);
                if (may.trim() == "t") != expected {
                    writeln!(wrong, "{} {verb} {table}: {}", role.name(), may.trim())?;
                }
                cells += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cells, GRANTED.len() * roles.len() * verbs.len());
    Ok(())
}

/// Not even the owner or the administrator changes evidence without taking the trigger away.
#[test]
fn evidence_is_append_only_for_everyone() -> Outcome {
    let postgres = migrated()?;
    for table in ["event", "event_sequence", "ledger_entry"] {
        for statement in [
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
        ] {
            let refused = postgres.sql(&statement);
            assert!(refused.is_err(), "{statement}");
        }
        let owner = postgres.sql(&format!(
            "SELECT tableowner FROM pg_tables WHERE tablename = '{table}'"
        ))?;
        assert_eq!(owner.trim(), Role::Owner.name());
    }
    Ok(())
}
