//! The double-entry ledger's rows: inserted, never changed.

use bitcoin::{Amount, SignedAmount};
use policies::{UnixTime, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use crate::ledger::{Account, Posting};

/// The seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// Why an entry was not made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The cause was booked before, and differently.
    #[error("{cause} is booked already as entry {number}, with other accounts or amount")]
    CauseReused {
        /// The cause.
        cause: String,
        /// The entry that stands.
        number: u64,
    },
    /// An entry must move something.
    #[error("an entry of zero, caused by {cause}")]
    Zero {
        /// The cause.
        cause: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// An entry as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, growing.
    pub number: u64,
    /// The account debited.
    pub debit: Account,
    /// The account credited.
    pub credit: Account,
    /// The amount.
    pub amount: Amount,
    /// What caused it.
    pub cause: String,
    /// When it was made.
    pub at: UnixTime,
}

/// What an account has taken and given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: Account,
    /// The sum of its debits.
    pub debit: Amount,
    /// The sum of its credits.
    pub credit: Amount,
}

impl Balance {
    /// Debits less credits.
    pub fn net(&self) -> SignedAmount {
        let signed = |amount: Amount| amount.to_signed().unwrap_or(SignedAmount::MAX);
        signed(self.debit)
            .checked_sub(signed(self.credit))
            .unwrap_or(SignedAmount::ZERO)
    }
}

/// Books an entry once per cause: whether it was made now.
///
/// # Errors
///
/// [`LedgerError::CauseReused`] if the cause stands with other facts, [`LedgerError::Zero`].
pub async fn post(
    tx: &mut Transaction,
    posting: &Posting,
    now: UnixTime,
) -> Result<bool, LedgerError> {
    if posting.amount == Amount::ZERO {
        return Err(LedgerError::Zero {
            cause: posting.cause.clone(),
        });
    }
    let debit = account_id(tx, posting.vault, &posting.debit).await?;
    let credit = account_id(tx, posting.vault, &posting.credit).await?;
    let amount = Value::from_u64(posting.amount.to_sat())?;
    let made = tx
        .execute(
            "INSERT INTO ledger_entry (debit, credit, amount_sat, cause, entered_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (cause) DO NOTHING",
            &[
                debit.into(),
                credit.into(),
                amount.clone(),
                posting.cause.clone().into(),
                Value::from_u64(now.as_secs())?,
            ],
        )
        .await?;
    if made == 1 {
        return Ok(true);
    }
    let standing = tx
        .one_row(
            "SELECT number, debit, credit, amount_sat FROM ledger_entry WHERE cause = $1",
            &[posting.cause.clone().into()],
        )
        .await?;
    let same = standing.int("debit")? == debit
        && standing.int("credit")? == credit
        && standing.amount("amount_sat")? == posting.amount;
    if same {
        Ok(false)
    } else {
        let number = standing.u64("number")?;
        Err(LedgerError::CauseReused {
            cause: posting.cause.clone(),
            number,
        })
    }
}

/// The balances of a vault's accounts, each with entries on either side.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn balances(tx: &mut Transaction, vault: VaultId) -> Result<Vec<Balance>, DatabaseError> {
    tx.rows(
        "SELECT a.kind, a.reference,
             CAST(COALESCE((SELECT SUM(e.amount_sat) FROM ledger_entry e WHERE e.debit = a.id), 0)
                 AS BIGINT) AS debit_sat,
             CAST(COALESCE((SELECT SUM(e.amount_sat) FROM ledger_entry e WHERE e.credit = a.id), 0)
                 AS BIGINT) AS credit_sat
         FROM ledger_account a WHERE a.vault = $1 ORDER BY a.kind, a.reference",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Balance {
            account: account(row, "kind", "reference")?,
            debit: Amount::from_sat(row.u64("debit_sat")?),
            credit: Amount::from_sat(row.u64("credit_sat")?),
        })
    })
    .collect()
}

/// What the books say the vault holds: the balance of its coins.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn vault_total(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<SignedAmount, DatabaseError> {
    let balances = balances(tx, vault).await?;
    Ok(balances
        .iter()
        .find(|balance| balance.account == Account::Coins)
        .map_or(SignedAmount::ZERO, Balance::net))
}

/// Entries of a vault after a number, in order.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn entries(
    tx: &mut Transaction,
    vault: VaultId,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, DatabaseError> {
    tx.rows(
        "SELECT e.number, d.kind AS debit_kind, d.reference AS debit_reference,
             c.kind AS credit_kind, c.reference AS credit_reference, e.amount_sat, e.cause, e.entered_at
         FROM ledger_entry e
         JOIN ledger_account d ON d.id = e.debit
         JOIN ledger_account c ON c.id = e.credit
         WHERE d.vault = $1 AND e.number > $2
         ORDER BY e.number LIMIT $3",
        &[vault.to_bytes().into(), Value::from_u64(after)?, limit.into()],
    )
    .await?
    .iter()
    .map(read_entry)
    .collect()
}

