//! Which role may do what with the coordinator's tables, on a real PostgreSQL.

use std::collections::BTreeSet;

use harness::{Failure, Outcome, Postgres, Role};
use tokio::runtime::Runtime;
use watchtower::store::database::Database;

/// What each role may do: `s` select, `i` insert, `d` delete. Nobody may delete anything but challenges that are over,
/// and nobody may truncate anything.
const GRANTED: &[(&str, &str, &str, &str, &str)] = &[
    // table, coordinator, watchtower, web, auditor
    ("absence", "si", "", "s", "s"),
    ("address", "si", "", "s", "s"),
    ("approval", "si", "", "si", "s"),
    ("attempt", "si", "", "s", "s"),
    ("attempt_input", "si", "", "s", "s"),
    ("attempt_memory", "si", "", "s", "s"),
    ("attempt_payment", "si", "", "s", "s"),
    ("attempt_receipt", "si", "", "s", "s"),
    ("attempt_reissue", "si", "", "s", "s"),
    ("attempt_rung", "si", "", "s", "s"),
    ("attempt_signature", "si", "", "s", "s"),
    ("batch", "si", "", "s", "s"),
    ("batch_bump", "si", "", "s", "s"),
    ("batch_withdrawal", "si", "", "s", "s"),
    // The auditor sees who was invited, asked and signed in, never a hash of a secret or a challenge.
    ("ceremony", "sid", "", "s", ""),
    ("coin_mark", "si", "", "s", "s"),
    ("coordinator_migration", "s", "", "s", "s"),
    ("credential", "si", "", "s", "s"),
    ("customer_hold", "si", "", "s", "s"),
    ("invitation", "si", "", "s", ""),
    ("job", "si", "", "s", "s"),
    ("journal", "si", "", "s", "s"),
    ("journal_move", "si", "", "s", "s"),
    ("journal_refusal", "si", "", "s", "s"),
    ("keychain_cursor", "si", "", "s", "s"),
    ("list_approval", "si", "", "s", "s"),
    ("list_statement", "si", "", "s", "s"),
    ("moving_in", "si", "", "s", "s"),
    ("moving_label", "si", "", "s", "s"),
    ("notice", "si", "", "", "s"),
    ("notice_wait", "si", "", "", "s"),
    ("notification_setting", "si", "", "", "s"),
    ("page_key", "si", "", "s", "s"),
    ("person", "si", "", "s", "s"),
    ("policy", "si", "", "s", "s"),
    ("proposal", "si", "", "s", "s"),
    ("proposal_approval", "si", "", "s", "s"),
    ("queue_hold", "si", "", "s", "s"),
    ("rebuilding", "s", "", "s", "s"),
    ("reservation", "si", "", "s", "s"),
    ("role_change", "si", "", "s", "s"),
    ("settled_spend", "si", "", "s", "s"),
    ("signer_mark", "si", "", "s", "s"),
    // The auditor sees who holds tokens, never what a token could be checked against.
    ("token", "si", "", "s", ""),
    ("vault", "si", "", "s", "s"),
    ("vault_books", "si", "", "s", "s"),
    ("vault_ceremony", "si", "", "", "s"),
    ("vault_fee_policy", "si", "", "s", "s"),
    ("vault_keyset", "si", "", "s", "s"),
    ("vault_marks", "si", "", "s", "s"),
    // The auditor sees who sits on it and what was handed in, never what a link or a sitting could be checked against.
    ("vault_seat", "si", "", "", ""),
    ("vault_statement", "si", "", "s", "s"),
    ("vault_statement_approval", "si", "", "s", "s"),
    ("void", "si", "", "s", "s"),
    ("void_wish", "si", "", "s", "s"),
    ("web_session", "si", "", "s", ""),
    // The auditor sees that there is one, never its secret or its address.
    ("webhook", "si", "", "", ""),
    ("webhook_delivery", "si", "", "", "s"),
    ("window_count", "si", "", "s", "s"),
    ("withdrawal", "si", "", "si", "s"),
    ("withdrawal_speed", "si", "", "si", "s"),
];

