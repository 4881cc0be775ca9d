//! The same rows in another engine: what one database holds is written into a PostgreSQL server as it is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bitcoin::hex::DisplayHex as _;
use sqlx::{
    Column, Connection as _, PgConnection, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _,
};
use watchtower::store::database::Database;

use crate::{Engine, Failure, Role, Store};

/// Rows written by one statement.
const CHUNK: usize = 200;

impl Store {
    /// A PostgreSQL server with the same rows as this SQLite database, which nobody writes meanwhile. Its roles may
    /// log in.
    pub fn same_on_postgres(&self) -> Result<Self, Failure> {
        let copy = Self::start(Engine::Postgres)?;
        let (from, to) = (self.url(Role::Administrator), copy.url(Role::Administrator));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(Box::pin(copy_all(&from, &to)))?;
        if let Self::Postgres(server) = &copy {
            server.let_roles_log_in()?;
        }
        Ok(copy)
    }
}

async fn copy_all(from: &str, to: &str) -> Result<(), Failure> {
    let database = Database::open(to).await?;
    coordinator::store::migrate(&database).await?;
    database.close().await;
    let mut from = SqliteConnection::connect(from).await?;
    let mut to = PgConnection::connect(to).await?;
    let tables = tables(&mut from, &mut to).await?;
    // Triggers and references are of the rows that were written already.
    let names = tables.join(", ");
    run(
        &mut to,
        format!("SET session_replication_role = replica; TRUNCATE {names}"),
    )
    .await?;
    for table in &tables {
        copy(&mut from, &mut to, table).await?;
    }
    to.close().await?;
    from.close().await?;
    Ok(())
}

async fn run(to: &mut PgConnection, statement: String) -> Result<(), Failure> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(to)
        .await?;
    Ok(())
}

/// The tables that hold rows of ours: the same in both engines.
async fn tables(
    from: &mut SqliteConnection,
    to: &mut PgConnection,
) -> Result<Vec<String>, Failure> {
    let here = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let there = "SELECT table_name::text FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let here: BTreeSet<String> = sqlx::query_scalar(here)
        .fetch_all(from)
        .await?
        .into_iter()
        .collect();
    let there: BTreeSet<String> = sqlx::query_scalar(there)
        .fetch_all(to)
        .await?
        .into_iter()
        .collect();
    if here != there {
        return Err(Failure::new(format!(
            "other tables: {here:?} and {there:?}"
        )));
    }
    let ours = here
        .into_iter()
        .filter(|table| !table.contains("migration"));
    Ok(ours.collect())
}

async fn copy(
    from: &mut SqliteConnection,
    to: &mut PgConnection,
    table: &str,
) -> Result<(), Failure> {
    let select = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
    let rows = sqlx::raw_sql(select).fetch_all(from).await?;
    for rows in rows.chunks(CHUNK) {
        let mut insert = String::new();
        for row in rows {
            let columns: Vec<&str> = row.columns().iter().map(Column::name).collect();
            let mut cells = Vec::new();
            for column in row.columns() {
                let place = column.ordinal();
                let value = row.try_get_raw(place)?;
                if value.is_null() {
                    cells.push("NULL".to_owned());
                    continue;
                }
                let kind = value.type_info().name().to_owned();
                cells.push(match kind.as_str() {
                    "INTEGER" => row.try_get_unchecked::<i64, _>(place)?.to_string(),
                    "BLOB" => {
                        let bytes: Vec<u8> = row.try_get_unchecked(place)?;
                        format!("'\\x{}'::bytea", bytes.to_lower_hex_string())
                    }
                    "TEXT" => {
                        let text: String = row.try_get_unchecked(place)?;
                        format!("'{}'", text.replace('\'', "''"))
                    }
                    other => return Err(Failure::new(format!("{table}: a {other}"))),
                });
            }
            writeln!(
                insert,
                "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE VALUES ({});",
                columns.join(", "),
                cells.join(", ")
            )?;
        }
        run(to, insert).await?;
    }
    Ok(())
}
