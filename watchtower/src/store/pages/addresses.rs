//! Watched scripts with what came in to them, the last issued first.

use bitcoin::{Amount, ScriptBuf};
use policies::{Keychain, UnixTime, VaultId};

use super::either;
use crate::store::database::{DatabaseError, Row, Transaction, Value};
use crate::store::scripts;
use crate::tracker::WatchedScript;

/// Which scripts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressFilter {
    /// Deposits or change.
    pub keychain: Option<Keychain>,
    /// A part of the reference.
    pub reference: String,
    /// The script itself.
    pub script: Option<ScriptBuf>,
    /// The index on its keychain.
    pub index: Option<u32>,
    /// Whether chain or mempool show that something was paid to it.
    pub used: Option<bool>,
}

/// A watched script, and what came in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The script.
    pub script: WatchedScript,
    /// Since when it is watched.
    pub watched_at: UnixTime,
    /// The coins in chain and mempool that paid it, spent or not.
    pub coins: u32,
    /// What they hold.
    pub received: Amount,
}

/// Where a page ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlace {
    /// Since when the script is watched.
    pub watched_at: UnixTime,
    /// Its index.
    pub index: u32,
    /// The script.
    pub script: ScriptBuf,
}

impl AddressPlace {
    /// Where a script stands in the list.
    pub fn of(address: &Received) -> Self {
        Self {
            watched_at: address.watched_at,
            index: address.script.index,
            script: address.script.script_pubkey.clone(),
        }
    }
}

/// The next scripts of a vault after a place.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    vault: VaultId,
    filter: &AddressFilter,
    after: Option<&AddressPlace>,
    limit: u32,
) -> Result<Vec<Received>, DatabaseError> {
    let (watched_at, index, script) = match after {
        None => (i64::MAX.unsigned_abs(), 0, Vec::new()),
        Some(place) => (
            place.watched_at.as_secs(),
            place.index,
            place.script.to_bytes(),
        ),
    };
    let branch = |keychain: Keychain| i64::from(keychain.branch());
    let wanted = filter.script.as_ref().map(|script| script.to_bytes());
    let rows = tx
        .rows(
            "SELECT s.script, s.vault, s.keyset, s.keychain, s.derivation_index, s.settle_depth, s.reference,
                 s.history_until, s.watched_at,
                 (SELECT COUNT(*) FROM coin c WHERE c.script = s.script AND c.placement <> 'gone') AS coins,
                 CAST(COALESCE((SELECT SUM(c.amount_sat) FROM coin c
                     WHERE c.script = s.script AND c.placement <> 'gone'), 0) AS BIGINT) AS received_sat
             FROM watched_script s
             WHERE s.vault = $1
                 AND ($2 < 0 OR s.keychain = $2)
                 AND ($3 = '' OR LOWER(s.reference) LIKE $3 ESCAPE '!')
                 AND (length($4) = 0 OR s.script = $4)
                 AND ($5 < 0 OR s.derivation_index = $5)
                 AND ($6 < 0 OR (CASE WHEN EXISTS (SELECT 1 FROM coin c
                     WHERE c.script = s.script AND c.placement <> 'gone') THEN 1 ELSE 0 END) = $6)
                 AND (s.watched_at, s.derivation_index, s.script) < ($7, $8, $9)
             ORDER BY s.watched_at DESC, s.derivation_index DESC, s.script DESC LIMIT $10",
            &[
                vault.to_bytes().into(),
                filter.keychain.map_or(-1, branch).into(),
                Value::containing(&filter.reference),
                Value::Bytes(wanted.unwrap_or_default()),
                filter.index.map_or(-1, i64::from).into(),
                either(filter.used),
                Value::from_u64(watched_at)?,
                index.into(),
                script.into(),
                limit.into(),
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Received, DatabaseError> {
    Ok(Received {
        script: scripts::read(row)?,
        watched_at: UnixTime::from_secs(row.u64("watched_at")?),
        coins: row.u32("coins")?,
        received: Amount::from_sat(row.u64("received_sat")?),
    })
}
