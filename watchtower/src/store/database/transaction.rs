//! A transaction on either engine.

use std::time::Duration;

use policies::planted::steps::{Marks, Moment, Step};
use policies::planted::{Bug, planted};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

use super::value::UntypedNull;
use super::{DatabaseError, Engine, Row, Value};

/// How late a write is that was answered first, where that mistake is planted.
const LATE: Duration = Duration::from_millis(500);

/// An open transaction. Every store operation takes one, so that a caller decides what is atomic.
///
/// Dropped without [`Transaction::commit`], everything done in it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
    marks: Marks,
}

#[derive(Debug)]
enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(super) fn sqlite(transaction: sqlx::Transaction<'static, Sqlite>) -> Self {
        Self {
            inner: Inner::Sqlite(transaction),
            marks: Marks::none(),
        }
    }

    pub(super) fn postgres(transaction: sqlx::Transaction<'static, Postgres>) -> Self {
        Self {
            inner: Inner::Postgres(transaction),
            marks: Marks::none(),
        }
    }

    /// The engine this transaction runs on.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// The text for this engine, where the engines need their own.
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.inner {
            Inner::Sqlite(_) => sqlite,
            Inner::Postgres(_) => postgres,
        }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Statement`] with what the engine said.
    pub async fn execute(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<u64, DatabaseError> {
        let answer = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite_query(statement, values)
                .execute(&mut **connection)
                .await
                .map(|done| done.rows_affected()),
            Inner::Postgres(connection) => postgres_query(statement, values)
                .execute(&mut **connection)
                .await
                .map(|done| done.rows_affected()),
        };
        answer.map_err(|source| DatabaseError::Statement { statement, source })
    }

    /// Runs a statement that must change exactly one row.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::RowsAffected`] if it changed another number.
    pub async fn execute_one(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<(), DatabaseError> {
        match self.execute(statement, values).await? {
            1 => Ok(()),
            actual => Err(DatabaseError::RowsAffected {
                expected: 1,
                actual,
                statement,
            }),
        }
    }

    /// All rows of a query.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Statement`] with what the engine said.
    pub async fn rows(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        let answer: Result<Vec<Row>, sqlx::Error> = match &mut self.inner {
            Inner::Sqlite(connection) => sqlite_query(statement, values)
                .fetch_all(&mut **connection)
                .await
                .and_then(|rows| {
                    rows.iter()
                        .map(|row| Row::from_sqlite(statement, row))
                        .collect()
                }),
            Inner::Postgres(connection) => postgres_query(statement, values)
                .fetch_all(&mut **connection)
                .await
                .and_then(|rows| {
                    rows.iter()
                        .map(|row| Row::from_postgres(statement, row))
                        .collect()
                }),
        };
        answer.map_err(|source| DatabaseError::Statement { statement, source })
    }

    /// The row of a query that finds at most one.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::NotOneRow`] if it finds more.
    pub async fn optional_row(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, DatabaseError> {
        let mut rows = self.rows(statement, values).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            found => Err(DatabaseError::NotOneRow { found, statement }),
        }
    }

    /// The row of a query that finds exactly one.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::NotOneRow`] if it finds none or more.
    pub async fn one_row(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Row, DatabaseError> {
        self.optional_row(statement, values)
            .await?
            .ok_or(DatabaseError::NotOneRow {
                found: 0,
                statement,
            })
    }

    /// Waits for, and holds until the transaction ends, the lock of this name.
    ///
    /// On PostgreSQL an advisory lock; on SQLite nothing, since there is one writer at a time.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Statement`] with what the engine said.
    pub async fn lock(&mut self, name: &str) -> Result<(), DatabaseError> {
        match self.engine() {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => self
                .execute(
                    "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended($1, 0))",
                    &[name.into()],
                )
                .await
                .map(drop),
        }
    }

    /// Notes that a step of a withdrawal's way is durable with this transaction, for tests that kill programs
    /// before and after; in other builds this is nothing.
    pub fn mark(&mut self, step: Step) {
        self.marks.add(step);
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Commit`]: nothing may be assumed about what was stored.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        if planted(Bug::AnswerFirst) && self.marks.is_any() {
            tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                self.commit_now().await
            });
            return Ok(());
        }
        self.commit_now().await
    }

    async fn commit_now(self) -> Result<(), DatabaseError> {
        let Self { inner, marks } = self;
        marks.reach(Moment::Before);
        match inner {
            Inner::Sqlite(transaction) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(DatabaseError::Commit)?;
        marks.reach(Moment::After);
        Ok(())
    }

    /// Rolls back now, rather than when dropped.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Commit`] if the connection is lost.
    pub async fn rollback(self) -> Result<(), DatabaseError> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.rollback().await,
            Inner::Postgres(transaction) => transaction.rollback().await,
        }
        .map_err(DatabaseError::Commit)
    }

    /// Runs a text of several statements without parameters (migrations).
    pub(super) async fn script(&mut self, text: String) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        match &mut self.inner {
            Inner::Sqlite(connection) => script.execute(&mut **connection).await.map(drop),
            Inner::Postgres(connection) => script.execute(&mut **connection).await.map(drop),
        }
    }

    /// Runs one composed statement with parameters (the migration table of an owner).
    pub(super) async fn composed(
        &mut self,
        text: String,
        values: &[Value],
    ) -> Result<Vec<Row>, sqlx::Error> {
        const COMPOSED: &str = "migration table";
        match &mut self.inner {
            Inner::Sqlite(connection) => {
                let query = sqlx::query(sqlx::AssertSqlSafe(text));
                let rows = values
                    .iter()
                    .fold(query, bind_sqlite)
                    .fetch_all(&mut **connection)
                    .await?;
                rows.iter()
                    .map(|row| Row::from_sqlite(COMPOSED, row))
                    .collect()
            }
            Inner::Postgres(connection) => {
                let query = sqlx::query(sqlx::AssertSqlSafe(text));
                let rows = values
                    .iter()
                    .fold(query, bind_postgres)
                    .fetch_all(&mut **connection)
                    .await?;
                rows.iter()
                    .map(|row| Row::from_postgres(COMPOSED, row))
                    .collect()
            }
        }
    }
}

fn sqlite_query<'q>(
    statement: &'static str,
    values: &[Value],
) -> Query<'q, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(statement), bind_sqlite)
}

fn bind_sqlite<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    value: &Value,
) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
    }
}

fn postgres_query<'q>(
    statement: &'static str,
    values: &[Value],
) -> Query<'q, Postgres, PgArguments> {
    values.iter().fold(sqlx::query(statement), bind_postgres)
}

fn bind_postgres<'q>(
    query: Query<'q, Postgres, PgArguments>,
    value: &Value,
) -> Query<'q, Postgres, PgArguments> {
    match value {
        Value::Null => query.bind(UntypedNull),
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
    }
}
