//! The database of a world: one SQLite file, or a PostgreSQL server with the production roles.

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
