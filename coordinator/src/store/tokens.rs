//! Bearer tokens: the secret is shown once and only its hash is kept.

use policies::{UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its public id.
    pub id: String,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// What it is called in events.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// The one vault it is for; all if none.
    pub vault: Option<VaultId>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it.
    pub created_by: String,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
}

/// Stores a token.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, token: &TokenRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO token (id, sha256, name, role, vault, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            token.id.clone().into(),
            token.sha256.into(),
            token.name.clone().into(),
            token.role.clone().into(),
            token.vault.map(VaultId::to_bytes).into(),
            Value::from_u64(token.created_at.as_secs())?,
            token.created_by.clone().into(),
        ],
    )
    .await
}

/// The token of a secret's hash.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_hash(
    tx: &mut Transaction,
    sha256: [u8; 32],
) -> Result<Option<TokenRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, sha256, name, role, vault, created_at, created_by, revoked_at FROM token
         WHERE sha256 = $1",
        &[sha256.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// One token.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: &str) -> Result<Option<TokenRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, sha256, name, role, vault, created_at, created_by, revoked_at FROM token WHERE id = $1",
        &[id.into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All tokens, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction) -> Result<Vec<TokenRow>, DatabaseError> {
    tx.rows(
        "SELECT id, sha256, name, role, vault, created_at, created_by, revoked_at FROM token
         ORDER BY created_at, id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Revokes a token that is not revoked.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is.
pub async fn revoke(tx: &mut Transaction, id: &str, now: UnixTime) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE token SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        &[Value::from_u64(now.as_secs())?, id.into()],
    )
    .await
}

fn read(row: &Row) -> Result<TokenRow, DatabaseError> {
    Ok(TokenRow {
        id: row.text("id")?.to_owned(),
        sha256: row.array("sha256")?,
        name: row.text("name")?.to_owned(),
        role: row.text("role")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        created_by: row.text("created_by")?.to_owned(),
        revoked_at: row.optional_u64("revoked_at")?.map(UnixTime::from_secs),
    })
}
