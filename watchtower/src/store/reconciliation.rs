//! Proofs that the books, the tracker and the node agree on what a vault holds.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, OutPoint, SignedAmount, Txid};
use policies::{UnixTime, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use crate::reconciling::{Difference, DifferenceKind};
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
    /// How many coins the last scan of the node's whole UTXO set showed to differ; 0 where none was made.
    pub differences: u32,
    /// Whether the three agree, and every coin by itself.
    pub agrees: bool,
    /// The first difference in words; empty if there is none.
    pub detail: String,
    /// When.
    pub at: UnixTime,
}

/// A reconciliation that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: u64,
    /// The vault.
    pub vault: VaultId,
    /// Whether the node's whole UTXO set is to be looked through.
    pub deep: bool,
}

/// How a request stands that has no result yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The vault.
    pub vault: VaultId,
    /// Whether the node's whole UTXO set is to be looked through.
    pub deep: bool,
    /// How many hundredths of it were looked through; none before it began.
    pub percent: Option<u32>,
    /// Whether it was called off.
    pub aborted: bool,
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
    insert(tx, vault, false, now).await
}

/// Asks for one that looks through the node's whole UTXO set for coins that the books do not have.
///
/// # Errors
///
/// On a failed statement.
pub async fn request_deep(
    tx: &mut Transaction,
    vault: VaultId,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    insert(tx, vault, true, now).await
}

async fn insert(
    tx: &mut Transaction,
    vault: VaultId,
    deep: bool,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.one_row(
        "INSERT INTO reconciliation_request (vault, requested_at, deep) VALUES ($1, $2, $3)
         RETURNING id",
        &[
            vault.to_bytes().into(),
            Value::from_u64(now.as_secs())?,
            deep.into(),
        ],
    )
    .await?
    .u64("id")
}

/// Calls a request off that has no result yet; says whether there was one.
///
/// # Errors
///
/// On a failed statement.
pub async fn abort(
    tx: &mut Transaction,
    vault: VaultId,
    request: u64,
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    let changed = tx
        .execute(
            "UPDATE reconciliation_request SET aborted_at = $1
             WHERE id = $2 AND vault = $3 AND aborted_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM reconciliation r WHERE r.request = $2)",
            &[
                Value::from_u64(now.as_secs())?,
                Value::from_u64(request)?,
                vault.to_bytes().into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// How a request stands.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn progress(
    tx: &mut Transaction,
    request: u64,
) -> Result<Option<Progress>, DatabaseError> {
    tx.optional_row(
        "SELECT q.vault, q.deep, q.aborted_at, s.progress FROM reconciliation_request q
         LEFT JOIN reconciliation_scan s ON s.request = q.id WHERE q.id = $1",
        &[Value::from_u64(request)?],
    )
    .await?
    .map(|row| {
        Ok(Progress {
            vault: VaultId::from_bytes(row.array("vault")?),
            deep: row.bool("deep")?,
            percent: row.optional_u32("progress")?,
            aborted: row.optional_u64("aborted_at")?.is_some(),
        })
    })
    .transpose()
}

/// The last request of a vault for a scan of the node's whole UTXO set.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn last_deep(tx: &mut Transaction, vault: VaultId) -> Result<Option<u64>, DatabaseError> {
    tx.optional_row(
        "SELECT id FROM reconciliation_request WHERE vault = $1 AND deep = 1 ORDER BY id DESC LIMIT 1",
        &[vault.to_bytes().into()],
    )
    .await?
    .map(|row| row.u64("id"))
    .transpose()
}

