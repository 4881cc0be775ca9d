//! Which signers of a vault are gone, and how.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A mark that a signer bears, or bore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerMarkRow {
    /// The signer's name in the policy.
    pub signer: String,
    /// `lost`, `stolen`, `away` or `leaving`.
    pub mark: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// Since when.
    pub marked_at: UnixTime,
    /// By whom.
    pub marked_by: String,
}

/// Marks a signer, in the place of the mark that it bears.
///
/// # Errors
/// On a failed statement.
pub async fn set(
    tx: &mut Transaction,
    vault: VaultId,
    row: &SignerMarkRow,
) -> Result<(), DatabaseError> {
    end(tx, vault, &row.signer, row.marked_at, &row.marked_by).await?;
    let last = tx
        .one_row(
            "SELECT COUNT(*) AS marks FROM signer_mark WHERE vault = $1 AND signer = $2",
            &[vault.to_bytes().into(), row.signer.clone().into()],
        )
        .await?
        .u32("marks")?;
    tx.execute_one(
        "INSERT INTO signer_mark (vault, signer, number, mark, reason, marked_at, marked_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            vault.to_bytes().into(),
            row.signer.clone().into(),
            last.saturating_add(1).into(),
            row.mark.clone().into(),
            row.reason.clone().into(),
            Value::from_u64(row.marked_at.as_secs())?,
            row.marked_by.clone().into(),
        ],
    )
    .await
}

/// Ends the mark that a signer bears; says whether it bore one.
///
/// # Errors
/// On a failed statement.
pub async fn end(
    tx: &mut Transaction,
    vault: VaultId,
    signer: &str,
    at: UnixTime,
    by: &str,
) -> Result<bool, DatabaseError> {
    let ended = tx
        .execute(
            "UPDATE signer_mark SET ended_at = $3, ended_by = $4
             WHERE vault = $1 AND signer = $2 AND ended_at IS NULL",
            &[
                vault.to_bytes().into(),
                signer.into(),
                Value::from_u64(at.as_secs())?,
                by.into(),
            ],
        )
        .await?;
    Ok(ended > 0)
}

/// The marks that signers of a vault bear now, by their names.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<SignerMarkRow>, DatabaseError> {
    tx.rows(
        "SELECT signer, mark, reason, marked_at, marked_by FROM signer_mark
         WHERE vault = $1 AND ended_at IS NULL ORDER BY signer",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The signers that ever bore a mark which has ended, and when it ended.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn ended(
    tx: &mut Transaction,
    vault: VaultId,
    mark: &str,
) -> Result<Vec<(String, UnixTime)>, DatabaseError> {
    tx.rows(
        "SELECT signer, ended_at FROM signer_mark
         WHERE vault = $1 AND mark = $2 AND ended_at IS NOT NULL ORDER BY signer, number",
        &[vault.to_bytes().into(), mark.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let ended_at = UnixTime::from_secs(row.u64("ended_at")?);
        Ok((row.text("signer")?.to_owned(), ended_at))
    })
    .collect()
}

fn read(row: &Row) -> Result<SignerMarkRow, DatabaseError> {
    Ok(SignerMarkRow {
        signer: row.text("signer")?.to_owned(),
        mark: row.text("mark")?.to_owned(),
        reason: row.text("reason")?.to_owned(),
        marked_at: UnixTime::from_secs(row.u64("marked_at")?),
        marked_by: row.text("marked_by")?.to_owned(),
    })
}
