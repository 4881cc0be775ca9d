//! Batches, the withdrawals in them and the coins they hold.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Txid};
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

/// Puts a withdrawal into a batch.
///
/// # Errors
/// A unique violation if it is in a live batch already (M1).
pub async fn add_withdrawal(
    tx: &mut Transaction,
    batch: BatchId,
    key: &WithdrawalKey,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO batch_withdrawal (batch, vault, requester, withdrawal, live) VALUES ($1, $2, $3, $4, 1)",
        &[
            batch.to_bytes().into(),
            key.vault.to_bytes().into(),
            key.requester.as_str().into(),
            key.id.as_str().into(),
        ],
    )
    .await
}

/// Reserves a coin for a batch.
///
/// # Errors
/// A unique violation if another open batch holds it (M3).
pub async fn reserve(
    tx: &mut Transaction,
    batch: BatchId,
    outpoint: OutPoint,
    amount: Amount,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO reservation (batch, txid, vout, amount, reserved_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            batch.to_bytes().into(),
            outpoint.txid.to_byte_array().into(),
            outpoint.vout.into(),
            Value::from_u64(amount.to_sat())?,
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// Releases all coins that a batch still holds; returns how many.
///
/// # Errors
/// On a failed statement.
pub async fn release(
    tx: &mut Transaction,
    batch: BatchId,
    reason: &str,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE reservation SET released_at = $1, release_reason = $2
         WHERE batch = $3 AND released_at IS NULL",
        &[
            Value::from_u64(now.as_secs())?,
            reason.into(),
            batch.to_bytes().into(),
        ],
    )
    .await
}

/// Takes the coins that a batch had released back, after a reorg undid the reason. A coin that another
/// open batch holds by now stays with that one: the two transactions exclude each other, and the chain
/// decides between them.
///
/// # Errors
/// On a database failure.
pub async fn reserve_again(tx: &mut Transaction, batch: BatchId) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE reservation SET released_at = NULL, release_reason = NULL
         WHERE batch = $1 AND released_at IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM reservation AS other
                 WHERE other.txid = reservation.txid AND other.vout = reservation.vout
                     AND other.released_at IS NULL)",
        &[batch.to_bytes().into()],
    )
    .await
}

/// Says of all withdrawals in a batch whether the batch is live for them.
///
/// # Errors
/// A unique violation if one of them is in another live batch (M1).
pub async fn set_live(
    tx: &mut Transaction,
    batch: BatchId,
    live: bool,
) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE batch_withdrawal SET live = $1 WHERE batch = $2 AND live <> $1",
        &[live.into(), batch.to_bytes().into()],
    )
    .await
}

/// The coins of a vault's keyset that open batches hold.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn reserved(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<OutPoint>, DatabaseError> {
    tx.rows(
        "SELECT r.txid, r.vout FROM reservation r JOIN batch b ON b.id = r.batch
         WHERE b.vault = $1 AND r.released_at IS NULL ORDER BY r.txid, r.vout",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(outpoint)
    .collect()
}

/// The coins that were ever reserved for a batch.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn coins_of(
    tx: &mut Transaction,
    batch: BatchId,
) -> Result<Vec<OutPoint>, DatabaseError> {
    tx.rows(
        "SELECT txid, vout FROM reservation WHERE batch = $1 ORDER BY txid, vout",
        &[batch.to_bytes().into()],
    )
    .await?
    .iter()
    .map(outpoint)
    .collect()
}

/// The batches that ever reserved a coin.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn holders_of(
    tx: &mut Transaction,
    coin: OutPoint,
) -> Result<Vec<BatchId>, DatabaseError> {
    tx.rows(
        "SELECT batch FROM reservation WHERE txid = $1 AND vout = $2 ORDER BY reserved_at, batch",
        &[coin.txid.to_byte_array().into(), coin.vout.into()],
    )
    .await?
    .iter()
    .map(|row| row.array("batch").map(BatchId::from_bytes))
    .collect()
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

fn outpoint(row: &Row) -> Result<OutPoint, DatabaseError> {
    Ok(OutPoint {
        txid: Txid::from_byte_array(row.array("txid")?),
        vout: row.u32("vout")?,
    })
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
