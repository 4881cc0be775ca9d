//! Of each batch the attempt that is out, since when, and what was last done or said of it.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, BlockHash, FeeRate, Txid};
use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use crate::session::BatchId;

/// What was last done or said of an attempt that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it may wait.
    Waits,
    /// It is stuck, and operators were told what a replacement would cost.
    Proposed,
    /// What takes its place was made.
    Made,
    /// The next rung of its ladder was released.
    Released,
    /// It is stuck, and nothing can be done within what was said.
    Held,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Waits,
        Self::Proposed,
        Self::Made,
        Self::Released,
        Self::Held,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Proposed => "proposed",
            Self::Made => "made",
            Self::Released => "released",
            Self::Held => "held",
        }
    }
}

/// What is remembered of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BumpRow {
    /// The batch.
    pub batch: BatchId,
    /// The attempt that is out.
    pub attempt: Txid,
    /// The height of the tip when it was first found to be out.
    pub since: u32,
    /// The tip at which something was last done or said; none if never.
    pub tip: Option<BlockHash>,
    /// What.
    pub outcome: Outcome,
    /// The stable code of why it is held; empty otherwise.
    pub code: String,
    /// The same in words.
    pub says: String,
    /// The feerate that was proposed or made; zero otherwise.
    pub feerate: FeeRate,
    /// How much more that costs.
    pub more: Amount,
    /// What is left of the budget then.
    pub left: Amount,
    /// When this was last changed.
    pub changed_at: UnixTime,
}

/// What is remembered of a batch, if anything is.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    batch: BatchId,
) -> Result<Option<BumpRow>, DatabaseError> {
    tx.optional_row(
        "SELECT batch, attempt, since_height, tip, outcome, code, says, feerate_sat_kwu, more, left_over, changed_at
         FROM batch_bump WHERE batch = $1",
        &[batch.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Stores what is to be remembered of a batch.
///
/// # Errors
/// On a failed statement.
pub async fn put(tx: &mut Transaction, row: &BumpRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO batch_bump (batch, attempt, since_height, tip, outcome, code, says, feerate_sat_kwu, more,
             left_over, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (batch) DO UPDATE SET attempt = excluded.attempt, since_height = excluded.since_height,
             tip = excluded.tip, outcome = excluded.outcome, code = excluded.code, says = excluded.says,
             feerate_sat_kwu = excluded.feerate_sat_kwu, more = excluded.more,
             left_over = excluded.left_over, changed_at = excluded.changed_at",
        &[
            row.batch.to_bytes().into(),
            row.attempt.to_byte_array().into(),
            row.since.into(),
            row.tip.map(BlockHash::to_byte_array).into(),
            row.outcome.name().into(),
            row.code.clone().into(),
            row.says.clone().into(),
            Value::from_u64(row.feerate.to_sat_per_kwu())?,
            Value::from_u64(row.more.to_sat())?,
            Value::from_u64(row.left.to_sat())?,
            Value::from_u64(row.changed_at.as_secs())?,
        ],
    )
    .await
}

/// What is said of the attempts of a vault that are stuck and still out, or of all vaults: of none any more for which
/// nobody looks, or that a block or something newer excludes.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn stuck(
    tx: &mut Transaction,
    vault: Option<VaultId>,
) -> Result<Vec<(VaultId, BumpRow)>, DatabaseError> {
    tx.rows(
        "SELECT b.batch, b.attempt, b.since_height, b.tip, b.outcome, b.code, b.says, b.feerate_sat_kwu, b.more,
             b.left_over, b.changed_at, a.vault
         FROM batch_bump b JOIN attempt a ON a.txid = b.attempt
         JOIN vault_fee_policy p ON p.vault = a.vault AND p.standing = 1 AND p.bump <> 'off'
         WHERE (b.outcome IN ('proposed', 'held') OR (b.outcome = 'made' AND b.code <> '')) AND a.state IN ('broadcasting', 'in_mempool')
             AND a.vault = COALESCE($1, a.vault)
             AND NOT EXISTS (
                 SELECT 1 FROM attempt_input i JOIN attempt_input j ON j.txid = i.txid AND j.vout = i.vout
                 JOIN attempt c ON c.txid = j.attempt
                 WHERE i.attempt = a.txid AND c.txid <> a.txid
                     AND (c.state IN ('confirmed', 'settled')
                         OR (c.state IN ('broadcasting', 'in_mempool')
                             AND (c.created_at, c.number, c.txid) > (a.created_at, a.number, a.txid))))
         ORDER BY b.changed_at, b.batch",
        &[vault.map(VaultId::to_bytes).into()],
    )
    .await?
    .iter()
    .map(|row| Ok((VaultId::from_bytes(row.array("vault")?), read(row)?)))
    .collect()
}

fn read(row: &Row) -> Result<BumpRow, DatabaseError> {
    let outcome = row.text("outcome")?;
    let outcome = Outcome::ALL
        .into_iter()
        .find(|known| known.name() == outcome)
        .ok_or_else(|| row.corrupt("outcome", "what was done or said", outcome))?;
    Ok(BumpRow {
        batch: BatchId::from_bytes(row.array("batch")?),
        attempt: Txid::from_byte_array(row.array("attempt")?),
        since: row.u32("since_height")?,
        tip: row.optional_array("tip")?.map(BlockHash::from_byte_array),
        outcome,
        code: row.text("code")?.to_owned(),
        says: row.text("says")?.to_owned(),
        feerate: FeeRate::from_sat_per_kwu(row.u64("feerate_sat_kwu")?),
        more: row.amount("more")?,
        left: row.amount("left_over")?,
        changed_at: UnixTime::from_secs(row.u64("changed_at")?),
    })
}
