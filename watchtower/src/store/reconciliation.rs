//! Proofs that the books, the tracker and the node agree on what a vault holds.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, SignedAmount};
use policies::{UnixTime, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use crate::tracker::BlockRef;

/// A comparison at one tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// The vault.
    pub vault: VaultId,
    /// The tip at which the three were compared.
    pub tip: BlockRef,
    /// What the ledger says the vault holds.
    pub ledger: SignedAmount,
    /// The sum of the confirmed unspent coins of the tracker.
    pub tracker: Amount,
    /// The sum of those that the node has in its UTXO set, by the node's amounts.
    pub node: Amount,
    /// How many coins were compared.
    pub coins: u32,
    /// Whether the three agree, and every coin by itself.
    pub agrees: bool,
    /// The first difference in words; empty if there is none.
    pub detail: String,
    /// When.
    pub at: UnixTime,
}

/// Asks the watchtower for a reconciliation now; returns the number to ask for its result by.
///
/// # Errors
///
/// On a failed statement.
pub async fn request(
    tx: &mut Transaction,
    vault: VaultId,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.one_row(
        "INSERT INTO reconciliation_request (vault, requested_at) VALUES ($1, $2) RETURNING id",
        &[vault.to_bytes().into(), Value::from_u64(now.as_secs())?],
    )
    .await?
    .u64("id")
}

/// The result of a request, once there is one.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn result(
    tx: &mut Transaction,
    request: u64,
) -> Result<Option<Reconciliation>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, height, hash, ledger_sat, tracker_sat, node_sat, coins, agrees, detail,
             reconciled_at
         FROM reconciliation WHERE request = $1",
        &[Value::from_u64(request)?],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The latest reconciliation of a vault.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn latest(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<Reconciliation>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, height, hash, ledger_sat, tracker_sat, node_sat, coins, agrees, detail,
             reconciled_at
         FROM reconciliation WHERE vault = $1 ORDER BY number DESC LIMIT 1",
        &[vault.to_bytes().into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The requests without a result, oldest first.
pub async fn open_requests(tx: &mut Transaction) -> Result<Vec<(u64, VaultId)>, DatabaseError> {
    tx.rows(
        "SELECT q.id, q.vault FROM reconciliation_request q
         WHERE NOT EXISTS (SELECT 1 FROM reconciliation r WHERE r.request = q.id) ORDER BY q.id",
        &[],
    )
    .await?
    .iter()
    .map(|row| Ok((row.u64("id")?, VaultId::from_bytes(row.array("vault")?))))
    .collect()
}

/// Stores a result.
pub async fn record(
    tx: &mut Transaction,
    request: Option<u64>,
    result: &Reconciliation,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO reconciliation (request, vault, height, hash, ledger_sat, tracker_sat, node_sat,
             coins, agrees, detail, reconciled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (request) DO NOTHING",
        &[
            request.map(Value::from_u64).transpose()?.unwrap_or(Value::Null),
            result.vault.to_bytes().into(),
            result.tip.height.into(),
            result.tip.hash.to_byte_array().into(),
            result.ledger.to_sat().into(),
            Value::from_u64(result.tracker.to_sat())?,
            Value::from_u64(result.node.to_sat())?,
            result.coins.into(),
            result.agrees.into(),
            result.detail.clone().into(),
            Value::from_u64(result.at.as_secs())?,
        ],
    )
    .await
    .map(drop)
}

fn read(row: &Row) -> Result<Reconciliation, DatabaseError> {
    Ok(Reconciliation {
        vault: VaultId::from_bytes(row.array("vault")?),
        tip: BlockRef {
            height: row.u32("height")?,
            hash: BlockHash::from_byte_array(row.array("hash")?),
        },
        ledger: SignedAmount::from_sat(row.int("ledger_sat")?),
        tracker: row.amount("tracker_sat")?,
        node: row.amount("node_sat")?,
        coins: row.u32("coins")?,
        agrees: row.bool("agrees")?,
        detail: row.text("detail")?.to_owned(),
        at: UnixTime::from_secs(row.u64("reconciled_at")?),
    })
}
