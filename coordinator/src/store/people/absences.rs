//! When persons are away.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, time};

/// A stretch of time in which a person is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceRow {
    /// Its id.
    pub id: String,
    /// Who is away.
    pub person: String,
    /// From when.
    pub from: UnixTime,
    /// Until when.
    pub until: UnixTime,
    /// Why, in the words of whoever said it.
    pub reason: String,
    /// When it was said.
    pub said_at: UnixTime,
    /// Who said it.
    pub said_by: String,
}

/// Stores an absence.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &AbsenceRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO absence (id, person, from_at, until_at, reason, said_at, said_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.id.clone().into(),
            row.person.clone().into(),
            at(row.from)?,
            at(row.until)?,
            row.reason.clone().into(),
            at(row.said_at)?,
            row.said_by.clone().into(),
        ],
    )
    .await
}

/// The absences that are not over and not ended, the earliest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction, now: UnixTime) -> Result<Vec<AbsenceRow>, DatabaseError> {
    tx.rows(
        "SELECT id, person, from_at, until_at, reason, said_at, said_by FROM absence
         WHERE ended_at IS NULL AND until_at > $1 ORDER BY from_at, person, id",
        &[at(now)?],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Ends an absence.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is ended.
pub async fn end(
    tx: &mut Transaction,
    id: &str,
    now: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE absence SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL",
        &[id.into(), at(now)?, by.into()],
    )
    .await
}

fn read(row: &Row) -> Result<AbsenceRow, DatabaseError> {
    Ok(AbsenceRow {
        id: row.text("id")?.to_owned(),
        person: row.text("person")?.to_owned(),
        from: time(row, "from_at")?,
        until: time(row, "until_at")?,
        reason: row.text("reason")?.to_owned(),
        said_at: time(row, "said_at")?,
        said_by: row.text("said_by")?.to_owned(),
    })
}
