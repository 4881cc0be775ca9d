//! Ceremonies: a draft that several persons share, with a seat for each signer that it is to have.
//!
//! Invariant: of a secret only its hash is stored, no row is ever deleted, and what has ended never changes.

use policies::{PolicyId, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A ceremony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The vault in which seats are filled anew, and its version when the ceremony began; none for a vault to be.
    pub replaces: Option<(VaultId, PolicyId)>,
    /// When it began.
    pub created_at: UnixTime,
    /// Who began it.
    pub created_by: String,
    /// The document that is confirmed, once there is one.
    pub draft: Option<DraftRow>,
    /// Whether the draft passes although devices cannot sign it as far as is known.
    pub despite_devices: bool,
    /// When it ended, by whom, and as what.
    pub ended: Option<(UnixTime, String, String)>,
}

/// The document of a ceremony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// The document, byte for byte.
    pub document: Vec<u8>,
    /// Its id.
    pub id: PolicyId,
    /// When it was set.
    pub at: UnixTime,
    /// By whom.
    pub by: String,
}

macro_rules! ceremonies {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, vault, previous, created_at, created_by, draft, draft_id, drafted_at, drafted_by,
                 despite_devices, ended_at, ended_by, outcome FROM vault_ceremony ",
            $rest
        )
    };
}

/// Stores a ceremony that begins.
///
/// # Errors
/// A unique violation if another one of the same vault is open.
pub async fn insert(tx: &mut Transaction, row: &CeremonyRow) -> Result<(), DatabaseError> {
    let (vault, previous) = row.replaces.unzip();
    tx.execute_one(
        "INSERT INTO vault_ceremony (id, name, vault, previous, created_at, created_by, despite_devices)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.id.clone().into(),
            row.name.clone().into(),
            vault.map(VaultId::to_bytes).into(),
            previous.map(PolicyId::to_bytes).into(),
            at(row.created_at)?,
            row.created_by.clone().into(),
            row.despite_devices.into(),
        ],
    )
    .await
}

/// A ceremony, if it is known.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: &str) -> Result<Option<CeremonyRow>, DatabaseError> {
    tx.optional_row(ceremonies!("WHERE id = $1"), &[id.into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The ceremonies, the open ones first, then the newest.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction, limit: u32) -> Result<Vec<CeremonyRow>, DatabaseError> {
    tx.rows(
        ceremonies!(
            "ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id LIMIT $1"
        ),
        &[limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Sets the document of a ceremony, or takes it away.
///
/// # Errors
/// On a failed statement, or when the ceremony has ended.
pub async fn set_draft(
    tx: &mut Transaction,
    id: &str,
    draft: Option<&DraftRow>,
    despite_devices: bool,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE vault_ceremony SET draft = $2, draft_id = $3, drafted_at = $4, drafted_by = $5, despite_devices = $6
         WHERE id = $1 AND ended_at IS NULL",
        &[
            id.into(),
            draft.map(|draft| draft.document.clone()).into(),
            draft.map(|draft| draft.id.to_bytes()).into(),
            optional(draft.map(|draft| draft.at))?,
            draft.map(|draft| draft.by.clone()).into(),
            despite_devices.into(),
        ],
    )
    .await
}

/// Ends a ceremony.
///
/// # Errors
/// On a failed statement, or when it has ended already.
pub async fn end(
    tx: &mut Transaction,
    id: &str,
    outcome: &str,
    now: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE vault_ceremony SET ended_at = $2, ended_by = $3, outcome = $4 WHERE id = $1 AND ended_at IS NULL",
        &[id.into(), at(now)?, by.into(), outcome.into()],
    )
    .await
}

/// A time as a parameter.
pub(super) fn at(time: UnixTime) -> Result<Value, DatabaseError> {
    Value::from_u64(time.as_secs())
}

/// A time that may not be, as a parameter.
pub(super) fn optional(time: Option<UnixTime>) -> Result<Value, DatabaseError> {
    time.map_or(Ok(Value::Null), at)
}

/// A time of a column.
pub(super) fn time(row: &Row, column: &'static str) -> Result<UnixTime, DatabaseError> {
    row.u64(column).map(UnixTime::from_secs)
}

fn read(row: &Row) -> Result<CeremonyRow, DatabaseError> {
    let replaces = match (
        row.optional_array("vault")?,
        row.optional_array("previous")?,
    ) {
        (Some(vault), Some(previous)) => {
            Some((VaultId::from_bytes(vault), PolicyId::from_bytes(previous)))
        }
        (_, None) | (None, _) => None,
    };
    let draft = match row.optional_bytes("draft")? {
        None => None,
        Some(document) => Some(DraftRow {
            document: document.to_vec(),
            id: PolicyId::from_bytes(row.array("draft_id")?),
            at: time(row, "drafted_at")?,
            by: row.text("drafted_by")?.to_owned(),
        }),
    };
    let ended = match row.optional_u64("ended_at")? {
        None => None,
        Some(ended) => Some((
            UnixTime::from_secs(ended),
            row.text("ended_by")?.to_owned(),
            row.text("outcome")?.to_owned(),
        )),
    };
    Ok(CeremonyRow {
        id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        replaces,
        created_at: time(row, "created_at")?,
        created_by: row.text("created_by")?.to_owned(),
        draft,
        despite_devices: row.bool("despite_devices")?,
        ended,
    })
}
