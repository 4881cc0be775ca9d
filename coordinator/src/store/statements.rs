//! Statements about open lists, and the signatures under them that verified.

use bitcoin::Script;
use policies::hash::Purpose;
use policies::{Statement, Subject, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

pub use super::statement_approvals::StatementApprovalRow;
use super::statement_approvals::Table;

/// Where the signatures are.
const APPROVALS: Table = Table::List;

/// The statement that reads rows as [`read`] takes them, from its `WHERE` on.
macro_rules! select_statements {
    ($rest:literal) => {
        concat!(
            "SELECT vault, subject, list, script_pubkey, statement, stored_at, stored_by, entitled_at
             FROM list_statement ",
            $rest
        )
    };
}

/// A statement as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    /// The vault.
    pub vault: VaultId,
    /// What signatures on it are about.
    pub subject: Subject,
    /// The statement.
    pub statement: Statement,
    /// The list that it is about.
    pub list: String,
    /// The destination that it is about.
    pub script_pubkey: bitcoin::ScriptBuf,
    /// When it came in.
    pub stored_at: UnixTime,
    /// Who handed it in.
    pub stored_by: String,
    /// When enough persons had signed it.
    pub entitled_at: Option<UnixTime>,
}

/// Stores a statement; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &StatementRow) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO list_statement (vault, subject, purpose, entry, list, script_pubkey, statement,
                 stored_at, stored_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            &[
                row.vault.to_bytes().into(),
                row.subject.to_bytes().into(),
                i64::from(row.statement.purpose().to_byte()).into(),
                row.statement
                    .entry()
                    .unwrap_or(row.subject)
                    .to_bytes()
                    .into(),
                row.list.clone().into(),
                row.script_pubkey.to_bytes().into(),
                row.statement.encode().into(),
                Value::from_u64(row.stored_at.as_secs())?,
                row.stored_by.clone().into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Remembers when enough persons had signed a statement.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if that is known already.
pub async fn set_entitled(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
    at: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE list_statement SET entitled_at = $1
         WHERE vault = $2 AND subject = $3 AND entitled_at IS NULL",
        &[
            Value::from_u64(at.as_secs())?,
            vault.to_bytes().into(),
            subject.to_bytes().into(),
        ],
    )
    .await
}