/// The only columns that anybody may change, and only the coordinator may.
const UPDATED: &[(&str, &[&str])] = &[
    ("absence", &["ended_at", "ended_by"]),
    (
        "attempt",
        &[
            "confirmations",
            "detail",
            "final_transaction",
            "state",
            "version",
        ],
    ),
    ("attempt_rung", &["released_at", "released_by"]),
    (
        "batch_bump",
        &[
            "attempt",
            "changed_at",
            "code",
            "feerate_sat_kwu",
            "left_over",
            "more",
            "outcome",
            "says",
            "since_height",
            "tip",
        ],
    ),
    ("batch_withdrawal", &["live"]),
    ("ceremony", &["used_at"]),
    ("coin_mark", &["ended_at", "ended_by"]),
    ("credential", &["label", "last_used_at", "revoked_at"]),
    (
        "customer_hold",
        &["ended_at", "release_reason", "released_at", "released_by"],
    ),
    (
        "invitation",
        &[
            "confirmed_at",
            "confirmed_by",
            "revoked_at",
            "revoked_by",
            "used_at",
        ],
    ),
    (
        "job",
        &[
            "attempts",
            "done_at",
            "epoch",
            "last_error",
            "lease_holder",
            "lease_until",
            "parked_reason",
            "run_at",
        ],
    ),
    ("journal", &["counter", "head", "receipt", "received_at"]),
    ("journal_refusal", &["resolved_at"]),
    ("keychain_cursor", &["next_index"]),
    ("list_statement", &["entitled_at"]),
    (
        "moving_in",
        &["comparison", "end_index", "ended_at", "scan"],
    ),
    ("moving_label", &["label", "spendable"]),
    ("notice", &["sent_at"]),
    ("notice_wait", &["escalated_at", "gone_at", "reminded_at"]),
    (
        "notification_setting",
        &[
            "changed_at",
            "digest_hour",
            "escalate_hours",
            "kinds",
            "mail",
            "offset_minutes",
            "quiet_from",
            "quiet_until",
            "remind_hours",
        ],
    ),
    ("page_key", &["label", "revoked_at"]),
    ("person", &["ended_at", "ended_by", "role", "vault"]),
    ("proposal", &["adopted_at", "adopted_by", "approved_at"]),
    (
        "queue_hold",
        &[
            "allowed_by",
            "allowed_sat_kwu",
            "asked_sat_kwu",
            "changed_at",
            "question",
        ],
    ),
    ("reservation", &["release_reason", "released_at"]),
    ("role_change", &["decided_at", "decided_by", "outcome"]),
    ("settled_spend", &["settled"]),
    ("signer_mark", &["ended_at", "ended_by"]),
    ("token", &["revoked_at"]),
    ("vault", &["keyset", "policy"]),
    (
        "vault_books",
        &["references_are_accounts", "set_at", "set_by"],
    ),
    (
        "vault_ceremony",
        &[
            "despite_devices",
            "draft",
            "draft_id",
            "drafted_at",
            "drafted_by",
            "ended_at",
            "ended_by",
            "outcome",
        ],
    ),
    (
        "vault_fee_policy",
        &[
            "budget",
            "bump",
            "consolidate_below_sat_kwu",
            "cpfp",
            "deadline_blocks",
            "rungs",
            "set_at",
            "set_by",
            "standing",
            "target_blocks",
        ],
    ),
    (
        "vault_marks",
        &[
            "drain_to",
            "high",
            "level",
            "low",
            "refill_from",
            "set_at",
            "set_by",
            "standing",
        ],
    ),
    (
        "vault_seat",
        &[
            "compared",
            "compared_at",
            "compared_with",
            "filled_at",
            "filled_by",
            "journal",
            "link",
            "link_until",
            "ready",
            "ready_at",
            "record",
            "sat_at",
            "sitting",
            "sitting_until",
            "xpub",
        ],
    ),
    ("vault_statement", &["entitled_at"]),
    (
        "web_session",
        &[
            "bridge",
            "ended_at",
            "ended_why",
            "previous_sha256",
            "rotated_at",
            "seen_at",
            "sha256",
        ],
    ),
    (
        "webhook",
        &[
            "failing_since",
            "number",
            "paused_at",
            "paused_why",
            "removed_at",
            "removed_by",
        ],
    ),
    (
        "webhook_delivery",
        &["error", "kind", "status", "tried_at", "tries"],
    ),
    ("window_count", &["released_at"]),
    (
        "withdrawal",
        &[
            "detail",
            "request_key",
            "request_signature",
            "state",
            "version",
        ],
    ),
    (
        "withdrawal_speed",
        &["changed_at", "changed_by", "latest", "speed", "told"],
    ),
];

