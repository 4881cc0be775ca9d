//! The ledger's entries, the last made first.

use policies::{UnixTime, VaultId};

use super::Span;
use crate::store::database::{DatabaseError, Transaction, Value};
use crate::store::ledger::{Entry, account};

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// The kind of an account that is debited or credited; any if empty.
    pub account: String,
    /// A part of the cause, or of the reference of either account.
    pub text: String,
    /// When they were made.
    pub made: Span,
}

/// The next entries of a vault before a number; the last ones if none is given.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    vault: VaultId,
    filter: &EntryFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Entry>, DatabaseError> {
    let [since, until] = filter.made.values()?;
    let before = before.unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs());
    let rows = tx
        .rows(
            "SELECT e.number, d.kind AS debit_kind, d.reference AS debit_reference,
                 c.kind AS credit_kind, c.reference AS credit_reference, e.amount_sat, e.cause, e.entered_at
             FROM ledger_entry e
             JOIN ledger_account d ON d.id = e.debit
             JOIN ledger_account c ON c.id = e.credit
             WHERE d.vault = $1 AND e.number < $2
                 AND ($3 = '' OR d.kind = $3 OR c.kind = $3)
                 AND ($4 = '' OR LOWER(e.cause) LIKE $4 ESCAPE '!' OR LOWER(d.reference) LIKE $4 ESCAPE '!'
                     OR LOWER(c.reference) LIKE $4 ESCAPE '!')
                 AND e.entered_at BETWEEN $5 AND $6
             ORDER BY e.number DESC LIMIT $7",
            &[
                vault.to_bytes().into(),
                Value::from_u64(before)?,
                filter.account.clone().into(),
                Value::containing(&filter.text),
                since,
                until,
                limit.into(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                number: row.u64("number")?,
                debit: account(row, "debit_kind", "debit_reference")?,
                credit: account(row, "credit_kind", "credit_reference")?,
                amount: row.amount("amount_sat")?,
                cause: row.text("cause")?.to_owned(),
                at: UnixTime::from_secs(row.u64("entered_at")?),
            })
        })
        .collect()
}