/// One statement.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
) -> Result<Option<StatementRow>, DatabaseError> {
    tx.optional_row(
        select_statements!("WHERE vault = $1 AND subject = $2"),
        &[vault.to_bytes().into(), subject.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All statements about one entry, in the order they came.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_entry(
    tx: &mut Transaction,
    vault: VaultId,
    entry: Subject,
) -> Result<Vec<StatementRow>, DatabaseError> {
    tx.rows(
        select_statements!("WHERE vault = $1 AND entry = $2 ORDER BY stored_at, subject"),
        &[vault.to_bytes().into(), entry.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The statements that add a destination anywhere, in the order they came.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn adding(
    tx: &mut Transaction,
    vault: VaultId,
    script: &Script,
) -> Result<Vec<StatementRow>, DatabaseError> {
    tx.rows(
        select_statements!("WHERE vault = $1 AND script_pubkey = $2 AND subject = entry ORDER BY stored_at, subject"),
        &[vault.to_bytes().into(), script.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The statements that add something to a list, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn entries_of(
    tx: &mut Transaction,
    vault: VaultId,
    list: &str,
    limit: u32,
) -> Result<Vec<StatementRow>, DatabaseError> {
    tx.rows(
        select_statements!(
            "WHERE vault = $1 AND list = $2 AND subject = entry
             ORDER BY stored_at DESC, subject LIMIT $3"
        ),
        &[vault.to_bytes().into(), list.into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// A place in the list of entries: right after the entry named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryPlace {
    /// When that entry came in.
    pub stored_at: UnixTime,
    /// That entry.
    pub subject: Subject,
}

/// The statements that add something to one list or to any, newest first, from a place on.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn entries_after(
    tx: &mut Transaction,
    vault: VaultId,
    list: Option<&str>,
    after: Option<EntryPlace>,
    limit: u32,
) -> Result<Vec<StatementRow>, DatabaseError> {
    let any = i64::from(list.is_none());
    let first = i64::from(after.is_none());
    let after = after.unwrap_or(EntryPlace {
        stored_at: UnixTime::ZERO,
        subject: Subject::from_bytes([0; 32]),
    });
    tx.rows(
        select_statements!(
            "WHERE vault = $1 AND subject = entry AND ($2 = 1 OR list = $3)
                 AND ($4 = 1 OR stored_at < $5 OR (stored_at = $5 AND subject > $6))
             ORDER BY stored_at DESC, subject LIMIT $7"
        ),
        &[
            vault.to_bytes().into(),
            any.into(),
            list.unwrap_or_default().into(),
            first.into(),
            Value::from_u64(after.stored_at.as_secs())?,
            after.subject.to_bytes().into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The entries of a list that are not in force yet, newest first: those that too few signed, those that enough
/// signed after a moment, and with `tested` those whose first payment nobody confirmed. Removed ones are none.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open_entries(
    tx: &mut Transaction,
    vault: VaultId,
    list: &str,
    (since, tested): (UnixTime, bool),
    limit: u32,
) -> Result<Vec<StatementRow>, DatabaseError> {
    let [remove, confirm] =
        [Purpose::ListRemove, Purpose::ListConfirm].map(|purpose| i64::from(purpose.to_byte()));
    tx.rows(
        "SELECT s.vault, s.subject, s.list, s.script_pubkey, s.statement, s.stored_at, s.stored_by,
             s.entitled_at
         FROM list_statement s
         WHERE s.vault = $1 AND s.list = $2 AND s.subject = s.entry
             AND NOT EXISTS (SELECT 1 FROM list_statement r WHERE r.vault = s.vault
                 AND r.entry = s.subject AND r.purpose = $3 AND r.entitled_at IS NOT NULL)
             AND (s.entitled_at IS NULL OR s.entitled_at > $4 OR ($5 = 1 AND NOT EXISTS (
                 SELECT 1 FROM list_statement c WHERE c.vault = s.vault AND c.entry = s.subject
                     AND c.purpose = $6 AND c.entitled_at IS NOT NULL)))
         ORDER BY s.stored_at DESC, s.subject LIMIT $7",
        &[
            vault.to_bytes().into(),
            list.into(),
            remove.into(),
            Value::from_u64(since.as_secs())?,
            tested.into(),
            confirm.into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The statements that enough persons signed, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn entitled(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<StatementRow>, DatabaseError> {
    tx.rows(
        select_statements!(
            "WHERE vault = $1 AND entitled_at IS NOT NULL
             ORDER BY entitled_at DESC, subject LIMIT $2"
        ),
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Stores a signature under a statement; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn add_approval(
    tx: &mut Transaction,
    vault: VaultId,
    row: &StatementApprovalRow,
) -> Result<bool, DatabaseError> {
    APPROVALS.add(tx, vault, row).await
}

/// The signatures under a statement; of each key the one that holds longest comes last.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn approvals_of(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
) -> Result<Vec<StatementApprovalRow>, DatabaseError> {
    APPROVALS.of(tx, vault, subject).await
}

fn read(row: &Row) -> Result<StatementRow, DatabaseError> {
    let statement = Statement::decode(row.bytes("statement")?)
        .map_err(|error| row.corrupt("statement", "a statement", &error.to_string()))?;
    Ok(StatementRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        subject: Subject::from_bytes(row.array("subject")?),
        statement,
        list: row.text("list")?.to_owned(),
        script_pubkey: bitcoin::ScriptBuf::from_bytes(row.bytes("script_pubkey")?.to_vec()),
        stored_at: UnixTime::from_secs(row.u64("stored_at")?),
        stored_by: row.text("stored_by")?.to_owned(),
        entitled_at: row.optional_u64("entitled_at")?.map(UnixTime::from_secs),
    })
}
