//! Whether a vault's references are accounts of customers, and which of them are below 0.
//!
//! A partial unique index holds that a reference has one open hold. Holds are ended, never deleted.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};
use watchtower::store::said::Said;

/// What an operator said of a vault's references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooksRow {
    /// Whether they are accounts of customers.
    pub references_are_accounts: bool,
    /// Who said so, and when.
    pub said: Said,
}

/// A reference that went below 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// The reference.
    pub reference: String,
    /// What it came to when that was found: satoshi below 0.
    pub balance_sat: i64,
    /// When that was found.
    pub opened_at: UnixTime,
    /// Since when its withdrawals may go nevertheless, if somebody said so.
    pub released: Option<Release>,
}

/// Somebody lets withdrawals of a reference go although it is below 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: UnixTime,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What was said of a vault's references, if anything was.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn settings(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Option<BooksRow>, DatabaseError> {
    tx.optional_row(
        "SELECT references_are_accounts, set_at, set_by FROM vault_books WHERE vault = $1",
        &[vault.to_bytes().into()],
    )
    .await?
    .map(|row| {
        Ok(BooksRow {
            references_are_accounts: row.bool("references_are_accounts")?,
            said: Said::read(&row)?,
        })
    })
    .transpose()
}

/// Says what a vault's references are, in place of what was said before.
///
/// # Errors
/// On a failed statement.
pub async fn set(
    tx: &mut Transaction,
    vault: VaultId,
    row: &BooksRow,
) -> Result<(), DatabaseError> {
    let [set_at, set_by] = row.said.values()?;
    tx.execute_one(
        "INSERT INTO vault_books (vault, references_are_accounts, set_at, set_by)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (vault) DO UPDATE SET references_are_accounts = excluded.references_are_accounts,
             set_at = excluded.set_at, set_by = excluded.set_by",
        &[
            vault.to_bytes().into(),
            row.references_are_accounts.into(),
            set_at,
            set_by,
        ],
    )
    .await
}

/// The references of a vault that are below 0, by name.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction, vault: VaultId) -> Result<Vec<HoldRow>, DatabaseError> {
    let mut rows: Vec<HoldRow> = tx
        .rows(
            "SELECT reference, balance_sat, opened_at, released_at, released_by, release_reason
             FROM customer_hold WHERE vault = $1 AND ended_at IS NULL",
            &[vault.to_bytes().into()],
        )
        .await?
        .iter()
        .map(read)
        .collect::<Result<_, DatabaseError>>()?;
    rows.sort_by(|one, other| one.reference.cmp(&other.reference));
    Ok(rows)
}

/// The open hold of a reference, if it is below 0.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_reference(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
) -> Result<Option<HoldRow>, DatabaseError> {
    tx.optional_row(
        "SELECT reference, balance_sat, opened_at, released_at, released_by, release_reason
         FROM customer_hold WHERE vault = $1 AND reference = $2 AND ended_at IS NULL",
        &[vault.to_bytes().into(), reference.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Notes that a reference is below 0.
///
/// # Errors
/// A unique violation if it is noted already.
pub async fn begin(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
    balance_sat: i64,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO customer_hold (vault, reference, number, balance_sat, opened_at)
         SELECT $1, $2, COUNT(*) + 1, $3, $4 FROM customer_hold WHERE vault = $1 AND reference = $2",
        &[
            vault.to_bytes().into(),
            reference.into(),
            balance_sat.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// Lets the withdrawals of a reference go although it is below 0; says whether it is.
///
/// # Errors
/// On a failed statement.
pub async fn release(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
    release: &Release,
) -> Result<bool, DatabaseError> {
    let changed = tx
        .execute(
            "UPDATE customer_hold SET released_at = $1, released_by = $2, release_reason = $3
             WHERE vault = $4 AND reference = $5 AND ended_at IS NULL",
            &[
                Value::from_u64(release.at.as_secs())?,
                release.by.clone().into(),
                release.reason.clone().into(),
                vault.to_bytes().into(),
                reference.into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Ends the hold of a reference, which is even again.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it has none.
pub async fn end(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE customer_hold SET ended_at = $1
         WHERE vault = $2 AND reference = $3 AND ended_at IS NULL",
        &[
            Value::from_u64(now.as_secs())?,
            vault.to_bytes().into(),
            reference.into(),
        ],
    )
    .await
}

fn read(row: &Row) -> Result<HoldRow, DatabaseError> {
    let released = match (
        row.optional_u64("released_at")?,
        row.optional_text("released_by")?,
        row.optional_text("release_reason")?,
    ) {
        (Some(at), Some(by), Some(reason)) => Some(Release {
            at: UnixTime::from_secs(at),
            by: by.to_owned(),
            reason: reason.to_owned(),
        }),
        _ => None,
    };
    Ok(HoldRow {
        reference: row.text("reference")?.to_owned(),
        balance_sat: row.int("balance_sat")?,
        opened_at: UnixTime::from_secs(row.u64("opened_at")?),
        released,
    })
}
