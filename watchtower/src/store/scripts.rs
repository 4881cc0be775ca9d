//! Scripts watched for ever from their issue on.

use bitcoin::ScriptBuf;
use policies::{Keychain, Keyset, UnixTime, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use crate::tracker::WatchedScript;

/// Watches a script. Call it in the transaction that issues the address or the change index.
///
/// # Errors
///
/// A unique violation if the script or its place on the keychain is watched already.
pub async fn watch_script(
    tx: &mut Transaction,
    script: &WatchedScript,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO watched_script
             (script, vault, keyset, keychain, derivation_index, settle_depth, reference,
              history_until, watched_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            script.script_pubkey.as_bytes().into(),
            script.vault.to_bytes().into(),
            script.keyset.to_bytes().into(),
            i64::from(script.keychain.branch()).into(),
            script.index.into(),
            script.settle_depth.into(),
            script.reference.clone().into(),
            script.history_until.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// Watches a script unless it is watched; whether it is now only. What is watched stays as it was.
///
/// # Errors
///
/// A unique violation if another script has its place on the keychain.
pub async fn watch_missing(
    tx: &mut Transaction,
    script: &WatchedScript,
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    if watched_script(tx, &script.script_pubkey).await?.is_some() {
        return Ok(false);
    }
    watch_script(tx, script, now).await?;
    Ok(true)
}

/// The highest index of a descriptor's keychain that was ever paid, as far as blocks and mempools were looked at.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn highest_paid(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
) -> Result<Option<u32>, DatabaseError> {
    tx.one_row(
        "SELECT MAX(s.derivation_index) AS highest FROM watched_script s
         WHERE s.keyset = $1 AND s.keychain = $2
             AND EXISTS (SELECT 1 FROM coin c WHERE c.script = s.script)",
        &[
            keyset.to_bytes().into(),
            i64::from(keychain.branch()).into(),
        ],
    )
    .await?
    .optional_u32("highest")
}

/// The watched script with these bytes, if it is watched.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn watched_script(
    tx: &mut Transaction,
    script: &bitcoin::Script,
) -> Result<Option<WatchedScript>, DatabaseError> {
    tx.optional_row(
        "SELECT script, vault, keyset, keychain, derivation_index, settle_depth, reference, history_until
         FROM watched_script WHERE script = $1",
        &[script.as_bytes().into()],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// How many scripts are watched.
///
/// # Errors
///
/// On a failed statement.
pub async fn count(tx: &mut Transaction) -> Result<u64, DatabaseError> {
    let row = tx.one_row("SELECT COUNT(*) AS scripts FROM watched_script", &[]);
    row.await?.u64("scripts")
}

/// All watched scripts of a vault, in the order of their bytes.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn of_vault(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<ScriptBuf>, DatabaseError> {
    tx.rows(
        "SELECT script FROM watched_script WHERE vault = $1 ORDER BY script",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| Ok(ScriptBuf::from_bytes(row.bytes("script")?.to_vec())))
    .collect()
}

/// Those of the given scripts that are watched.
pub(super) async fn watched_among(
    tx: &mut Transaction,
    scripts: impl IntoIterator<Item = &ScriptBuf>,
) -> Result<Vec<WatchedScript>, DatabaseError> {
    let sql = tx.pick(
        "SELECT script, vault, keyset, keychain, derivation_index, settle_depth, reference, history_until
         FROM watched_script WHERE script IN (SELECT unhex(value) FROM json_each($1))",
        "SELECT script, vault, keyset, keychain, derivation_index, settle_depth, reference, history_until
         FROM watched_script
         WHERE script IN (SELECT decode(value, 'hex') FROM json_array_elements_text($1::json))",
    );
    let list = Value::bytes_list(scripts.into_iter().map(|script| script.as_bytes()));
    tx.rows(sql, &[list]).await?.iter().map(read).collect()
}

/// Reads the columns of a watched script, also where it is joined to a coin.
pub(super) fn read(row: &Row) -> Result<WatchedScript, DatabaseError> {
    let keychain = row.u32("keychain")?;
    Ok(WatchedScript {
        script_pubkey: ScriptBuf::from_bytes(row.bytes("script")?.to_vec()),
        vault: VaultId::from_bytes(row.array("vault")?),
        keyset: Keyset::from_bytes(row.array("keyset")?),
        keychain: Keychain::of_branch(keychain)
            .ok_or_else(|| row.corrupt("keychain", "0 or 1", &keychain.to_string()))?,
        index: row.u32("derivation_index")?,
        settle_depth: row.u32("settle_depth")?,
        reference: row.optional_text("reference")?.map(str::to_owned),
        history_until: row.optional_u32("history_until")?,
    })
}
