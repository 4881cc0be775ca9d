//! What can go wrong between a statement and its database.

/// An error of the database layer.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL names no database this program knows.
    #[error("the database url is neither sqlite:///path/file.db nor postgres://…")]
    Url,
    /// The database cannot be opened, or no connection can be had.
    #[error("cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// A statement failed.
    #[error("statement failed: {source} (in: {statement})")]
    Statement {
        /// The SQL text.
        statement: &'static str,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// The transaction could not be committed; nothing of it may be assumed either way.
    #[error("commit failed: {0}")]
    Commit(#[source] sqlx::Error),
    /// A statement changed another number of rows than it must.
    #[error("statement changed {actual} rows instead of {expected} (in: {statement})")]
    RowsAffected {
        /// How many rows it must change.
        expected: u64,
        /// How many it changed.
        actual: u64,
        /// The SQL text.
        statement: &'static str,
    },
    /// A query that must find exactly one row found another number.
    #[error("query found {found} rows instead of 1 (in: {statement})")]
    NotOneRow {
        /// How many rows it found.
        found: usize,
        /// The SQL text.
        statement: &'static str,
    },
    /// A stored value is not what this program writes there.
    #[error("corrupt row: column {column} holds {found}, expected {expected} (in: {statement})")]
    CorruptRow {
        /// The column.
        column: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// What it holds, in short.
        found: String,
        /// The SQL text that read it.
        statement: &'static str,
    },
    /// A number is too large for a 64-bit signed column.
    #[error("{0} does not fit a 64-bit signed integer")]
    TooLarge(u64),
    /// A migration that was applied has another text now.
    #[error("migration {owner} {number} was applied with another text than this program carries")]
    MigrationChanged {
        /// Whose migration.
        owner: &'static str,
        /// Its number.
        number: i64,
    },
    /// The database has a migration that this program does not know: a newer program made it.
    #[error("the database has migration {owner} {number}, which this program does not know")]
    MigrationUnknown {
        /// Whose migration.
        owner: &'static str,
        /// Its number.
        number: i64,
    },
    /// Migrations are not numbered 1, 2, 3, …
    #[error(
        "migrations of {owner} are not numbered in order: {number} stands where {expected} must"
    )]
    MigrationOrder {
        /// Whose migrations.
        owner: &'static str,
        /// The number found.
        number: i64,
        /// The number expected.
        expected: i64,
    },
    /// The text of a migration failed.
    #[error("migration {owner} {number} failed: {source}")]
    Migration {
        /// Whose migration.
        owner: &'static str,
        /// Its number.
        number: i64,
        /// What the engine said.
        source: sqlx::Error,
    },
}

impl DatabaseError {
    /// Whether the database refused a second row under a unique key.
    pub fn is_unique_violation(&self) -> bool {
        self.engine_error()
            .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether the engine refused the statement for want of a privilege (PostgreSQL 42501).
    pub fn is_permission_denied(&self) -> bool {
        self.engine_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == "42501")
    }

    fn engine_error(&self) -> Option<&dyn sqlx::error::DatabaseError> {
        match self {
            Self::Statement { source, .. } | Self::Migration { source, .. } => {
                source.as_database_error()
            }
            Self::Connect(source) | Self::Commit(source) => source.as_database_error(),
            Self::Url
            | Self::RowsAffected { .. }
            | Self::NotOneRow { .. }
            | Self::CorruptRow { .. }
            | Self::TooLarge(_)
            | Self::MigrationChanged { .. }
            | Self::MigrationUnknown { .. }
            | Self::MigrationOrder { .. } => None,
        }
    }
}
