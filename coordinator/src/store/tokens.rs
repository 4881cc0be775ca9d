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

/// Which tokens are asked for; what is empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFilter {
    /// Whether they are revoked.
    pub revoked: Option<bool>,
    /// This role.
    pub role: String,
    /// This text in the name, in whatever case.
    pub text: String,
}

/// The tokens after a place, the newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    filter: &TokenFilter,
    after: Option<(UnixTime, &str)>,
    limit: u32,
) -> Result<Vec<TokenRow>, DatabaseError> {
    let (at, id) = match after {
        Some((at, id)) => (Value::from_u64(at.as_secs())?, id),
        None => (Value::Int(i64::MAX), ""),
    };
    let revoked: i64 = match filter.revoked {
        None => -1,
        Some(revoked) => i64::from(revoked),
    };
    tx.rows(
        "SELECT id, sha256, name, role, vault, created_at, created_by, revoked_at FROM token
         WHERE ($1 = -1 OR ($1 = 1) = (revoked_at IS NOT NULL))
             AND ($2 = '' OR role = $2)
             AND ($3 = '' OR LOWER(name) LIKE $3 ESCAPE '!')
             AND (created_at < $4 OR (created_at = $4 AND id < $5))
         ORDER BY created_at DESC, id DESC LIMIT $6",
        &[
            revoked.into(),
            filter.role.clone().into(),
            Value::containing(&filter.text),
            at,
            id.into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The tokens that somebody made and nobody revoked, the oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn made_by(tx: &mut Transaction, name: &str) -> Result<Vec<TokenRow>, DatabaseError> {
    tx.rows(
        "SELECT id, sha256, name, role, vault, created_at, created_by, revoked_at FROM token
         WHERE created_by = $1 AND revoked_at IS NULL ORDER BY created_at, id",
        &[name.into()],
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
