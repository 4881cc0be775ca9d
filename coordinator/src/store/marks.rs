//! The marks between which balances should stay.

use policies::VaultId;
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};
use watchtower::store::said::Said;

use crate::balancing::{Level, Marks};

/// A vault's marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarksRow {
    /// The vault.
    pub vault: VaultId,
    /// The marks.
    pub marks: Marks,
    /// Where the vault stood when it was last looked at.
    pub level: Level,
    /// Who said so, and when.
    pub said: Said,
}

/// Sets a vault's marks in place of those before.
///
/// # Errors
/// On a failed statement.
pub async fn set(tx: &mut Transaction, row: &MarksRow) -> Result<(), DatabaseError> {
    let other = |vault: Option<VaultId>| match vault {
        Some(vault) => vault.to_bytes().into(),
        None => Value::Null,
    };
    let [set_at, set_by] = row.said.values()?;
    tx.execute_one(
        "INSERT INTO vault_marks (vault, low, high, refill_from, drain_to, standing, level, set_at, set_by)
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8)
         ON CONFLICT (vault) DO UPDATE SET low = excluded.low, high = excluded.high,
             refill_from = excluded.refill_from, drain_to = excluded.drain_to, standing = 1,
             level = excluded.level, set_at = excluded.set_at, set_by = excluded.set_by",
        &[
            row.vault.to_bytes().into(),
            Value::from_u64(row.marks.low.to_sat())?,
            Value::from_u64(row.marks.high.to_sat())?,
            other(row.marks.refill_from),
            other(row.marks.drain_to),
            row.level.name().into(),
            set_at,
            set_by,
        ],
    )
    .await
}

/// Takes a vault's marks away; says whether it had any.
///
/// # Errors
/// On a failed statement.
pub async fn clear(tx: &mut Transaction, vault: VaultId) -> Result<bool, DatabaseError> {
    let gone = tx
        .execute(
            "UPDATE vault_marks SET standing = 0 WHERE vault = $1 AND standing = 1",
            &[vault.to_bytes().into()],
        )
        .await?;
    Ok(gone > 0)
}

/// Remembers where a vault stands.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it has no marks.
pub async fn set_level(
    tx: &mut Transaction,
    vault: VaultId,
    level: Level,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE vault_marks SET level = $1 WHERE vault = $2 AND standing = 1",
        &[level.name().into(), vault.to_bytes().into()],
    )
    .await
}

/// All marks.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction) -> Result<Vec<MarksRow>, DatabaseError> {
    tx.rows(
        "SELECT vault, low, high, refill_from, drain_to, level, set_at, set_by FROM vault_marks
         WHERE standing = 1 ORDER BY vault",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<MarksRow, DatabaseError> {
    let level = row.text("level")?;
    let level = [Level::Below, Level::Within, Level::Above]
        .into_iter()
        .find(|known| known.name() == level)
        .ok_or_else(|| row.corrupt("level", "a level", level))?;
    let other = |column| -> Result<Option<VaultId>, DatabaseError> {
        Ok(row.optional_array(column)?.map(VaultId::from_bytes))
    };
    Ok(MarksRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        marks: Marks {
            low: row.amount("low")?,
            high: row.amount("high")?,
            refill_from: other("refill_from")?,
            drain_to: other("drain_to")?,
        },
        level,
        said: Said::read(row)?,
    })
}
