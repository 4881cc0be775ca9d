//! The watchtower's tables: chain, coins, outgoing transactions, ledger, events. SQL lives only here.
//!
//! Every operation takes an open [`database::Transaction`], so that the caller decides what is one
//! step; times come in as arguments. The coordinator calls these too: it hands transactions over in
//! the very transaction that sets `broadcasting`.

pub mod alarms;
pub mod chain;
pub mod coins;
pub mod cursor;
pub mod database;
pub mod deposit_rules;
pub mod events;
pub mod fees;
pub mod foreign;
pub mod inclusion;
pub mod lease;
pub mod ledger;
pub mod mempool_test;
pub mod node;
pub mod outgoing;
pub mod own;
pub mod pages;
pub mod reconciliation;
pub mod said;
pub mod scans;
pub mod scripts;
#[cfg(test)]
mod tests;
pub mod totals;

use database::{Database, DatabaseError, Migration, Owner};

/// The watchtower's migrations.
pub const OWNER: Owner = Owner {
    name: "watchtower",
    migrations: &[
        Migration {
            number: 1,
            name: "the watchtower's tables",
            sql: include_str!("../../migrations/0001_watchtower.sql"),
        },
        Migration {
            number: 2,
            name: "what shows coins in the chain",
            sql: include_str!("../../migrations/0002_inclusion.sql"),
        },
        Migration {
            number: 3,
            name: "the ledger by time",
            sql: include_str!("../../migrations/0003_ledger_by_time.sql"),
        },
        Migration {
            number: 4,
            name: "what lists are read by",
            sql: include_str!("../../migrations/0004_pages.sql"),
        },
        Migration {
            number: 5,
            name: "scans, history, nodes",
            sql: include_str!("../../migrations/0005_scans.sql"),
        },
        Migration {
            number: 6,
            name: "alarms",
            sql: include_str!("../../migrations/0006_alarms.sql"),
        },
        Migration {
            number: 7,
            name: "deep reconciliation",
            sql: include_str!("../../migrations/0007_deep_reconciliation.sql"),
        },
        Migration {
            number: 8,
            name: "a watchtower of one's own",
            sql: include_str!("../../migrations/0008_own_tower.sql"),
        },
        Migration {
            number: 9,
            name: "deposits",
            sql: include_str!("../../migrations/0009_deposits.sql"),
        },
    ],
};

/// Makes or updates the watchtower's tables. On PostgreSQL run it as `countersign_owner`.
///
/// # Errors
///
/// As [`database::migrate`].
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    database::migrate(database, OWNER).await
}
