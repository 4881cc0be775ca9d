//! What a watchtower in other hands keeps: the policies that it watches, the transactions that its owner knows of, and
//! which alarms its command took.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::{Keychain, Keyset, PolicyId, UnixTime, VaultId};

use super::alarms::{self, AlarmRow};
use super::database::{DatabaseError, Transaction, Value};

/// A policy that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedPolicy {
    /// Its id.
    pub id: PolicyId,
    /// Its exact bytes.
    pub document: Vec<u8>,
}

/// Keeps a policy; false if it was kept already.
///
/// # Errors
/// On a failed statement.
pub async fn add_policy(
    tx: &mut Transaction,
    policy: &WatchedPolicy,
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    let added = tx
        .execute(
            "INSERT INTO watched_policy (id, document, added_at) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO NOTHING",
            &[
                policy.id.to_bytes().into(),
                policy.document.clone().into(),
                Value::from_u64(now.as_secs())?,
            ],
        )
        .await?;
    Ok(added == 1)
}

/// The policies that are watched.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn policies(tx: &mut Transaction) -> Result<Vec<WatchedPolicy>, DatabaseError> {
    tx.rows(
        "SELECT id, document FROM watched_policy ORDER BY added_at, id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(WatchedPolicy {
            id: PolicyId::from_bytes(row.array("id")?),
            document: row.bytes("document")?.to_vec(),
        })
    })
    .collect()
}

/// Since when a policy is watched, if it is.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn added_at(
    tx: &mut Transaction,
    policy: PolicyId,
) -> Result<Option<UnixTime>, DatabaseError> {
    tx.optional_row(
        "SELECT added_at FROM watched_policy WHERE id = $1",
        &[policy.to_bytes().into()],
    )
    .await?
    .map(|row| Ok(UnixTime::from_secs(row.u64("added_at")?)))
    .transpose()
}

/// The highest index of a keychain that is watched, and the highest that was ever paid.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn highest_indexes(
    tx: &mut Transaction,
    vault: VaultId,
    (keyset, keychain): (Keyset, Keychain),
) -> Result<(Option<u32>, Option<u32>), DatabaseError> {
    let row = tx
        .one_row(
            "SELECT MAX(s.derivation_index) AS watched,
                 MAX(CASE WHEN c.txid IS NOT NULL THEN s.derivation_index END) AS paid
             FROM watched_script s LEFT JOIN coin c ON c.script = s.script
             WHERE s.vault = $1 AND s.keyset = $2 AND s.keychain = $3",
            &[
                vault.to_bytes().into(),
                keyset.to_bytes().into(),
                i64::from(keychain.branch()).into(),
            ],
        )
        .await?;
    Ok((row.optional_u32("watched")?, row.optional_u32("paid")?))
}

/// Says that a transaction is known to its owner: it is no unknown spend. False if that was said already.
///
/// # Errors
/// On a failed statement.
pub async fn expect(
    tx: &mut Transaction,
    txid: Txid,
    now: UnixTime,
) -> Result<bool, DatabaseError> {
    let added = tx
        .execute(
            "INSERT INTO expected_transaction (txid, expected_at) VALUES ($1, $2)
             ON CONFLICT (txid) DO NOTHING",
            &[txid.to_byte_array().into(), Value::from_u64(now.as_secs())?],
        )
        .await?;
    Ok(added == 1)
}

/// The oldest alarm that no command took yet.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub(crate) async fn untold(tx: &mut Transaction) -> Result<Option<AlarmRow>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT a.id FROM alarm a
             WHERE NOT EXISTS (SELECT 1 FROM alarm_told t WHERE t.alarm = a.id) ORDER BY a.id LIMIT 1",
            &[],
        )
        .await?;
    match row {
        Some(row) => alarms::lookup(tx, row.u64("id")?).await,
        None => Ok(None),
    }
}

/// Stores that the command took an alarm.
pub(crate) async fn told(
    tx: &mut Transaction,
    alarm: u64,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO alarm_told (alarm, told_at) VALUES ($1, $2) ON CONFLICT (alarm) DO NOTHING",
        &[Value::from_u64(alarm)?, Value::from_u64(now.as_secs())?],
    )
    .await
    .map(drop)
}
