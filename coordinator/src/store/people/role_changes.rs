//! What one operator proposes about a person and another one decides.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// A change of a person's role, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChangeRow {
    /// Its id.
    pub id: String,
    /// About whom.
    pub person: String,
    /// The role when it was proposed.
    pub from_role: String,
    /// The role proposed, or `ended`.
    pub to_role: String,
    /// When it was proposed.
    pub proposed_at: UnixTime,
    /// By whom.
    pub proposed_by: String,
    /// When it was decided.
    pub decided_at: Option<UnixTime>,
    /// By whom, where a second one decided.
    pub decided_by: Option<String>,
    /// `confirmed`, `rejected`, `withdrawn`, or `alone` where there was no second operator.
    pub outcome: Option<String>,
}

/// Stores a change, open or decided alone.
///
/// # Errors
/// A unique violation if another one about the person is open.
pub async fn insert(tx: &mut Transaction, row: &RoleChangeRow) -> Result<(), DatabaseError> {
    let decided_at = row.decided_at.map(at).transpose()?;
    tx.execute_one(
        "INSERT INTO role_change (id, person, from_role, to_role, proposed_at, proposed_by, decided_at, decided_by,
             outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            row.id.clone().into(),
            row.person.clone().into(),
            row.from_role.clone().into(),
            row.to_role.clone().into(),
            at(row.proposed_at)?,
            row.proposed_by.clone().into(),
            decided_at.into(),
            row.decided_by.clone().into(),
            row.outcome.clone().into(),
        ],
    )
    .await
}

/// One change.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    id: &str,
) -> Result<Option<RoleChangeRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, person, from_role, to_role, proposed_at, proposed_by, decided_at, decided_by, outcome
         FROM role_change WHERE id = $1",
        &[id.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The changes that wait for a decision, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction) -> Result<Vec<RoleChangeRow>, DatabaseError> {
    tx.rows(
        "SELECT id, person, from_role, to_role, proposed_at, proposed_by, decided_at, decided_by, outcome
         FROM role_change WHERE decided_at IS NULL ORDER BY proposed_at, id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// All changes about a person, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_person(
    tx: &mut Transaction,
    person: &str,
) -> Result<Vec<RoleChangeRow>, DatabaseError> {
    tx.rows(
        "SELECT id, person, from_role, to_role, proposed_at, proposed_by, decided_at, decided_by, outcome
         FROM role_change WHERE person = $1 ORDER BY proposed_at DESC, id",
        &[person.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Decides an open change; nobody may decide what they proposed themselves.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is decided; a violated CHECK if the proposer decides.
pub async fn decide(
    tx: &mut Transaction,
    id: &str,
    outcome: &str,
    by: Option<&str>,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE role_change SET decided_at = $2, decided_by = $3, outcome = $4
         WHERE id = $1 AND decided_at IS NULL",
        &[id.into(), at(now)?, by.into(), outcome.into()],
    )
    .await
}

fn read(row: &Row) -> Result<RoleChangeRow, DatabaseError> {
    Ok(RoleChangeRow {
        id: row.text("id")?.to_owned(),
        person: row.text("person")?.to_owned(),
        from_role: row.text("from_role")?.to_owned(),
        to_role: row.text("to_role")?.to_owned(),
        proposed_at: time(row, "proposed_at")?,
        proposed_by: row.text("proposed_by")?.to_owned(),
        decided_at: optional_time(row, "decided_at")?,
        decided_by: row.optional_text("decided_by")?.map(str::to_owned),
        outcome: row.optional_text("outcome")?.map(str::to_owned),
    })
}
