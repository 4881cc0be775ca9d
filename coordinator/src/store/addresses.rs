//! Issued addresses, and the next index of each keychain.

use bitcoin::ScriptBuf;
use policies::{Keychain, Keyset, PolicyId, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// An issued deposit address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    /// The vault.
    pub vault: VaultId,
    /// The policy version whose descriptor gives it.
    pub policy: PolicyId,
    /// The keyset of that version.
    pub keyset: Keyset,
    /// The keychain.
    pub keychain: Keychain,
    /// The index on the keychain.
    pub index: u32,
    /// The script.
    pub script_pubkey: ScriptBuf,
    /// The script as an address of the vault's network.
    pub address: String,
    /// The service's own reference; empty for none.
    pub reference: String,
    /// The service's own facts, a JSON object as text.
    pub metadata: String,
    /// When it was issued.
    pub issued_at: UnixTime,
}

/// Whether an address of a vault bears a reference.
///
/// # Errors
/// On a failed statement.
pub async fn bears_reference(
    tx: &mut Transaction,
    vault: VaultId,
    reference: &str,
) -> Result<bool, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT idx FROM address WHERE vault = $1 AND reference = $2 LIMIT 1",
            &[vault.to_bytes().into(), reference.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Takes the next index of a keychain; two callers never get the same. `keyset` is the vault's `keychain`: the
/// first keyset with the descriptor, so that no index of a descriptor is given out twice.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn take_index(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
) -> Result<u32, DatabaseError> {
    let row = tx
        .one_row(
            "INSERT INTO keychain_cursor (keyset, keychain, next_index) VALUES ($1, $2, 1)
             ON CONFLICT (keyset, keychain) DO UPDATE SET next_index = keychain_cursor.next_index + 1
             RETURNING next_index - 1 AS idx",
            &[keyset.to_bytes().into(), i64::from(keychain.branch()).into()],
        )
        .await?;
    row.u32("idx")
}

/// Passes over the indexes below this one: they are given to nobody.
///
/// # Errors
/// On a failed statement.
pub async fn pass_over(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
    below: u32,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO keychain_cursor (keyset, keychain, next_index) VALUES ($1, $2, $3)
         ON CONFLICT (keyset, keychain) DO UPDATE SET next_index = excluded.next_index
         WHERE keychain_cursor.next_index < excluded.next_index",
        &[
            keyset.to_bytes().into(),
            i64::from(keychain.branch()).into(),
            below.into(),
        ],
    )
    .await
    .map(drop)
}

/// The next index of a keychain, without taking it.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn next_index(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
) -> Result<u32, DatabaseError> {
    tx.optional_row(
        "SELECT next_index FROM keychain_cursor WHERE keyset = $1 AND keychain = $2",
        &[
            keyset.to_bytes().into(),
            i64::from(keychain.branch()).into(),
        ],
    )
    .await?
    .map_or(Ok(0), |row| row.u32("next_index"))
}

/// Stores an issued address.
///
/// # Errors
/// A unique violation if its place or script is issued already.
pub async fn insert(tx: &mut Transaction, address: &AddressRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO address (keyset, keychain, idx, vault, policy, script_pubkey, address, reference,
             metadata, issued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            address.keyset.to_bytes().into(),
            i64::from(address.keychain.branch()).into(),
            address.index.into(),
            address.vault.to_bytes().into(),
            address.policy.to_bytes().into(),
            address.script_pubkey.as_bytes().into(),
            address.address.clone().into(),
            address.reference.clone().into(),
            address.metadata.clone().into(),
            Value::from_u64(address.issued_at.as_secs())?,
        ],
    )
    .await
}

/// The addresses of a vault, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<AddressRow>, DatabaseError> {
    tx.rows(
        "SELECT keyset, keychain, idx, vault, policy, script_pubkey, address, reference, metadata, issued_at
         FROM address WHERE vault = $1 ORDER BY issued_at DESC, idx DESC LIMIT $2",
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The addresses of a vault that other keychains than this one give, the oldest first, from a place on. Nothing is added
/// to them: an address of a former descriptor is never issued again, so that places stay what they are.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn superseded(
    tx: &mut Transaction,
    vault: VaultId,
    keychain: Keyset,
    (after, limit): (u64, u32),
) -> Result<Vec<AddressRow>, DatabaseError> {
    tx.rows(
        "SELECT a.keyset, a.keychain, a.idx, a.vault, a.policy, a.script_pubkey, a.address, a.reference, a.metadata,
             a.issued_at
         FROM address a JOIN vault_keyset k ON k.vault = a.vault AND k.keyset = a.keyset
         WHERE a.vault = $1 AND k.keychain <> $2 ORDER BY a.issued_at, a.script_pubkey LIMIT $3 OFFSET $4",
        &[
            vault.to_bytes().into(),
            keychain.to_bytes().into(),
            limit.into(),
            Value::from_u64(after)?,
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// How many addresses of a vault other keychains than this one give.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn count_superseded(
    tx: &mut Transaction,
    vault: VaultId,
    keychain: Keyset,
) -> Result<u64, DatabaseError> {
    tx.one_row(
        "SELECT count(*) AS number
         FROM address a JOIN vault_keyset k ON k.vault = a.vault AND k.keyset = a.keyset
         WHERE a.vault = $1 AND k.keychain <> $2",
        &[vault.to_bytes().into(), keychain.to_bytes().into()],
    )
    .await?
    .u64("number")
}

/// The issued address with a script, if it is one of the vault's.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_script(
    tx: &mut Transaction,
    vault: VaultId,
    script: &bitcoin::Script,
) -> Result<Option<AddressRow>, DatabaseError> {
    tx.optional_row(
        "SELECT keyset, keychain, idx, vault, policy, script_pubkey, address, reference, metadata, issued_at
         FROM address WHERE vault = $1 AND script_pubkey = $2",
        &[vault.to_bytes().into(), script.as_bytes().into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

fn read(row: &Row) -> Result<AddressRow, DatabaseError> {
    let keychain = row.u32("keychain")?;
    Ok(AddressRow {
        vault: VaultId::from_bytes(row.array("vault")?),
        policy: PolicyId::from_bytes(row.array("policy")?),
        keyset: Keyset::from_bytes(row.array("keyset")?),
        keychain: Keychain::of_branch(keychain)
            .ok_or_else(|| row.corrupt("keychain", "0 or 1", &keychain.to_string()))?,
        index: row.u32("idx")?,
        script_pubkey: ScriptBuf::from_bytes(row.bytes("script_pubkey")?.to_vec()),
        address: row.text("address")?.to_owned(),
        reference: row.text("reference")?.to_owned(),
        metadata: row.text("metadata")?.to_owned(),
        issued_at: UnixTime::from_secs(row.u64("issued_at")?),
    })
}
