//! One thin layer over SQLite and PostgreSQL: the same SQL text with `$n` runs on both.
//!
//! Values are 64-bit integers, text, bytes and null; rows are read by column name, and a value of
//! another shape is an error of its own, never a default. SQLite writes through one connection, each
//! transaction begun with `BEGIN IMMEDIATE`, in WAL mode with `synchronous=FULL`; PostgreSQL runs at
//! its default isolation, with named locks ([`Transaction::lock`]) where a decision needs them.

mod error;
mod migrate;
mod row;
#[cfg(test)]
mod tests;
mod transaction;
mod value;

pub use self::error::DatabaseError;
pub use self::migrate::{Migration, Owner, migrate, pending_migrations};
pub use self::row::Row;
pub use self::transaction::Transaction;
pub use self::value::Value;

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// How long a writer waits for another process's write on the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers beside the one SQLite writer.
const SQLITE_READERS: u32 = 4;
/// Connections of one process to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 10;

/// Which database stands behind a [`Database`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// One file, no server: the embedded default.
    Sqlite,
    /// A server, for several processes at once.
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// An open database. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Database {
    pools: Pools,
}

#[derive(Debug, Clone)]
enum Pools {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens the database a URL names: `sqlite:///path/file.db` (created if absent) or `postgres://…`.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Url`] if the URL is of neither kind, [`DatabaseError::Connect`] if the
    /// database cannot be opened.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::open_sqlite(Path::new(path)).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url).await;
        }
        Err(DatabaseError::Url)
    }

    /// Opens (and creates, if absent) an SQLite file.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Connect`] if the file cannot be opened.
    pub async fn open_sqlite(path: &Path) -> Result<Self, DatabaseError> {
        if path.as_os_str().is_empty() {
            return Err(DatabaseError::Url);
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await
            .map_err(DatabaseError::Connect)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(DatabaseError::Connect)?;
        Ok(Self {
            pools: Pools::Sqlite { writer, readers },
        })
    }

    async fn open_postgres(url: &str) -> Result<Self, DatabaseError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| DatabaseError::Url)?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(DatabaseError::Connect)?;
        Ok(Self {
            pools: Pools::Postgres(pool),
        })
    }

    /// The engine behind this database.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins a writing transaction. Dropped without [`Transaction::commit`], it is rolled back.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Connect`] if no connection can be had or the writer is busy for too long.
    pub async fn begin_write(&self) -> Result<Transaction, DatabaseError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => writer
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(Transaction::sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Transaction::postgres),
        }
        .map_err(DatabaseError::Connect)
    }

    /// Begins a transaction that reads one consistent state and may not write.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Connect`] if no connection can be had.
    pub async fn begin_read(&self) -> Result<Transaction, DatabaseError> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(Transaction::sqlite),
            Pools::Postgres(pool) => pool
                .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map(Transaction::postgres),
        }
        .map_err(DatabaseError::Connect)
    }

    /// Closes every connection, after transactions under way have ended.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}
