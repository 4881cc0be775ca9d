//! Vaults whose descriptor had a life elsewhere, and what was said of their coins there.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A vault that moves in, or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovingRow {
    /// The vault.
    pub vault: VaultId,
    /// The height from which blocks are read.
    pub from: u32,
    /// The height up to which blocks are its history, whenever what is watched for it began to be; none for one that
    /// began before this was kept.
    pub history_until: Option<u32>,
    /// The first index of each keychain that is not watched for it.
    pub end: u32,
    /// The scan.
    pub scan: u64,
    /// The reconciliation that was asked for.
    pub comparison: Option<u64>,
    /// When it began.
    pub begun_at: UnixTime,
    /// Who began it.
    pub begun_by: String,
    /// When books and node agreed.
    pub ended_at: Option<UnixTime>,
}

/// What was said of something of the wallet (BIP 329).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRow {
    /// `addr`, `tx` or `output`.
    pub kind: String,
    /// The address, the txid, or txid, colon, output.
    pub about: String,
    /// How it is called; empty if it is not.
    pub label: String,
    /// Whether it may be spent.
    pub spendable: bool,
}

/// Begins to move a vault in.
///
/// # Errors
/// A unique violation if it began before.
pub async fn insert(tx: &mut Transaction, row: &MovingRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO moving_in (vault, from_height, history_until, end_index, scan, comparison, begun_at, begun_by,
             ended_at)
         VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, NULL)",
        &[
            row.vault.to_bytes().into(),
            row.from.into(),
            row.history_until.into(),
            row.end.into(),
            Value::from_u64(row.scan)?,
            Value::from_u64(row.begun_at.as_secs())?,
            row.begun_by.clone().into(),
        ],
    )
    .await
}

/// Moves one on that has not ended.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it has.
pub async fn update(tx: &mut Transaction, row: &MovingRow) -> Result<(), DatabaseError> {
    let number = |number: Option<u64>| number.map(Value::from_u64).transpose();
    tx.execute_one(
        "UPDATE moving_in SET end_index = $1, scan = $2, comparison = $3, ended_at = $4
         WHERE vault = $5 AND ended_at IS NULL",
        &[
            row.end.into(),
            Value::from_u64(row.scan)?,
            number(row.comparison)?.unwrap_or(Value::Null),
            number(row.ended_at.map(UnixTime::as_secs))?.unwrap_or(Value::Null),
            row.vault.to_bytes().into(),
        ],
    )
    .await
}

/// A vault's moving in, if it ever began.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<MovingRow>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, from_height, history_until, end_index, scan, comparison, begun_at, begun_by, ended_at
         FROM moving_in WHERE vault = $1",
        &[vault.to_bytes().into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The vaults that are still moving in.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction) -> Result<Vec<MovingRow>, DatabaseError> {
    tx.rows(
        "SELECT vault, from_height, history_until, end_index, scan, comparison, begun_at, begun_by, ended_at
         FROM moving_in WHERE ended_at IS NULL ORDER BY vault",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Keeps what was said of something, in place of what was said of it before.
///
/// # Errors
/// On a failed statement.
pub async fn set_label(
    tx: &mut Transaction,
    vault: VaultId,
    row: &LabelRow,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO moving_label (vault, kind, about, label, spendable) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (vault, kind, about) DO UPDATE SET label = excluded.label, spendable = excluded.spendable",
        &[
            vault.to_bytes().into(),
            row.kind.clone().into(),
            row.about.clone().into(),
            row.label.clone().into(),
            row.spendable.into(),
        ],
    )
    .await
}

/// What was said of a vault's things.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn labels(tx: &mut Transaction, vault: VaultId) -> Result<Vec<LabelRow>, DatabaseError> {
    tx.rows(
        "SELECT kind, about, label, spendable FROM moving_label WHERE vault = $1 ORDER BY kind, about",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(LabelRow {
            kind: row.text("kind")?.to_owned(),
            about: row.text("about")?.to_owned(),
            label: row.text("label")?.to_owned(),
            spendable: row.bool("spendable")?,
        })
    })
    .collect()
}

fn read(row: &Row) -> Result<MovingRow, DatabaseError> {
    let ended_at = row.optional_u64("ended_at")?;
    Ok(MovingRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        from: row.u32("from_height")?,
        history_until: row.optional_u32("history_until")?,
        end: row.u32("end_index")?,
        scan: row.u64("scan")?,
        comparison: row.optional_u64("comparison")?,
        begun_at: UnixTime::from_secs(row.u64("begun_at")?),
        begun_by: row.text("begun_by")?.to_owned(),
        ended_at: ended_at.map(UnixTime::from_secs),
    })
}
