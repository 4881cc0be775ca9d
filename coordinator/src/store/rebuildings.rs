//! How far the rebuilding of this database came, and what an empty database is.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::{Keychain, Keyset, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Transaction, Value};

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The chain is being scanned.
    Scanning,
    /// All papers are in; what the chain shows of them is taken in.
    Filled,
    /// The database may be served.
    Done,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Scanning, Self::Filled, Self::Done];

    const fn name(self) -> &'static str {
        match self {
            Self::Scanning => "scanning",
            Self::Filled => "filled",
            Self::Done => "done",
        }
    }
}

/// A rebuilding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildingRow {
    /// What it is made from: the hash over policies and papers.
    pub sources: [u8; 32],
    /// How far it came.
    pub stage: Stage,
    /// When it began.
    pub began_at: UnixTime,
}

/// The rebuilding of this database, if it is one that was rebuilt.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction) -> Result<Option<RebuildingRow>, DatabaseError> {
    let row = tx
        .optional_row(
            "SELECT sources, stage, began_at FROM rebuilding WHERE one_row = 1",
            &[],
        )
        .await?;
    row.map(|row| {
        let name = row.text("stage")?;
        let stage = Stage::ALL.into_iter().find(|stage| stage.name() == name);
        Ok(RebuildingRow {
            sources: row.array("sources")?,
            stage: stage.ok_or_else(|| row.corrupt("stage", "a stage", name))?,
            began_at: UnixTime::from_secs(row.u64("began_at")?),
        })
    })
    .transpose()
}

/// Begins one.
///
/// # Errors
/// A unique violation if one began.
pub async fn begin(
    tx: &mut Transaction,
    sources: [u8; 32],
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO rebuilding (one_row, sources, stage, began_at) VALUES (1, $1, $2, $3)",
        &[
            sources.into(),
            Stage::Scanning.name().into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
}

/// Goes from one stage to the next.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it is in another stage.
pub async fn go_on(
    tx: &mut Transaction,
    from: Stage,
    to: Stage,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    let done = (to == Stage::Done).then(|| now.as_secs());
    let done = done.map(Value::from_u64).transpose()?;
    let done = done.unwrap_or_else(|| Value::from(None::<u32>));
    tx.execute_one(
        "UPDATE rebuilding SET stage = $1, done_at = $2 WHERE one_row = 1 AND stage = $3",
        &[to.name().into(), done, from.name().into()],
    )
    .await
}

/// What a database holds that is not empty: tables with their rows.
///
/// # Errors
/// On a failed statement.
pub async fn census(tx: &mut Transaction) -> Result<Vec<(String, u64)>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT 'vaults' AS what, COUNT(*) AS found FROM vault
             UNION ALL SELECT 'addresses', COUNT(*) FROM address
             UNION ALL SELECT 'withdrawals', COUNT(*) FROM withdrawal
             UNION ALL SELECT 'attempts', COUNT(*) FROM attempt
             UNION ALL SELECT 'tokens', COUNT(*) FROM token
             UNION ALL SELECT 'blocks', COUNT(*) FROM chain_block
             UNION ALL SELECT 'coins', COUNT(*) FROM coin
             UNION ALL SELECT 'entries of the ledger', COUNT(*) FROM ledger_entry
             UNION ALL SELECT 'events', COUNT(*) FROM event",
            &[],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let (what, count) = (row.text("what")?.to_owned(), row.u64("found")?);
        if count > 0 {
            found.push((what, count));
        }
    }
    Ok(found)
}

/// The highest watched index of a keychain, and the highest that was ever paid.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn highest_indexes(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
) -> Result<(Option<u32>, Option<u32>), DatabaseError> {
    let row = tx
        .one_row(
            "SELECT MAX(s.derivation_index) AS watched,
                 MAX(CASE WHEN c.txid IS NOT NULL THEN s.derivation_index END) AS paid
             FROM watched_script s LEFT JOIN coin c ON c.script = s.script
             WHERE s.keyset = $1 AND s.keychain = $2",
            &[
                keyset.to_bytes().into(),
                i64::from(keychain.branch()).into(),
            ],
        )
        .await?;
    Ok((row.optional_u32("watched")?, row.optional_u32("paid")?))
}

/// Sets the next index of a keychain of which none was taken.
///
/// # Errors
/// A unique violation if one was.
pub async fn set_cursor(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
    next: u32,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO keychain_cursor (keyset, keychain, next_index) VALUES ($1, $2, $3)",
        &[
            keyset.to_bytes().into(),
            i64::from(keychain.branch()).into(),
            next.into(),
        ],
    )
    .await
}

/// The indexes of a keychain that were ever paid.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn paid_indexes(
    tx: &mut Transaction,
    keyset: Keyset,
    keychain: Keychain,
) -> Result<Vec<u32>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT s.derivation_index AS idx FROM watched_script s JOIN coin c ON c.script = s.script
         WHERE s.keyset = $1 AND s.keychain = $2 ORDER BY idx",
        &[
            keyset.to_bytes().into(),
            i64::from(keychain.branch()).into(),
        ],
    )
    .await?
    .iter()
    .map(|row| row.u32("idx"))
    .collect()
}

/// The transactions that spend coins of a vault and are no attempts of it.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn unexplained(tx: &mut Transaction, vault: VaultId) -> Result<Vec<Txid>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT c.spent_by FROM coin c
         WHERE c.vault = $1 AND c.spent_by IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.txid = c.spent_by)
         ORDER BY c.spent_by",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| row.array("spent_by").map(Txid::from_byte_array))
    .collect()
}