/// What an account was debited and credited before a period and within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// The account.
    pub account: Account,
    /// The sum of its debits before the period.
    pub debit_before: Amount,
    /// The sum of its credits before the period.
    pub credit_before: Amount,
    /// The sum of its debits within the period.
    pub debit: Amount,
    /// The sum of its credits within the period.
    pub credit: Amount,
}

/// Each account of a vault with entries before a period's end, summed before the period and within it: from a moment
/// on, up to and without another one. In the order of their names, which no engine's collation decides.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn sums(
    tx: &mut Transaction,
    vault: VaultId,
    from: UnixTime,
    until: UnixTime,
) -> Result<Vec<Sums>, DatabaseError> {
    let mut sums: Vec<Sums> = tx
        .rows(
            "SELECT a.kind, a.reference,
                 CAST(SUM(CASE WHEN m.entered_at < $2 THEN m.debit_sat ELSE 0 END) AS BIGINT)
                     AS debit_before_sat,
                 CAST(SUM(CASE WHEN m.entered_at < $2 THEN m.credit_sat ELSE 0 END) AS BIGINT)
                     AS credit_before_sat,
                 CAST(SUM(CASE WHEN m.entered_at >= $2 THEN m.debit_sat ELSE 0 END) AS BIGINT)
                     AS debit_sat,
                 CAST(SUM(CASE WHEN m.entered_at >= $2 THEN m.credit_sat ELSE 0 END) AS BIGINT)
                     AS credit_sat
             FROM ledger_account a JOIN (
                 SELECT debit AS account, amount_sat AS debit_sat, 0 AS credit_sat, entered_at
                 FROM ledger_entry WHERE entered_at < $3
                 UNION ALL
                 SELECT credit, 0, amount_sat, entered_at FROM ledger_entry WHERE entered_at < $3
             ) m ON m.account = a.id
             WHERE a.vault = $1 GROUP BY a.kind, a.reference",
            &[
                vault.to_bytes().into(),
                Value::from_u64(from.as_secs())?,
                Value::from_u64(until.as_secs())?,
            ],
        )
        .await?
        .iter()
        .map(|row| {
            let sat = |column| row.u64(column).map(Amount::from_sat);
            Ok(Sums {
                account: account(row, "kind", "reference")?,
                debit_before: sat("debit_before_sat")?,
                credit_before: sat("credit_before_sat")?,
                debit: sat("debit_sat")?,
                credit: sat("credit_sat")?,
            })
        })
        .collect::<Result<_, DatabaseError>>()?;
    sums.sort_by(|one, other| one.account.cmp(&other.account));
    Ok(sums)
}

/// How many entries of a vault were made from a moment on, up to and without another one.
///
/// # Errors
///
/// On a failed statement.
pub async fn count_between(
    tx: &mut Transaction,
    vault: VaultId,
    from: UnixTime,
    until: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.one_row(
        "SELECT COUNT(*) AS entries FROM ledger_entry e JOIN ledger_account d ON d.id = e.debit
         WHERE d.vault = $1 AND e.entered_at >= $2 AND e.entered_at < $3",
        &[
            vault.to_bytes().into(),
            Value::from_u64(from.as_secs())?,
            Value::from_u64(until.as_secs())?,
        ],
    )
    .await?
    .u64("entries")
}

/// The entries of a vault that were made from a moment on, up to and without another one, after a number, in order.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn between(
    tx: &mut Transaction,
    vault: VaultId,
    (from, until): (UnixTime, UnixTime),
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, DatabaseError> {
    tx.rows(
        "SELECT e.number, d.kind AS debit_kind, d.reference AS debit_reference,
             c.kind AS credit_kind, c.reference AS credit_reference, e.amount_sat, e.cause, e.entered_at
         FROM ledger_entry e
         JOIN ledger_account d ON d.id = e.debit
         JOIN ledger_account c ON c.id = e.credit
         WHERE d.vault = $1 AND e.number > $2 AND e.entered_at >= $3 AND e.entered_at < $4
         ORDER BY e.number LIMIT $5",
        &[
            vault.to_bytes().into(),
            Value::from_u64(after)?,
            Value::from_u64(from.as_secs())?,
            Value::from_u64(until.as_secs())?,
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read_entry)
    .collect()
}

/// Debits less credits of one account; nothing for one without entries.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn balance_of(
    tx: &mut Transaction,
    vault: VaultId,
    account: &Account,
) -> Result<SignedAmount, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT CAST(
                 COALESCE((SELECT SUM(e.amount_sat) FROM ledger_entry e
                     JOIN ledger_account a ON a.id = e.debit
                     WHERE a.vault = $1 AND a.kind = $2 AND a.reference = $3), 0)
                 - COALESCE((SELECT SUM(e.amount_sat) FROM ledger_entry e
                     JOIN ledger_account a ON a.id = e.credit
                     WHERE a.vault = $1 AND a.kind = $2 AND a.reference = $3), 0)
                 AS BIGINT) AS net_sat",
            &[
                vault.to_bytes().into(),
                account.kind().into(),
                account.reference().into(),
            ],
        )
        .await?;
    Ok(SignedAmount::from_sat(row.int("net_sat")?))
}