/// Says how far a scan has come, in hundredths.
pub async fn set_progress(
    tx: &mut Transaction,
    request: u64,
    percent: u8,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO reconciliation_scan (request, progress, looked_at) VALUES ($1, $2, $3)
         ON CONFLICT (request) DO UPDATE SET progress = excluded.progress, looked_at = excluded.looked_at",
        &[
            Value::from_u64(request)?,
            u32::from(percent).into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// The differences of a request that are told one by one, in their order.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn differences(
    tx: &mut Transaction,
    request: u64,
) -> Result<Vec<Difference>, DatabaseError> {
    tx.rows(
        "SELECT kind, txid, vout, node_sat, books_sat, height FROM reconciliation_difference
         WHERE request = $1 ORDER BY position",
        &[Value::from_u64(request)?],
    )
    .await?
    .iter()
    .map(|row| {
        let kind = row.text("kind")?;
        let amount = |column| {
            let sat = row.optional_u64(column)?;
            Ok::<_, DatabaseError>(sat.map(Amount::from_sat))
        };
        Ok(Difference {
            outpoint: OutPoint {
                txid: Txid::from_byte_array(row.array("txid")?),
                vout: row.u32("vout")?,
            },
            kind: DifferenceKind::of_name(kind)
                .ok_or_else(|| row.corrupt("kind", "a kind of difference", kind))?,
            node: amount("node_sat")?,
            books: amount("books_sat")?,
            height: row.u32("height")?,
        })
    })
    .collect()
}

/// Stores the differences of a request that are told.
pub async fn record_differences(
    tx: &mut Transaction,
    request: u64,
    told: impl Iterator<Item = &Difference>,
) -> Result<(), DatabaseError> {
    for (position, one) in (0_u32..).zip(told) {
        let sat = |amount: Option<Amount>| {
            let sat = amount
                .map(|amount| Value::from_u64(amount.to_sat()))
                .transpose()?;
            Ok::<_, DatabaseError>(sat.unwrap_or(Value::Null))
        };
        tx.execute_one(
            "INSERT INTO reconciliation_difference
                 (request, position, kind, txid, vout, node_sat, books_sat, height)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                Value::from_u64(request)?,
                position.into(),
                one.kind.name().into(),
                one.outpoint.txid.to_byte_array().into(),
                one.outpoint.vout.into(),
                sat(one.node)?,
                sat(one.books)?,
                one.height.into(),
            ],
        )
        .await?;
    }
    Ok(())
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
        "SELECT vault, height, hash, ledger_sat, tracker_sat, node_sat, coins, differences, agrees,
             detail, reconciled_at
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
        "SELECT vault, height, hash, ledger_sat, tracker_sat, node_sat, coins, differences, agrees,
             detail, reconciled_at
         FROM reconciliation WHERE vault = $1 ORDER BY number DESC LIMIT 1",
        &[vault.to_bytes().into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// What the last scan of the node's whole UTXO set found, while no later one has found that it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many coins differ.
    pub(crate) differences: u32,
    /// The tip at which it was stored.
    pub(crate) height: u32,
    /// The first of them.
    pub(crate) first: Option<Difference>,
}

/// The differences of a vault that only another scan of the node's whole UTXO set can see: who asks for the coins that
/// the books have hears nothing of others.
pub(crate) async fn standing(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<Standing>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT q.id, r.height, r.differences FROM reconciliation_request q
             JOIN reconciliation r ON r.request = q.id
             WHERE q.vault = $1 AND q.deep = 1 ORDER BY r.number DESC LIMIT 1",
            &[vault.to_bytes().into()],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (count, height) = (row.u32("differences")?, row.u32("height")?);
    if count == 0 {
        return Ok(None);
    }
    let told = differences(tx, row.u64("id")?).await?;
    Ok(Some(Standing {
        differences: count,
        height,
        first: told.into_iter().next(),
    }))
}

/// The requests without a result that nobody called off, oldest first.
pub async fn open_requests(tx: &mut Transaction) -> Result<Vec<Request>, DatabaseError> {
    tx.rows(
        "SELECT q.id, q.vault, q.deep FROM reconciliation_request q
         WHERE q.aborted_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM reconciliation r WHERE r.request = q.id) ORDER BY q.id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Request {
            id: row.u64("id")?,
            vault: VaultId::from_bytes(row.array("vault")?),
            deep: row.bool("deep")?,
        })
    })
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
             coins, differences, agrees, detail, reconciled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (request) DO NOTHING",
        &[
            request.map(Value::from_u64).transpose()?.unwrap_or(Value::Null),
            result.vault.to_bytes().into(),
            result.tip.height.into(),
            result.tip.hash.to_byte_array().into(),
            result.ledger.to_sat().into(),
            Value::from_u64(result.tracker.to_sat())?,
            Value::from_u64(result.node.to_sat())?,
            result.coins.into(),
            result.differences.into(),
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
        differences: row.u32("differences")?,
        agrees: row.bool("agrees")?,
        detail: row.text("detail")?.to_owned(),
        at: UnixTime::from_secs(row.u64("reconciled_at")?),
    })
}
