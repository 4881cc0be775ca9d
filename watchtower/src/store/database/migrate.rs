//! Numbered, append-only migrations, owned by the crate whose tables they make.
//!
//! A migration is one text for both engines. `{bytes}`, `{int}`, `{serial}` and `{strict}` stand for
//! the engine's own words; lines from `-- only postgres:` or `-- only sqlite:` to `-- end only` run
//! on that engine alone. Each owner keeps the hashes of what was applied in a table of its own; all
//! outstanding migrations of an owner run in one transaction.

use bitcoin::hashes::{Hash as _, sha256};

use super::{Database, DatabaseError, Engine, Transaction, Value};

/// One migration file.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number: 1, 2, 3, …
    pub number: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its text. Once released it never changes.
    pub sql: &'static str,
}

/// Who owns a set of tables.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The owner's name (`[a-z]+`), which names its migration table.
    pub name: &'static str,
    /// Its migrations in order.
    pub migrations: &'static [Migration],
}

/// Applies the migrations of an owner that are outstanding, in one transaction.
///
/// # Errors
///
/// Refuses a migration that changed since it was applied, and a database made by a newer program;
/// then, as on any other error, nothing is changed.
pub async fn migrate(database: &Database, owner: Owner) -> Result<(), DatabaseError> {
    for (expected, migration) in (1..).zip(owner.migrations) {
        if migration.number != expected {
            let number = migration.number;
            return Err(DatabaseError::MigrationOrder {
                owner: owner.name,
                number,
                expected,
            });
        }
    }
    let mut tx = database.begin_write().await?;
    tx.lock("countersign migrations").await?;
    let engine = tx.engine();
    let table = format!(
        "CREATE TABLE IF NOT EXISTS {}_migration (
            number {{int}} PRIMARY KEY, name TEXT NOT NULL, sha256 {{bytes}} NOT NULL){{strict}}",
        owner.name
    );
    let failed = |number| {
        move |source| DatabaseError::Migration {
            owner: owner.name,
            number,
            source,
        }
    };
    tx.script(translate(&table, engine))
        .await
        .map_err(failed(0))?;
    let applied = applied(&mut tx, owner).await?;
    for migration in owner.migrations.iter().skip(applied) {
        let Migration { number, name, sql } = *migration;
        tx.script(translate(sql, engine))
            .await
            .map_err(failed(number))?;
        tx.composed(
            format!(
                "INSERT INTO {}_migration (number, name, sha256) VALUES ($1, $2, $3)",
                owner.name
            ),
            &[number.into(), name.into(), hash(sql).into()],
        )
        .await
        .map_err(failed(number))?;
    }
    tx.commit().await
}

/// How many migrations of an owner are outstanding.
///
/// # Errors
///
/// As [`migrate`], and if the owner's tables are altogether absent.
pub async fn pending_migrations(database: &Database, owner: Owner) -> Result<usize, DatabaseError> {
    let mut tx = database.begin_read().await?;
    let exists = tx.pick(
        "SELECT COUNT(*) AS tables FROM sqlite_master WHERE type = 'table' AND name = $1",
        "SELECT COUNT(*) AS tables FROM pg_class
             WHERE oid = to_regclass(quote_ident($1)) AND relkind = 'r'",
    );
    let table = format!("{}_migration", owner.name);
    if tx.one_row(exists, &[table.into()]).await?.int("tables")? == 0 {
        return Ok(owner.migrations.len());
    }
    let applied = applied(&mut tx, owner).await?;
    Ok(owner.migrations.len().saturating_sub(applied))
}

/// Checks what was applied against what this program carries, and counts it.
async fn applied(tx: &mut Transaction, owner: Owner) -> Result<usize, DatabaseError> {
    let rows = tx
        .composed(
            format!(
                "SELECT number, sha256 FROM {}_migration ORDER BY number",
                owner.name
            ),
            &[] as &[Value],
        )
        .await
        .map_err(|source| DatabaseError::Migration {
            owner: owner.name,
            number: 0,
            source,
        })?;
    for (position, row) in rows.iter().enumerate() {
        let number = row.int("number")?;
        let known = owner
            .migrations
            .get(position)
            .filter(|known| known.number == number)
            .ok_or(DatabaseError::MigrationUnknown {
                owner: owner.name,
                number,
            })?;
        if row.array::<32>("sha256")? != hash(known.sql) {
            return Err(DatabaseError::MigrationChanged {
                owner: owner.name,
                number,
            });
        }
    }
    Ok(rows.len())
}

fn hash(sql: &str) -> [u8; 32] {
    sha256::Hash::hash(sql.as_bytes()).to_byte_array()
}

/// The text of a migration for one engine.
pub(super) fn translate(sql: &str, engine: Engine) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut only = None;
    for line in sql.lines() {
        match line.trim() {
            "-- only postgres:" => only = Some(Engine::Postgres),
            "-- only sqlite:" => only = Some(Engine::Sqlite),
            "-- end only" => only = None,
            _ if only.is_none_or(|only| only == engine) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    let (bytes, int, serial, strict) = match engine {
        Engine::Sqlite => ("BLOB", "INTEGER", "INTEGER PRIMARY KEY", " STRICT"),
        Engine::Postgres => (
            "BYTEA",
            "BIGINT",
            "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "",
        ),
    };
    text.replace("{bytes}", bytes)
        .replace("{int}", int)
        .replace("{serial}", serial)
        .replace("{strict}", strict)
}