/// How many entries of a vault take another one back, and what they come to; of one reference, or of all.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn reversals(
    tx: &mut Transaction,
    vault: VaultId,
    reference: Option<&str>,
) -> Result<(u64, Amount), DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS entries, CAST(COALESCE(SUM(e.amount_sat), 0) AS BIGINT) AS total
             FROM ledger_entry e
             JOIN ledger_account d ON d.id = e.debit
             JOIN ledger_account c ON c.id = e.credit
             WHERE d.vault = $1 AND e.cause LIKE 'reverses:%'
                 AND ($2 = 1 OR d.reference = $3 OR c.reference = $3)",
            &[
                vault.to_bytes().into(),
                reference.is_none().into(),
                reference.unwrap_or_default().into(),
            ],
        )
        .await?;
    Ok((row.u64("entries")?, Amount::from_sat(row.u64("total")?)))
}

/// The accounts of the entry that stands under a cause, debit first, if one does.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn standing(
    tx: &mut Transaction,
    cause: &str,
) -> Result<Option<(Account, Account)>, DatabaseError> {
    tx.optional_row(
        "SELECT d.kind AS debit_kind, d.reference AS debit_reference,
             c.kind AS credit_kind, c.reference AS credit_reference
         FROM ledger_entry e
         JOIN ledger_account d ON d.id = e.debit
         JOIN ledger_account c ON c.id = e.credit
         WHERE e.cause = $1",
        &[cause.into()],
    )
    .await?
    .map(|row| {
        Ok((
            account(&row, "debit_kind", "debit_reference")?,
            account(&row, "credit_kind", "credit_reference")?,
        ))
    })
    .transpose()
}

fn read_entry(row: &Row) -> Result<Entry, DatabaseError> {
    Ok(Entry {
        number: row.u64("number")?,
        debit: account(row, "debit_kind", "debit_reference")?,
        credit: account(row, "credit_kind", "credit_reference")?,
        amount: row.amount("amount_sat")?,
        cause: row.text("cause")?.to_owned(),
        at: UnixTime::from_secs(row.u64("entered_at")?),
    })
}

/// What an account took and gave on one day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day: whole days since 1970-01-01.
    pub day: u64,
    /// The sum of its debits.
    pub debit: Amount,
    /// The sum of its credits.
    pub credit: Amount,
}

/// An account's entries summed by day, from the day of a moment on; days without entries are left out.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn by_day(
    tx: &mut Transaction,
    vault: VaultId,
    account: &Account,
    since: UnixTime,
) -> Result<Vec<Day>, DatabaseError> {
    let midnight = since.as_secs() / DAY_SECONDS * DAY_SECONDS;
    tx.rows(
        "SELECT e.entered_at / 86400 AS day,
             CAST(COALESCE(SUM(CASE WHEN e.debit = a.id THEN e.amount_sat ELSE 0 END), 0) AS BIGINT)
                 AS debit_sat,
             CAST(COALESCE(SUM(CASE WHEN e.credit = a.id THEN e.amount_sat ELSE 0 END), 0) AS BIGINT)
                 AS credit_sat
         FROM ledger_entry e JOIN ledger_account a ON (a.id = e.debit OR a.id = e.credit)
         WHERE a.vault = $1 AND a.kind = $2 AND a.reference = $3 AND e.entered_at >= $4
         GROUP BY e.entered_at / 86400 ORDER BY day",
        &[
            vault.to_bytes().into(),
            account.kind().into(),
            account.reference().into(),
            Value::from_u64(midnight)?,
        ],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Day {
            day: row.u64("day")?,
            debit: Amount::from_sat(row.u64("debit_sat")?),
            credit: Amount::from_sat(row.u64("credit_sat")?),
        })
    })
    .collect()
}

/// The vaults that have books.
pub async fn vaults(tx: &mut Transaction) -> Result<Vec<VaultId>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT vault FROM ledger_account ORDER BY vault",
        &[],
    )
    .await?
    .iter()
    .map(|row| row.array("vault").map(VaultId::from_bytes))
    .collect()
}

async fn account_id(
    tx: &mut Transaction,
    vault: VaultId,
    account: &Account,
) -> Result<i64, DatabaseError> {
    let values = [
        vault.to_bytes().into(),
        account.kind().into(),
        account.reference().into(),
    ];
    let find = "SELECT id FROM ledger_account WHERE vault = $1 AND kind = $2 AND reference = $3";
    if let Some(row) = tx.optional_row(find, &values).await? {
        return row.int("id");
    }
    tx.execute(
        "INSERT INTO ledger_account (vault, kind, reference) VALUES ($1, $2, $3)
         ON CONFLICT (vault, kind, reference) DO NOTHING",
        &values,
    )
    .await?;
    tx.one_row(find, &values).await?.int("id")
}

pub(super) fn account(
    row: &Row,
    kind: &'static str,
    reference: &'static str,
) -> Result<Account, DatabaseError> {
    let (name, detail) = (row.text(kind)?, row.text(reference)?);
    Account::from_parts(name, detail).ok_or_else(|| row.corrupt(kind, "an account", name))
}
