//! The rungs of ladders: which attempts are rungs of which, and which of them may be broadcast.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungRow {
    /// The attempt.
    pub attempt: Txid,
    /// The ladder, named by its lowest rung.
    pub ladder: Txid,
    /// Its place, from 1.
    pub place: u32,
    /// When it was released, and by whom; none while it is held.
    pub released: Option<(UnixTime, String)>,
}

/// Stores a rung.
///
/// # Errors
/// A unique violation if the attempt is a rung already.
pub async fn insert(tx: &mut Transaction, row: &RungRow) -> Result<(), DatabaseError> {
    let (at, by) = match &row.released {
        Some((at, by)) => (Value::from_u64(at.as_secs())?, by.clone().into()),
        None => (Value::Null, Value::Null),
    };
    tx.execute_one(
        "INSERT INTO attempt_rung (attempt, ladder, place, released_at, released_by) VALUES ($1, $2, $3, $4, $5)",
        &[
            row.attempt.to_byte_array().into(),
            row.ladder.to_byte_array().into(),
            row.place.into(),
            at,
            by,
        ],
    )
    .await
}

/// Releases a rung that is held.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is none, or released already.
pub async fn release(
    tx: &mut Transaction,
    attempt: Txid,
    at: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE attempt_rung SET released_at = $1, released_by = $2 WHERE attempt = $3 AND released_at IS NULL",
        &[
            Value::from_u64(at.as_secs())?,
            by.into(),
            attempt.to_byte_array().into(),
        ],
    )
    .await
}

/// The rung that an attempt is, if it is one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, attempt: Txid) -> Result<Option<RungRow>, DatabaseError> {
    tx.optional_row(
        "SELECT attempt, ladder, place, released_at, released_by FROM attempt_rung WHERE attempt = $1",
        &[attempt.to_byte_array().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Whether an attempt is a rung that is held.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn is_held(tx: &mut Transaction, attempt: Txid) -> Result<bool, DatabaseError> {
    let rung = lookup(tx, attempt).await?;
    Ok(rung.is_some_and(|rung| rung.released.is_none()))
}

/// All rungs of a ladder, the lowest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_ladder(tx: &mut Transaction, ladder: Txid) -> Result<Vec<RungRow>, DatabaseError> {
    tx.rows(
        "SELECT attempt, ladder, place, released_at, released_by FROM attempt_rung
         WHERE ladder = $1 ORDER BY place",
        &[ladder.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<RungRow, DatabaseError> {
    let released = match (
        row.optional_u64("released_at")?,
        row.optional_text("released_by")?,
    ) {
        (Some(at), Some(by)) => Some((UnixTime::from_secs(at), by.to_owned())),
        _ => None,
    };
    Ok(RungRow {
        attempt: Txid::from_byte_array(row.array("attempt")?),
        ladder: Txid::from_byte_array(row.array("ladder")?),
        place: row.u32("place")?,
        released,
    })
}
