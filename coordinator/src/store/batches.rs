//! Batches and the withdrawals in them.

use policies::psbt::AttemptPurpose;
use policies::{Keyset, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::withdrawals::WithdrawalKey;
use crate::session::BatchId;

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Its identity.
    pub id: BatchId,
    /// The vault that pays.
    pub vault: VaultId,
    /// The keyset whose coins pay.
    pub keyset: Keyset,
    /// What its attempts are for.
    pub purpose: AttemptPurpose,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
}

/// Stores a batch.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, batch: &BatchRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO batch (id, vault, keyset, purpose, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            batch.id.to_bytes().into(),
            batch.vault.to_bytes().into(),
            batch.keyset.to_bytes().into(),
            batch.purpose.name().into(),
            Value::from_u64(batch.created_at.as_secs())?,
            batch.created_by.clone().into(),
        ],
    )
    .await
}

/// Puts a withdrawal into a batch, where it is not live yet.
///
/// # Errors
/// On a failed statement.
pub async fn add_withdrawal(
    tx: &mut Transaction,
    batch: BatchId,
    key: &WithdrawalKey,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO batch_withdrawal (batch, vault, requester, withdrawal, live) VALUES ($1, $2, $3, $4, 0)
         ON CONFLICT DO NOTHING",
        &of(batch, key),
    )
    .await
    .map(drop)
}

/// Says in which of its batches a withdrawal is live, if in any.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is not in that batch.
pub async fn set_live(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    batch: Option<BatchId>,
) -> Result<(), DatabaseError> {
    let [_, vault, requester, id] = of(BatchId::from_bytes([0; 16]), key);
    tx.execute(
        "UPDATE batch_withdrawal SET live = 0
         WHERE vault = $1 AND requester = $2 AND withdrawal = $3 AND live = 1",
        &[vault, requester, id],
    )
    .await?;
    match batch {
        None => Ok(()),
        Some(batch) => make_live(tx, batch, key).await,
    }
}

/// Makes a batch the live one of a withdrawal.
///
/// # Errors
/// A unique violation if another batch is (M1).
pub async fn make_live(
    tx: &mut Transaction,
    batch: BatchId,
    key: &WithdrawalKey,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE batch_withdrawal SET live = 1
         WHERE batch = $1 AND vault = $2 AND requester = $3 AND withdrawal = $4",
        &of(batch, key),
    )
    .await
}

fn of(batch: BatchId, key: &WithdrawalKey) -> [Value; 4] {
    [
        batch.to_bytes().into(),
        key.vault.to_bytes().into(),
        key.requester.as_str().into(),
        key.id.as_str().into(),
    ]
}

/// The withdrawals in a batch.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn withdrawals_of(
    tx: &mut Transaction,
    batch: BatchId,
) -> Result<Vec<WithdrawalKey>, DatabaseError> {
    tx.rows(
        "SELECT vault, requester, withdrawal FROM batch_withdrawal WHERE batch = $1
         ORDER BY requester, withdrawal",
        &[batch.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(WithdrawalKey {
            vault: VaultId::from_bytes(row.array("vault")?),
            requester: row.parse("requester", "a requester's name")?,
            id: row.parse("withdrawal", "a withdrawal's id")?,
        })
    })
    .collect()
}

/// One batch.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: BatchId) -> Result<Option<BatchRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, vault, keyset, purpose, created_at, created_by FROM batch WHERE id = $1",
        &[id.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The batches of a vault, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<BatchRow>, DatabaseError> {
    tx.rows(
        "SELECT id, vault, keyset, purpose, created_at, created_by FROM batch WHERE vault = $1
         ORDER BY created_at DESC, id LIMIT $2",
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<BatchRow, DatabaseError> {
    let purpose = row.text("purpose")?;
    let purpose = AttemptPurpose::ALL
        .into_iter()
        .find(|known| known.name() == purpose)
        .ok_or_else(|| row.corrupt("purpose", "a purpose", purpose))?;
    Ok(BatchRow {
        id: BatchId::from_bytes(row.array("id")?),
        vault: VaultId::from_bytes(row.array("vault")?),
        keyset: Keyset::from_bytes(row.array("keyset")?),
        purpose,
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        created_by: row.text("created_by")?.to_owned(),
    })
}