const ROLES: [Role; 4] = [
    Role::Coordinator,
    Role::Watchtower,
    Role::Web,
    Role::Auditor,
];
const VERBS: [(&str, char); 5] = [
    ("SELECT", 's'),
    ("INSERT", 'i'),
    ("UPDATE", 'u'),
    ("DELETE", 'd'),
    ("TRUNCATE", 't'),
];

/// A server with the tables of the watchtower alone, then with the coordinator's, and their names.
fn migrated() -> Result<(Postgres, Vec<String>), Failure> {
    let postgres = Postgres::start()?;
    let url = postgres.url(Role::Administrator);
    let tables = |postgres: &Postgres| -> Result<BTreeSet<String>, Failure> {
        let names = postgres.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")?;
        Ok(names.lines().map(str::to_owned).collect())
    };
    let runtime = Runtime::new()?;
    let database = runtime.block_on(Database::open(&url))?;
    runtime.block_on(watchtower::store::migrate(&database))?;
    let watchtowers = tables(&postgres)?;
    runtime.block_on(coordinator::store::migrate(&database))?;
    runtime.block_on(coordinator::store::migrate(&database))?;
    runtime.block_on(database.close());
    let own = tables(&postgres)?
        .difference(&watchtowers)
        .cloned()
        .collect();
    postgres.let_roles_log_in()?;
    Ok((postgres, own))
}

/// 1. The tables are made as an operator would make them, twice.
/// 2. Every table of the coordinator stands in the matrix above.
/// 3. Every table × role × verb, and every column × role for changes, is as written there: nothing
///    more, nothing less.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "how much was tried belongs into the report"
)]
fn each_role_may_do_with_the_coordinators_tables_what_is_granted() -> Outcome {
    let (postgres, tables) = migrated()?;
    let known: Vec<&str> = GRANTED.iter().map(|(table, ..)| *table).collect();
    assert_eq!(tables, known, "every table stands in the matrix");
    let ask = |privilege: &str| {
        Ok::<_, Failure>(postgres.sql(&format!("SELECT {privilege}"))?.trim() == "t")
    };
    let (mut wrong, mut cells) = (Vec::new(), 0);
    for (table, coordinator, watchtower, web, auditor) in GRANTED {
        for (role, letters) in ROLES.iter().zip([coordinator, watchtower, web, auditor]) {
            for (verb, letter) in VERBS {
                let name = role.name();
                let may = ask(&format!(
                    "has_table_privilege('{name}', '{table}', '{verb}')"
                ))?;
                if may != letters.contains(letter) {
                    wrong.push(format!("{name} {verb} {table}: {may}"));
                }
                cells += 1;
            }
        }
    }
    let mut columns = 0;
    for role in ROLES {
        let name = role.name();
        let may = postgres.sql(&format!(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name IN ('{}')
             AND has_column_privilege('{name}', table_name::regclass, column_name, 'UPDATE')
             ORDER BY 1",
            tables.join("','")
        ))?;
        let may: BTreeSet<String> = may.lines().map(str::to_owned).collect();
        let granted: BTreeSet<String> = UPDATED
            .iter()
            .filter(|_| role.name() == Role::Coordinator.name())
            .flat_map(|(table, columns)| {
                columns
                    .iter()
                    .map(move |column| format!("{table}.{column}"))
            })
            .collect();
        for differs in may.symmetric_difference(&granted) {
            wrong.push(format!(
                "{name} UPDATE {differs}: {}",
                may.contains(differs)
            ));
        }
        columns += may.len();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cells, GRANTED.len() * ROLES.len() * VERBS.len());
    println!("{cells} cells of tables, {columns} columns that may change");
    Ok(())
}

