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
    /// The first keyset with the same descriptor: addresses, indexes and coins belong to it.
    pub keychain: Keyset,
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

/// Stores a vault with its first keyset.
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
    .await?;
    insert_keyset(tx, vault.id, vault.keyset, vault.keychain, vault.created_at).await
}

/// A keyset of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysetRow {
    /// The keyset.
    pub keyset: Keyset,
    /// The first keyset with the same descriptor.
    pub keychain: Keyset,
    /// Since when it is the vault's.
    pub since: UnixTime,
}

/// Stores a keyset as the newest of a vault.
///
/// # Errors
/// A unique violation if it is stored already.
pub async fn insert_keyset(
    tx: &mut Transaction,
    vault: VaultId,
    keyset: Keyset,
    keychain: Keyset,
    since: UnixTime,
) -> Result<(), DatabaseError> {
    let number = keysets(tx, vault).await?.len();
    let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
    tx.execute_one(
        "INSERT INTO vault_keyset (vault, keyset, keychain, number, since) VALUES ($1, $2, $3, $4, $5)",
        &[
            vault.to_bytes().into(),
            keyset.to_bytes().into(),
            keychain.to_bytes().into(),
            number.into(),
            Value::from_u64(since.as_secs())?,
        ],
    )
    .await
}

/// The keysets of a vault, the oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn keysets(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<KeysetRow>, DatabaseError> {
    tx.rows(
        "SELECT keyset, keychain, since FROM vault_keyset WHERE vault = $1 ORDER BY number",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(KeysetRow {
            keyset: Keyset::from_bytes(row.array("keyset")?),
            keychain: Keyset::from_bytes(row.array("keychain")?),
            since: UnixTime::from_secs(row.u64("since")?),
        })
    })
    .collect()
}

/// Puts the next version in force, in the place of the one that was read.
///
/// # Errors
/// On a failed statement, or when another one is in force by now.
pub async fn adopt(
    tx: &mut Transaction,
    before: &VaultRow,
    policy: PolicyId,
    keyset: Keyset,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE vault SET policy = $2, keyset = $3 WHERE id = $1 AND policy = $4",
        &[
            before.id.to_bytes().into(),
            policy.to_bytes().into(),
            keyset.to_bytes().into(),
            before.policy.to_bytes().into(),
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
        "SELECT v.id, v.name, v.policy, v.keyset, k.keychain, v.created_at
         FROM vault v JOIN vault_keyset k ON k.vault = v.id AND k.keyset = v.keyset WHERE v.id = $1",
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
        "SELECT v.id, v.name, v.policy, v.keyset, k.keychain, v.created_at
         FROM vault v JOIN vault_keyset k ON k.vault = v.id AND k.keyset = v.keyset
         ORDER BY v.created_at, v.id",
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
        keychain: Keyset::from_bytes(row.array("keychain")?),
        created_at: UnixTime::from_secs(row.u64("created_at")?),
    })
}
