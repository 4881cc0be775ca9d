//! The tables of the coordinator: all of its SQL lives here.
//!
//! Every operation takes an open transaction, so that the caller decides what is one step. Every
//! update names the version or the epoch that it read and must change exactly one row.

pub mod addresses;
pub mod approvals;
pub mod attempt_lines;
pub mod attempts;
pub mod batch_lines;
pub mod batches;
pub mod bumps;
pub mod coin_marks;
pub mod customers;
pub mod fee_policies;
pub mod inputs;
pub mod jobs;
pub mod journals;
pub mod marks;
pub mod memories;
pub mod moving_in;
pub mod notices;
pub mod payments;
pub mod people;
pub mod proposals;
pub mod queue;
pub mod rebuildings;
pub mod reissues;
pub mod reservations;
pub mod rungs;
pub mod searches;
pub mod settled_spends;
pub mod signer_marks;
mod statement_approvals;
pub mod statements;
pub mod stops;
pub mod tokens;
pub mod unsettled;
pub mod vault_ceremonies;
pub mod vault_seats;
pub mod vaults;
pub mod voids;
pub mod webhooks;
pub mod windows;
pub mod withdrawals;
pub mod withdrawals_found;

use watchtower::store::database::{self, Database, DatabaseError, Migration, Owner};

/// The coordinator's migrations.
pub const OWNER: Owner = Owner {
    name: "coordinator",
    migrations: &[
        Migration {
            number: 1,
            name: "treasury",
            sql: include_str!("../../migrations/0001_treasury.sql"),
        },
        Migration {
            number: 2,
            name: "rules_and_journals",
            sql: include_str!("../../migrations/0002_rules_and_journals.sql"),
        },
        Migration {
            number: 3,
            name: "self-spends",
            sql: include_str!("../../migrations/0003_self_spends.sql"),
        },
        Migration {
            number: 4,
            name: "vaults",
            sql: include_str!("../../migrations/0004_vaults.sql"),
        },
        Migration {
            number: 5,
            name: "attempts",
            sql: include_str!("../../migrations/0005_attempts.sql"),
        },
        Migration {
            number: 6,
            name: "statements",
            sql: include_str!("../../migrations/0006_statements.sql"),
        },
        Migration {
            number: 7,
            name: "queue",
            sql: include_str!("../../migrations/0007_queue.sql"),
        },
        Migration {
            number: 8,
            name: "versions",
            sql: include_str!("../../migrations/0008_versions.sql"),
        },
        Migration {
            number: 9,
            name: "rebuilding",
            sql: include_str!("../../migrations/0009_rebuilding.sql"),
        },
        Migration {
            number: 10,
            name: "people",
            sql: include_str!("../../migrations/0010_people.sql"),
        },
        Migration {
            number: 11,
            name: "withdrawal lists",
            sql: include_str!("../../migrations/0011_withdrawal_lists.sql"),
        },
        Migration {
            number: 12,
            name: "coin marks",
            sql: include_str!("../../migrations/0012_coin_marks.sql"),
        },
        Migration {
            number: 13,
            name: "notifying",
            sql: include_str!("../../migrations/0013_notifying.sql"),
        },
        Migration {
            number: 14,
            name: "challenges",
            sql: include_str!("../../migrations/0014_challenges.sql"),
        },
        Migration {
            number: 15,
            name: "ceremonies",
            sql: include_str!("../../migrations/0015_ceremonies.sql"),
        },
        Migration {
            number: 16,
            name: "books",
            sql: include_str!("../../migrations/0016_books.sql"),
        },
        Migration {
            number: 17,
            name: "moving_in",
            sql: include_str!("../../migrations/0017_moving_in.sql"),
        },
        Migration {
            number: 18,
            name: "fees",
            sql: include_str!("../../migrations/0018_fees.sql"),
        },
        Migration {
            number: 19,
            name: "moving_in_history",
            sql: include_str!("../../migrations/0019_moving_in_history.sql"),
        },
    ],
};

/// Makes or updates the tables of watchtower and coordinator. On PostgreSQL run it as their owner.
///
/// # Errors
///
/// As [`database::migrate`].
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    watchtower::store::migrate(database).await?;
    database::migrate(database, OWNER).await
}