/// 1. Each role logs in and tries what it must never do: the auditor to read the hashes of tokens,
///    the watchtower to look at withdrawals, the web to approve a withdrawal by itself, the
///    coordinator to rewrite an amount, a policy, a signature, or its migrations, anybody to delete.
/// 2. PostgreSQL itself refuses each, for lack of permission.
#[test]
fn postgres_refuses_what_a_role_must_never_do() -> Outcome {
    let (postgres, tables) = migrated()?;
    let mut tried = vec![
        (Role::Auditor, "SELECT sha256 FROM token".to_owned()),
        (Role::Auditor, "SELECT * FROM token".to_owned()),
        (Role::Auditor, "SELECT sha256 FROM web_session".to_owned()),
        (Role::Auditor, "SELECT csrf FROM web_session".to_owned()),
        (Role::Auditor, "SELECT sha256 FROM invitation".to_owned()),
        (Role::Auditor, "SELECT challenge FROM ceremony".to_owned()),
        (Role::Web, "UPDATE person SET role = 'operator'".to_owned()),
        (
            Role::Coordinator,
            "UPDATE credential SET public_key = ''".to_owned(),
        ),
        (Role::Watchtower, "SELECT * FROM withdrawal".to_owned()),
        (
            Role::Watchtower,
            "UPDATE withdrawal SET state = 'approved'".to_owned(),
        ),
        (
            Role::Web,
            "UPDATE withdrawal SET state = 'approved'".to_owned(),
        ),
        (
            Role::Web,
            "INSERT INTO token SELECT * FROM token".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE withdrawal SET amount = 1".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE withdrawal SET intent = ''".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE policy SET document = ''".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE approval SET expires = 0".to_owned(),
        ),
        (Role::Coordinator, "UPDATE attempt SET psbt = ''".to_owned()),
        (
            Role::Coordinator,
            "UPDATE attempt_signature SET input = 0".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE reservation SET txid = ''".to_owned(),
        ),
        (
            Role::Coordinator,
            "UPDATE token SET role = 'operator'".to_owned(),
        ),
        (
            Role::Coordinator,
            "DELETE FROM coordinator_migration".to_owned(),
        ),
        (
            Role::Coordinator,
            "ALTER TABLE withdrawal DROP COLUMN amount".to_owned(),
        ),
        (Role::Coordinator, "SET ROLE countersign_owner".to_owned()),
    ];
    for table in &tables {
        let forgets = |role: &Role| table == "ceremony" && role.name() == Role::Coordinator.name();
        for role in ROLES.into_iter().filter(|role| !forgets(role)) {
            tried.push((role, format!("DELETE FROM {table}")));
        }
    }
    for (role, statement) in &tried {
        let Err(refused) = postgres.sql_as(*role, statement) else {
            return Err(Failure::new(format!("{} may {statement}", role.name())));
        };
        let words = refused.to_string();
        let denied = words.contains("permission denied") || words.contains("must be owner");
        assert!(denied, "{} {statement}: {words}", role.name());
    }
    // Challenges are forgotten by the statement that the program runs.
    postgres.sql_as(
        Role::Coordinator,
        "DELETE FROM ceremony WHERE sha256 IN (SELECT sha256 FROM ceremony
         WHERE expires_at <= 7 ORDER BY expires_at LIMIT 50 FOR UPDATE SKIP LOCKED)",
    )?;
    postgres.sql_as(Role::Auditor, "SELECT id, name, role FROM token")?;
    postgres.sql_as(Role::Auditor, "SELECT id, person, seen_at FROM web_session")?;
    Ok(())
}
