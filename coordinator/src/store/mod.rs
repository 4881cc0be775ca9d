//! The tables of the coordinator: all of its SQL lives here.
//!
//! Every operation takes an open transaction, so that the caller decides what is one step. Every
//! update names the version or the epoch that it read and must change exactly one row.

pub mod addresses;
pub mod approvals;
pub mod attempts;
pub mod batches;
pub mod jobs;
pub mod tokens;
pub mod vaults;
pub mod withdrawals;

use watchtower::store::database::{self, Database, DatabaseError, Migration, Owner};

/// The coordinator's migrations.
pub const OWNER: Owner = Owner {
    name: "coordinator",
    migrations: &[Migration {
        number: 1,
        name: "treasury",
        sql: include_str!("../../migrations/0001_treasury.sql"),
    }],
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
