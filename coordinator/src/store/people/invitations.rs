//! One-time invitations: the link is shown once and only its hash is kept.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::{at, optional_time, time};

/// An invitation without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// SHA-256 of the secret in the link.
    pub sha256: [u8; 32],
    /// Its public id.
    pub id: String,
    /// Who is invited.
    pub person: String,
    /// As what.
    pub role: String,
    /// For which vault; all if none.
    pub vault: Option<VaultId>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// When it stops counting.
    pub expires_at: UnixTime,
    /// Whether a second operator must confirm it.
    pub needs_second: bool,
    /// When a second operator confirmed it.
    pub confirmed_at: Option<UnixTime>,
    /// Who confirmed it.
    pub confirmed_by: Option<String>,
    /// When it was used.
    pub used_at: Option<UnixTime>,
    /// When it was taken back.
    pub revoked_at: Option<UnixTime>,
}

/// Stores an invitation.
///
/// # Errors
/// A unique violation if another one of the same name is open.
pub async fn insert(tx: &mut Transaction, row: &InvitationRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO invitation (sha256, id, person, role, vault, created_at, created_by, expires_at, needs_second)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            row.sha256.into(),
            row.id.clone().into(),
            row.person.clone().into(),
            row.role.clone().into(),
            row.vault.map(VaultId::to_bytes).into(),
            at(row.created_at)?,
            row.created_by.clone().into(),
            at(row.expires_at)?,
            row.needs_second.into(),
        ],
    )
    .await
}

/// The invitation of a secret's hash.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_hash(
    tx: &mut Transaction,
    sha256: [u8; 32],
) -> Result<Option<InvitationRow>, DatabaseError> {
    tx.optional_row(
        "SELECT sha256, id, person, role, vault, created_at, created_by, expires_at, needs_second, confirmed_at,
             confirmed_by, used_at, revoked_at FROM invitation WHERE sha256 = $1",
        &[sha256.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// One invitation by its public id.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    id: &str,
) -> Result<Option<InvitationRow>, DatabaseError> {
    tx.optional_row(
        "SELECT sha256, id, person, role, vault, created_at, created_by, expires_at, needs_second, confirmed_at,
             confirmed_by, used_at, revoked_at FROM invitation WHERE id = $1",
        &[id.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The invitations that were neither used nor taken back, also expired ones; oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open(tx: &mut Transaction) -> Result<Vec<InvitationRow>, DatabaseError> {
    tx.rows(
        "SELECT sha256, id, person, role, vault, created_at, created_by, expires_at, needs_second, confirmed_at,
             confirmed_by, used_at, revoked_at FROM invitation
         WHERE used_at IS NULL AND revoked_at IS NULL ORDER BY created_at, id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Notes the word of a second operator.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is not open or confirmed already.
pub async fn confirm(
    tx: &mut Transaction,
    id: &str,
    now: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE invitation SET confirmed_at = $2, confirmed_by = $3
         WHERE id = $1 AND needs_second = 1 AND confirmed_at IS NULL AND used_at IS NULL AND revoked_at IS NULL",
        &[id.into(), at(now)?, by.into()],
    )
    .await
}

/// Uses an invitation up.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is used, taken back or over.
pub async fn use_up(
    tx: &mut Transaction,
    sha256: [u8; 32],
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE invitation SET used_at = $2
         WHERE sha256 = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2",
        &[sha256.into(), at(now)?],
    )
    .await
}

/// Takes an open invitation back.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is not open.
pub async fn revoke(
    tx: &mut Transaction,
    id: &str,
    now: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE invitation SET revoked_at = $2, revoked_by = $3
         WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL",
        &[id.into(), at(now)?, by.into()],
    )
    .await
}

fn read(row: &Row) -> Result<InvitationRow, DatabaseError> {
    Ok(InvitationRow {
        sha256: row.array("sha256")?,
        id: row.text("id")?.to_owned(),
        person: row.text("person")?.to_owned(),
        role: row.text("role")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        created_at: time(row, "created_at")?,
        created_by: row.text("created_by")?.to_owned(),
        expires_at: time(row, "expires_at")?,
        needs_second: row.bool("needs_second")?,
        confirmed_at: optional_time(row, "confirmed_at")?,
        confirmed_by: row.optional_text("confirmed_by")?.map(str::to_owned),
        used_at: optional_time(row, "used_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}
