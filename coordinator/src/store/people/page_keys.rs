//! Passkeys for approvals in the coordinator's page.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// A passkey for approvals in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKeyRow {
    /// The credential's id, as the authenticator made it.
    pub credential: Vec<u8>,
    /// Whose it is.
    pub person: String,
    /// The key as a policy writes it, `webauthn-es256:…`.
    pub record: String,
    /// The domain it was made for.
    pub rp_id: String,
    /// The origin of the page that asks for it.
    pub origin: String,
    /// Whether its maker's service can copy it to other devices.
    pub synced: bool,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
}

/// Stores a page key.
///
/// # Errors
/// A unique violation if the credential or the key is known.
pub async fn insert(tx: &mut Transaction, row: &PageKeyRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO page_key (credential, person, record, rp_id, origin, synced, label, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            row.credential.clone().into(),
            row.person.clone().into(),
            row.record.clone().into(),
            row.rp_id.clone().into(),
            row.origin.clone().into(),
            row.synced.into(),
            row.label.clone().into(),
            at(row.created_at)?,
        ],
    )
    .await
}

/// One page key, also a revoked one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    credential: &[u8],
) -> Result<Option<PageKeyRow>, DatabaseError> {
    tx.optional_row(
        "SELECT credential, person, record, rp_id, origin, synced, label, created_at, revoked_at
         FROM page_key WHERE credential = $1",
        &[credential.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The page keys of all persons, or of one, that are not revoked; oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    person: Option<&str>,
) -> Result<Vec<PageKeyRow>, DatabaseError> {
    tx.rows(
        "SELECT credential, person, record, rp_id, origin, synced, label, created_at, revoked_at
         FROM page_key WHERE revoked_at IS NULL AND ($1 = '' OR person = $1)
         ORDER BY person, created_at, credential",
        &[person.unwrap_or_default().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Revokes a page key.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is revoked.
pub async fn revoke(
    tx: &mut Transaction,
    credential: &[u8],
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE page_key SET revoked_at = $2 WHERE credential = $1 AND revoked_at IS NULL",
        &[credential.into(), at(now)?],
    )
    .await
}

/// Revokes all page keys of a person.
///
/// # Errors
/// On a failed statement.
pub async fn revoke_all(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE page_key SET revoked_at = $2 WHERE person = $1 AND revoked_at IS NULL",
        &[person.into(), at(now)?],
    )
    .await
    .map(drop)
}

fn read(row: &Row) -> Result<PageKeyRow, DatabaseError> {
    Ok(PageKeyRow {
        credential: row.bytes("credential")?.to_vec(),
        person: row.text("person")?.to_owned(),
        record: row.text("record")?.to_owned(),
        rp_id: row.text("rp_id")?.to_owned(),
        origin: row.text("origin")?.to_owned(),
        synced: row.bool("synced")?,
        label: row.text("label")?.to_owned(),
        created_at: time(row, "created_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}
