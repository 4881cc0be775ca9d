//! The database of a world: one SQLite file, or a PostgreSQL server with the production roles.

use std::fs;
use std::path::Path;

use sqlx::{
    Column as _, Connection as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _,
};
use tempfile::TempDir;

use crate::{Engine, Failure, Postgres, Role, environment};

/// A database that belongs to one world.
#[derive(Debug)]
pub enum Store {
    /// One file.
    Sqlite(TempDir),
    /// A server of its own.
    Postgres(Postgres),
}

impl Store {
    /// A new, empty database.
    pub fn start(engine: Engine) -> Result<Self, Failure> {
        Ok(match engine {
            Engine::Sqlite => Self::Sqlite(environment::folder("sqlite")?),
            Engine::Postgres => Self::Postgres(Postgres::start()?),
        })
    }

    /// Keeps a copy of it as it is now. Nobody may use it meanwhile.
    pub fn back_up(&self) -> Result<Backup, Failure> {
        match self {
            Self::Sqlite(folder) => {
                let backup = environment::folder("backup")?;
                copy_files(folder.path(), backup.path())?;
                Ok(Backup::Sqlite(backup))
            }
            Self::Postgres(server) => {
                server.copy_database("countersign", "backup")?;
                Ok(Backup::Postgres)
            }
        }
    }

    /// Puts a copy in its place. Nobody may use it meanwhile.
    pub fn restore(&self, backup: &Backup) -> Result<(), Failure> {
        match (self, backup) {
            (Self::Sqlite(folder), Backup::Sqlite(backup)) => {
                for entry in fs::read_dir(folder.path())? {
                    fs::remove_file(entry?.path())?;
                }
                copy_files(backup.path(), folder.path())
            }
            (Self::Postgres(server), Backup::Postgres) => {
                server.copy_database("backup", "countersign")
            }
            (Self::Sqlite(_), Backup::Postgres) | (Self::Postgres(_), Backup::Sqlite(_)) => {
                Err(Failure::new("a backup of another engine"))
            }
        }
    }

    /// Its engine.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Its address for a role; SQLite knows no roles.
    pub fn url(&self, role: Role) -> String {
        match self {
            Self::Sqlite(folder) => {
                format!(
                    "sqlite://{}",
                    folder.path().join("countersign.db").display()
                )
            }
            Self::Postgres(server) => server.url(role),
        }
    }

    /// Runs SQL without any restriction, as somebody with the disk in their hands could; what it
    /// selects comes back as lines, columns parted by `|`, bytes as `\x` and hex.
    pub fn sql(&self, statement: &str) -> Result<String, Failure> {
        match self {
            Self::Postgres(server) => server.sql(statement),
            Self::Sqlite(_) => {
                let url = self.url(Role::Administrator);
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(sqlite(&url, statement))
            }
        }
    }

    /// One number of the database.
    #[track_caller]
    pub fn number(&self, statement: &str) -> Result<u64, Failure> {
        Ok(self.sql(statement)?.trim().parse()?)
    }
}

/// A copy of a database.
#[derive(Debug)]
pub enum Backup {
    /// The files.
    Sqlite(TempDir),
    /// Another database on the same server.
    Postgres,
}

fn copy_files(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

async fn sqlite(url: &str, statement: &str) -> Result<String, Failure> {
    let mut connection = SqliteConnection::connect(url).await?;
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let rows = sqlx::raw_sql(statement).fetch_all(&mut connection).await?;
    let mut lines = String::new();
    for row in rows {
        let mut cells = Vec::new();
        for column in row.columns() {
            let index = column.ordinal();
            let kind = row.try_get_raw(index)?.type_info().name().to_owned();
            cells.push(match kind.as_str() {
                "NULL" => String::new(),
                "INTEGER" => row.try_get::<i64, _>(index)?.to_string(),
                "BLOB" => {
                    let bytes: Vec<u8> = row.try_get(index)?;
                    format!("\\x{}", hex(&bytes))
                }
                _ => row.try_get_unchecked::<String, _>(index)?,
            });
        }
        lines.push_str(&cells.join("|"));
        lines.push('\n');
    }
    connection.close().await?;
    Ok(lines)
}

fn hex(bytes: &[u8]) -> String {
    bitcoin::hex::DisplayHex::to_lower_hex_string(bytes)
}
