//! Questions to the node whether its mempool would take a transaction.

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{Transaction as BitcoinTransaction, Txid};
use policies::UnixTime;

use super::coins::read_transaction;
use super::database::{DatabaseError, Transaction, Value};

/// The node's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MempoolTest {
    /// Whether it would take the transaction.
    pub allowed: bool,
    /// Why not; empty if it would.
    pub reason: String,
    /// When it was asked.
    pub at: UnixTime,
}

/// Asks for a test; asking again does nothing.
///
/// # Errors
///
/// On a failed statement.
pub async fn request_mempool_test(
    tx: &mut Transaction,
    transaction: &BitcoinTransaction,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO mempool_test (txid, raw, requested_at) VALUES ($1, $2, $3)
         ON CONFLICT (txid) DO NOTHING",
        &[
            transaction.compute_txid().to_byte_array().into(),
            encode::serialize(transaction).into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
    .map(drop)
}

/// The answer, once there is one.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn mempool_test_result(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Option<MempoolTest>, DatabaseError> {
    tx.optional_row(
        "SELECT allowed, reason, tested_at FROM mempool_test_result WHERE txid = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .map(|row| {
        Ok(MempoolTest {
            allowed: row.bool("allowed")?,
            reason: row.text("reason")?.to_owned(),
            at: UnixTime::from_secs(row.u64("tested_at")?),
        })
    })
    .transpose()
}

/// The transactions asked about and not yet answered.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn open_requests(tx: &mut Transaction) -> Result<Vec<BitcoinTransaction>, DatabaseError> {
    tx.rows(
        "SELECT t.raw FROM mempool_test t
         WHERE NOT EXISTS (SELECT 1 FROM mempool_test_result r WHERE r.txid = t.txid)
         ORDER BY t.requested_at, t.txid",
        &[],
    )
    .await?
    .iter()
    .map(|row| read_transaction(row, "raw"))
    .collect()
}

/// Stores an answer.
///
/// # Errors
///
/// On a failed statement.
pub async fn record_result(
    tx: &mut Transaction,
    txid: Txid,
    result: &MempoolTest,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO mempool_test_result (txid, allowed, reason, tested_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT (txid) DO NOTHING",
        &[
            txid.to_byte_array().into(),
            result.allowed.into(),
            result.reason.clone().into(),
            Value::from_u64(result.at.as_secs())?,
        ],
    )
    .await
    .map(drop)
}
