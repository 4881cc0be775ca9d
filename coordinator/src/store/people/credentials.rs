//! Passkeys by which persons sign in.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// A passkey for signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// The credential's id, as the authenticator made it.
    pub id: Vec<u8>,
    /// Whose it is.
    pub person: String,
    /// Its public key, `webauthn-es256:…` or `webauthn-eddsa:…`.
    pub public_key: String,
    /// The domain it was made for.
    pub rp_id: String,
    /// Whether its maker's service can copy it to other devices.
    pub synced: bool,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it opened a session last.
    pub last_used_at: Option<UnixTime>,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
}

/// Stores a passkey.
///
/// # Errors
/// A unique violation if the credential is known.
pub async fn insert(tx: &mut Transaction, row: &CredentialRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO credential (id, person, public_key, rp_id, synced, label, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.id.clone().into(),
            row.person.clone().into(),
            row.public_key.clone().into(),
            row.rp_id.clone().into(),
            row.synced.into(),
            row.label.clone().into(),
            at(row.created_at)?,
        ],
    )
    .await
}

/// One passkey, also a revoked one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    id: &[u8],
) -> Result<Option<CredentialRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, person, public_key, rp_id, synced, label, created_at, last_used_at, revoked_at
         FROM credential WHERE id = $1",
        &[id.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The passkeys of all persons, or of one, that are not revoked; oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    person: Option<&str>,
) -> Result<Vec<CredentialRow>, DatabaseError> {
    tx.rows(
        "SELECT id, person, public_key, rp_id, synced, label, created_at, last_used_at, revoked_at
         FROM credential WHERE revoked_at IS NULL AND ($1 = '' OR person = $1)
         ORDER BY person, created_at, id",
        &[person.unwrap_or_default().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Notes that a passkey opened a session.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is revoked.
pub async fn used(tx: &mut Transaction, id: &[u8], now: UnixTime) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE credential SET last_used_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        &[id.into(), at(now)?],
    )
    .await
}

/// Gives a passkey another name.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is revoked.
pub async fn rename(tx: &mut Transaction, id: &[u8], label: &str) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE credential SET label = $2 WHERE id = $1 AND revoked_at IS NULL",
        &[id.into(), label.into()],
    )
    .await
}

/// Revokes a passkey.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is revoked.
pub async fn revoke(tx: &mut Transaction, id: &[u8], now: UnixTime) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE credential SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        &[id.into(), at(now)?],
    )
    .await
}

/// Revokes all passkeys of a person.
///
/// # Errors
/// On a failed statement.
pub async fn revoke_all(
    tx: &mut Transaction,
    person: &str,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "UPDATE credential SET revoked_at = $2 WHERE person = $1 AND revoked_at IS NULL",
        &[person.into(), at(now)?],
    )
    .await
    .map(drop)
}

fn read(row: &Row) -> Result<CredentialRow, DatabaseError> {
    Ok(CredentialRow {
        id: row.bytes("id")?.to_vec(),
        person: row.text("person")?.to_owned(),
        public_key: row.text("public_key")?.to_owned(),
        rp_id: row.text("rp_id")?.to_owned(),
        synced: row.bool("synced")?,
        label: row.text("label")?.to_owned(),
        created_at: time(row, "created_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}
