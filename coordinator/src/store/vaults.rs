//! Vaults and the policy versions that rule them.

use policies::{Keyset, PolicyId, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultRow {
    /// Its identity.
    pub id: VaultId,
    /// Its name in the policy.
    pub name: String,
    /// The policy version that rules it.
    pub policy: PolicyId,
    /// The keyset of that version.
    pub keyset: Keyset,
    /// When it was added.
    pub created_at: UnixTime,
}

/// Stores a policy version.
///
/// # Errors
/// A unique violation if the version is stored already.
pub async fn insert_policy(
    tx: &mut Transaction,
    policy: &policies::document::Policy,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO policy (id, vault, version, keyset, document, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            policy.id.to_bytes().into(),
            policy.vault.to_bytes().into(),
            policy.version.into(),
            policy.keyset.to_bytes().into(),
            policy.bytes.clone().into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// Stores a vault.
///
/// # Errors
/// A unique violation if it is stored already.
pub async fn insert(tx: &mut Transaction, vault: &VaultRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO vault (id, name, policy, keyset, created_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            vault.id.to_bytes().into(),
            vault.name.clone().into(),
            vault.policy.to_bytes().into(),
            vault.keyset.to_bytes().into(),
            Value::from_u64(vault.created_at.as_secs())?,
        ],
    )
    .await
}

/// A vault, if it is known.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, id: VaultId) -> Result<Option<VaultRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, name, policy, keyset, created_at FROM vault WHERE id = $1",
        &[id.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All vaults, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction) -> Result<Vec<VaultRow>, DatabaseError> {
    tx.rows(
        "SELECT id, name, policy, keyset, created_at FROM vault ORDER BY created_at, id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The exact bytes of a policy version, if it is known.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn policy_document(
    tx: &mut Transaction,
    id: PolicyId,
) -> Result<Option<Vec<u8>>, DatabaseError> {
    tx.optional_row(
        "SELECT document FROM policy WHERE id = $1",
        &[id.to_bytes().into()],
    )
    .await?
    .map(|row| row.bytes("document").map(<[u8]>::to_vec))
    .transpose()
}

fn read(row: &Row) -> Result<VaultRow, DatabaseError> {
    Ok(VaultRow {
        id: VaultId::from_bytes(row.array("id")?),
        name: row.text("name")?.to_owned(),
        policy: PolicyId::from_bytes(row.array("policy")?),
        keyset: Keyset::from_bytes(row.array("keyset")?),
        created_at: UnixTime::from_secs(row.u64("created_at")?),
    })
}
