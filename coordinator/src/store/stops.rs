//! Stops, releases, goes and acknowledgements, and the signatures under them that verified.

use policies::hash::Purpose;
use policies::{KeyId, Statement, Subject, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::statement_approvals::{StatementApprovalRow, Table};
use super::statements::EntryPlace;

/// Where the signatures are.
const APPROVALS: Table = Table::Vault;

/// A stop, a release, a go or an acknowledgement as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopRow {
    /// The vault.
    pub vault: VaultId,
    /// What signatures on it are about.
    pub subject: Subject,
    /// The statement.
    pub statement: Statement,
    /// When it came in.
    pub stored_at: UnixTime,
    /// Who handed it in.
    pub stored_by: String,
    /// When enough had signed it.
    pub entitled_at: Option<UnixTime>,
}

impl StopRow {
    /// The stop that it is, or that it releases.
    pub fn stop(&self) -> Option<Subject> {
        match &self.statement {
            Statement::Stop(_) => Some(self.subject),
            Statement::Release { stop } => Some(*stop),
            Statement::Go(_)
            | Statement::Ack { .. }
            | Statement::ListAdd(_)
            | Statement::ListRemove { .. }
            | Statement::ListConfirm { .. } => None,
        }
    }
}

/// Stores one; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &StopRow) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO vault_statement (vault, subject, purpose, stop, statement, stored_at, stored_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            &[
                row.vault.to_bytes().into(),
                row.subject.to_bytes().into(),
                i64::from(row.statement.purpose().to_byte()).into(),
                row.stop().map(|stop| stop.to_bytes().to_vec()).into(),
                row.statement.encode().into(),
                Value::from_u64(row.stored_at.as_secs())?,
                row.stored_by.clone().into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Remembers when enough had signed one.
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
        "UPDATE vault_statement SET entitled_at = $1
         WHERE vault = $2 AND subject = $3 AND entitled_at IS NULL",
        &[
            Value::from_u64(at.as_secs())?,
            vault.to_bytes().into(),
            subject.to_bytes().into(),
        ],
    )
    .await
}

/// One of them.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
) -> Result<Option<StopRow>, DatabaseError> {
    tx.optional_row(
        "SELECT vault, subject, statement, stored_at, stored_by, entitled_at
         FROM vault_statement WHERE vault = $1 AND subject = $2",
        &[vault.to_bytes().into(), subject.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The oldest stops that count and were not released, at most so many.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn in_force(
    tx: &mut Transaction,
    vault: VaultId,
    most: u32,
) -> Result<Vec<StopRow>, DatabaseError> {
    let purposes = [Purpose::Stop, Purpose::Release].map(|purpose| i64::from(purpose.to_byte()));
    tx.rows(
        "SELECT s.vault, s.subject, s.statement, s.stored_at, s.stored_by, s.entitled_at
         FROM vault_statement s
         WHERE s.vault = $1 AND s.purpose = $2 AND s.entitled_at IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM vault_statement r WHERE r.vault = s.vault AND r.stop = s.subject
                 AND r.purpose = $3 AND r.entitled_at IS NOT NULL)
         ORDER BY s.entitled_at, s.subject LIMIT $4",
        &[
            vault.to_bytes().into(),
            purposes[0].into(),
            purposes[1].into(),
            most.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// How many stops that count and were not released a key has signed.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn in_force_by(
    tx: &mut Transaction,
    vault: VaultId,
    key: KeyId,
) -> Result<u32, DatabaseError> {
    let purposes = [Purpose::Stop, Purpose::Release].map(|purpose| i64::from(purpose.to_byte()));
    tx.one_row(
        "SELECT COUNT(DISTINCT s.subject) AS stops
         FROM vault_statement s JOIN vault_statement_approval a ON a.vault = s.vault AND a.subject = s.subject
         WHERE s.vault = $1 AND s.purpose = $2 AND a.approving_key = $3 AND s.entitled_at IS NOT NULL
             AND NOT EXISTS (
                 SELECT 1 FROM vault_statement r WHERE r.vault = s.vault AND r.stop = s.subject
                     AND r.purpose = $4 AND r.entitled_at IS NOT NULL)",
        &[
            vault.to_bytes().into(),
            purposes[0].into(),
            key.to_bytes().into(),
            purposes[1].into(),
        ],
    )
    .await?
    .u32("stops")
}

/// Since when a stop is released; none where it is not.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn released_at(
    tx: &mut Transaction,
    vault: VaultId,
    stop: Subject,
) -> Result<Option<UnixTime>, DatabaseError> {
    let released = tx
        .optional_row(
            "SELECT entitled_at FROM vault_statement
             WHERE vault = $1 AND stop = $2 AND purpose = $3 AND entitled_at IS NOT NULL
             ORDER BY entitled_at LIMIT 1",
            &[
                vault.to_bytes().into(),
                stop.to_bytes().into(),
                i64::from(Purpose::Release.to_byte()).into(),
            ],
        )
        .await?;
    released
        .map(|row| row.u64("entitled_at").map(UnixTime::from_secs))
        .transpose()
}

/// Those of a purpose that count, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn entitled(
    tx: &mut Transaction,
    vault: VaultId,
    purpose: Purpose,
    limit: u32,
) -> Result<Vec<StopRow>, DatabaseError> {
    tx.rows(
        "SELECT vault, subject, statement, stored_at, stored_by, entitled_at FROM vault_statement
         WHERE vault = $1 AND purpose = $2 AND entitled_at IS NOT NULL
         ORDER BY entitled_at DESC, subject LIMIT $3",
        &[
            vault.to_bytes().into(),
            i64::from(purpose.to_byte()).into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The stops of a vault, signed or not, newest first, from a place on.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn stops_after(
    tx: &mut Transaction,
    vault: VaultId,
    after: Option<EntryPlace>,
    limit: u32,
) -> Result<Vec<StopRow>, DatabaseError> {
    let first = i64::from(after.is_none());
    let after = after.unwrap_or(EntryPlace {
        stored_at: UnixTime::ZERO,
        subject: Subject::from_bytes([0; 32]),
    });
    tx.rows(
        "SELECT vault, subject, statement, stored_at, stored_by, entitled_at FROM vault_statement
         WHERE vault = $1 AND purpose = $2
             AND ($3 = 1 OR stored_at < $4 OR (stored_at = $4 AND subject > $5))
         ORDER BY stored_at DESC, subject LIMIT $6",
        &[
            vault.to_bytes().into(),
            i64::from(Purpose::Stop.to_byte()).into(),
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

/// Stores a signature under one; says whether it is new.
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

/// The signatures under one, of each key the one that holds longest.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn approvals_of(
    tx: &mut Transaction,
    row: &StopRow,
) -> Result<Vec<StatementApprovalRow>, DatabaseError> {
    let mut found: Vec<StatementApprovalRow> = Vec::new();
    for stored in APPROVALS.of(tx, row.vault, row.subject).await? {
        found.retain(|other| other.approval.key != stored.approval.key);
        found.push(stored);
    }
    Ok(found)
}

fn read(row: &Row) -> Result<StopRow, DatabaseError> {
    let statement = Statement::decode(row.bytes("statement")?)
        .map_err(|error| row.corrupt("statement", "a statement", &error.to_string()))?;
    Ok(StopRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        subject: Subject::from_bytes(row.array("subject")?),
        statement,
        stored_at: UnixTime::from_secs(row.u64("stored_at")?),
        stored_by: row.text("stored_by")?.to_owned(),
        entitled_at: row.optional_u64("entitled_at")?.map(UnixTime::from_secs),
    })
}
