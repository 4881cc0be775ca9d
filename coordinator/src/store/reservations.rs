//! The coins that batches hold (M3, M4).
//!
//! A partial unique index holds that one open batch holds a coin. A row is made once a batch and coin;
//! it is opened and released as the attempts of the batch live and die.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Txid};
use policies::{Keyset, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use crate::session::BatchId;

/// Reserves a coin for a batch, also one that it had released.
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
        "INSERT INTO reservation (batch, txid, vout, amount, reserved_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (batch, txid, vout) DO UPDATE SET released_at = NULL, release_reason = NULL",
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

/// Releases a coin that a batch holds.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it does not.
pub async fn release(
    tx: &mut Transaction,
    batch: BatchId,
    outpoint: OutPoint,
    reason: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE reservation SET released_at = $1, release_reason = $2
         WHERE batch = $3 AND txid = $4 AND vout = $5 AND released_at IS NULL",
        &[
            Value::from_u64(now.as_secs())?,
            reason.into(),
            batch.to_bytes().into(),
            outpoint.txid.to_byte_array().into(),
            outpoint.vout.into(),
        ],
    )
    .await
}

/// The open batch that holds a coin.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn holder_of(
    tx: &mut Transaction,
    coin: OutPoint,
) -> Result<Option<BatchId>, DatabaseError> {
    tx.optional_row(
        "SELECT batch FROM reservation WHERE txid = $1 AND vout = $2 AND released_at IS NULL",
        &[coin.txid.to_byte_array().into(), coin.vout.into()],
    )
    .await?
    .map(|row| row.array("batch").map(BatchId::from_bytes))
    .transpose()
}

/// The coins of a vault that open batches hold.
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

/// What open batches hold of a keyset's settled coins that nothing in chain or mempool spends.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn reserved_settled(
    tx: &mut Transaction,
    vault: VaultId,
    keychain: Keyset,
) -> Result<Amount, DatabaseError> {
    tx.one_row(
        "SELECT CAST(COALESCE(SUM(r.amount), 0) AS BIGINT) AS held
         FROM reservation r JOIN batch b ON b.id = r.batch
         JOIN coin c ON c.txid = r.txid AND c.vout = r.vout
         JOIN watched_script s ON s.script = c.script
         WHERE b.vault = $1 AND s.keyset = $2 AND r.released_at IS NULL AND c.settled = 1
             AND c.spent_by IS NULL",
        &[vault.to_bytes().into(), keychain.to_bytes().into()],
    )
    .await?
    .u64("held")
    .map(Amount::from_sat)
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

fn outpoint(row: &Row) -> Result<OutPoint, DatabaseError> {
    Ok(OutPoint {
        txid: Txid::from_byte_array(row.array("txid")?),
        vout: row.u32("vout")?,
    })
}
