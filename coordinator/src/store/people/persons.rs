//! Persons and their roles.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::{at, optional_time, time};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// The name that policies and events carry.
    pub name: String,
    /// `operator`, `approver`, `requester` or `auditor`.
    pub role: String,
    /// The one vault; all if none.
    pub vault: Option<VaultId>,
    /// When the person joined first.
    pub created_at: UnixTime,
    /// Who invited.
    pub created_by: String,
    /// When the person was revoked.
    pub ended_at: Option<UnixTime>,
}

/// Stores a person who joins for the first time.
///
/// # Errors
/// A unique violation if the name is taken.
pub async fn insert(tx: &mut Transaction, row: &PersonRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO person (name, role, vault, created_at, created_by) VALUES ($1, $2, $3, $4, $5)",
        &[
            row.name.clone().into(),
            row.role.clone().into(),
            row.vault.map(VaultId::to_bytes).into(),
            at(row.created_at)?,
            row.created_by.clone().into(),
        ],
    )
    .await
}

/// Lets a person who was revoked join again.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if the person is not revoked.
pub async fn rejoin(
    tx: &mut Transaction,
    name: &str,
    role: &str,
    vault: Option<VaultId>,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE person SET role = $2, vault = $3, ended_at = NULL, ended_by = NULL
         WHERE name = $1 AND ended_at IS NOT NULL",
        &[
            name.into(),
            role.into(),
            vault.map(VaultId::to_bytes).into(),
        ],
    )
    .await
}

/// One person, also a revoked one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, name: &str) -> Result<Option<PersonRow>, DatabaseError> {
    tx.optional_row(
        "SELECT name, role, vault, created_at, created_by, ended_at FROM person WHERE name = $1",
        &[name.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All persons by name, also revoked ones.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction) -> Result<Vec<PersonRow>, DatabaseError> {
    tx.rows(
        "SELECT name, role, vault, created_at, created_by, ended_at FROM person ORDER BY name",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Where persons stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Not revoked.
    #[default]
    Active,
    /// Not revoked, and away now.
    Away,
    /// Revoked.
    Revoked,
    /// Anywhere.
    Any,
}

/// Which persons are asked for; what is empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonFilter {
    /// Where they stand.
    pub standing: Standing,
    /// This role.
    pub role: String,
    /// This text in the name, in whatever case.
    pub text: String,
}

/// The persons after a name, by name.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    filter: &PersonFilter,
    now: UnixTime,
    after: &str,
    limit: u32,
) -> Result<Vec<PersonRow>, DatabaseError> {
    let standing = match filter.standing {
        Standing::Any => "any",
        Standing::Active => "active",
        Standing::Away => "away",
        Standing::Revoked => "revoked",
    };
    tx.rows(
        "SELECT name, role, vault, created_at, created_by, ended_at FROM person
         WHERE ($1 = 'any' OR ($1 = 'revoked') = (ended_at IS NOT NULL))
             AND ($1 <> 'away' OR EXISTS (SELECT 1 FROM absence a WHERE a.person = person.name
                 AND a.from_at <= $2 AND a.until_at > $2 AND a.ended_at IS NULL))
             AND ($3 = '' OR role = $3)
             AND ($4 = '' OR LOWER(name) LIKE $4 ESCAPE '!')
             AND name > $5
         ORDER BY name LIMIT $6",
        &[
            standing.into(),
            at(now)?,
            filter.role.clone().into(),
            Value::containing(&filter.text),
            after.into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The names of all who are not revoked, in order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn active_names(tx: &mut Transaction) -> Result<Vec<String>, DatabaseError> {
    tx.rows(
        "SELECT name FROM person WHERE ended_at IS NULL ORDER BY name",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok(row.text("name")?.to_owned()))
    .collect()
}

/// Gives a person another role.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if the person is revoked or has another role than `from`.
pub async fn change_role(
    tx: &mut Transaction,
    name: &str,
    from: &str,
    to: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE person SET role = $3 WHERE name = $1 AND role = $2 AND ended_at IS NULL",
        &[name.into(), from.into(), to.into()],
    )
    .await
}

/// Revokes a person.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if the person is revoked already.
pub async fn end(
    tx: &mut Transaction,
    name: &str,
    now: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE person SET ended_at = $2, ended_by = $3 WHERE name = $1 AND ended_at IS NULL",
        &[name.into(), at(now)?, by.into()],
    )
    .await
}

fn read(row: &Row) -> Result<PersonRow, DatabaseError> {
    Ok(PersonRow {
        name: row.text("name")?.to_owned(),
        role: row.text("role")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        created_at: time(row, "created_at")?,
        created_by: row.text("created_by")?.to_owned(),
        ended_at: optional_time(row, "ended_at")?,
    })
}
