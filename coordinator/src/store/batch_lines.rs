//! Batches as lists show them: one line each.
//!
//! Invariant: pages are cut as those of attempts are ([`super::attempt_lines`]).

use bitcoin::Amount;
use policies::UnixTime;
use policies::psbt::AttemptPurpose;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::attempt_lines::{Wanted, purpose};
use crate::session::BatchId;

/// A batch in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLineRow {
    /// Its identity.
    pub id: BatchId,
    /// What its attempts are for.
    pub purpose: AttemptPurpose,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// How many withdrawals are in it.
    pub withdrawals: u32,
    /// What they ask for at most.
    pub asked: Amount,
}

/// The page of a vault's batches behind a place, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    wanted: &Wanted<'_, BatchId>,
    limit: u32,
) -> Result<Vec<BatchLineRow>, DatabaseError> {
    tx.rows(
        "SELECT b.id, b.purpose, b.created_at, b.created_by,
             (SELECT COUNT(*) FROM batch_withdrawal c WHERE c.batch = b.id) AS withdrawals,
             (SELECT CAST(COALESCE(SUM(w.amount), 0) AS BIGINT) FROM batch_withdrawal c
              JOIN withdrawal w ON w.vault = c.vault AND w.requester = c.requester AND w.id = c.withdrawal
              WHERE c.batch = b.id) AS asked
         FROM (SELECT id, purpose, created_at, created_by FROM batch
               WHERE vault = $1 AND ($3 = '' OR purpose = $3)
                   AND ($2 = '' OR EXISTS (SELECT 1 FROM attempt a WHERE a.batch = batch.id AND a.state = $2))
                   AND created_at >= $4 AND created_at < $5
                   AND (created_at < $6 OR (created_at = $6 AND id < $7))
               ORDER BY created_at DESC, id DESC LIMIT $8) b
         ORDER BY b.created_at DESC, b.id DESC",
        &wanted.values(|id| id.to_bytes().to_vec(), limit),
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<BatchLineRow, DatabaseError> {
    Ok(BatchLineRow {
        id: BatchId::from_bytes(row.array("id")?),
        purpose: purpose(row)?,
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        created_by: row.text("created_by")?.to_owned(),
        withdrawals: row.u32("withdrawals")?,
        asked: row.amount("asked")?,
    })
}
