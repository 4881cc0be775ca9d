//! Spends of a vault's coins that nobody handed over for broadcasting: signed outside of the pipeline, or by a
//! pipeline that this database knows nothing of any more.

use bitcoin::hashes::Hash as _;
use bitcoin::{Transaction as BitcoinTransaction, Txid};
use policies::{UnixTime, VaultId};

use super::coins::read_transaction;
use super::database::{DatabaseError, Transaction, Value};

/// A spend that was not handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignSpend {
    /// The transaction.
    pub transaction: BitcoinTransaction,
    /// The time of its block's header; none in the mempool.
    pub block_time: Option<UnixTime>,
}

/// The foreign spends of a vault's coins that are in the mempool, or in blocks whose headers say this time or a later one.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn foreign_spends(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
) -> Result<Vec<ForeignSpend>, DatabaseError> {
    tx.rows(
        "SELECT t.txid, t.raw, b.time FROM chain_transaction t
         LEFT JOIN chain_block b ON b.height = t.block_height
         WHERE t.txid IN (SELECT c.spent_by FROM coin c WHERE c.vault = $1 AND c.spent_by IS NOT NULL)
             AND t.placement <> 'gone' AND (b.time IS NULL OR b.time >= $2)
             AND NOT EXISTS (SELECT 1 FROM outgoing o WHERE o.txid = t.txid)
             AND NOT EXISTS (SELECT 1 FROM expected_transaction e WHERE e.txid = t.txid)
         ORDER BY t.txid",
        &[
            vault.to_bytes().into(),
            Value::from_u64(since.as_secs())?,
        ],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(ForeignSpend {
            transaction: read_transaction(row, "raw")?,
            block_time: row.optional_u64("time")?.map(UnixTime::from_secs),
        })
    })
    .collect()
}

/// The time in the header of the block that a transaction is in, if it is in one.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn block_time(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Option<UnixTime>, DatabaseError> {
    tx.optional_row(
        "SELECT b.time FROM chain_transaction t JOIN chain_block b ON b.height = t.block_height WHERE t.txid = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .map(|row| Ok(UnixTime::from_secs(row.u64("time")?)))
    .transpose()
}
