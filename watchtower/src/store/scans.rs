//! Blocks that operators ask to be read again, and how far the watchtower has come with the chain.
//!
//! Invariant: what a scan found may be spent in a block that it has not read yet; until the scan has ended well,
//! nobody may spend it (`held`).

use bitcoin::OutPoint;
use bitcoin::hashes::Hash as _;
use policies::{UnixTime, VaultId};

use super::database::{DatabaseError, Row, Transaction, Value};
use crate::alarm::AlarmKind;

/// Seconds after which a watchtower that was catching up is believed to have stopped.
const CATCH_UP_FRESH: u64 = 60;

/// What is true of a coin `c` that a scan found and whose spend may still be found.
macro_rules! held {
    () => {
        "EXISTS (SELECT 1 FROM scan f WHERE f.id = c.found_by
             AND (f.ended_at IS NULL OR f.failure IS NOT NULL))"
    };
}

pub(super) use held;

/// How much of a work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Blocks that were read.
    pub done: u64,
    /// Blocks to be read in all.
    pub of: u64,
}

/// A scan that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Its number.
    pub id: u64,
    /// The first block to be read.
    pub from: u32,
    /// The last one; none until it begins, where nobody named one.
    pub to: Option<u32>,
    /// The last one that was read.
    pub done: Option<u32>,
    /// How many coins it found.
    pub found: u64,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: UnixTime,
    /// When it ended; none while it is open.
    pub ended_at: Option<UnixTime>,
    /// Why it ended before its end, and what to do.
    pub failure: Option<String>,
}

impl Scan {
    /// How far it is. `tip` is where a scan without an end will end.
    pub fn progress(&self, tip: u32) -> Progress {
        let to = self.to.unwrap_or(tip).max(self.from);
        let count = |last: u32| u64::from(last.saturating_sub(self.from)).saturating_add(1);
        Progress {
            done: self.done.map_or(0, count),
            of: count(to),
        }
    }

    /// The next block to be read.
    pub fn next(&self) -> u32 {
        self.done.map_or(self.from, |done| done.saturating_add(1))
    }
}

/// Asks for a scan; returns its number. Without an end it goes to the tip.
///
/// # Errors
/// On a failed statement.
pub async fn request(
    tx: &mut Transaction,
    (from, to): (u32, Option<u32>),
    by: &str,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.one_row(
        "INSERT INTO scan (from_height, to_height, found, requested_by, requested_at)
         VALUES ($1, $2, 0, $3, $4) RETURNING id",
        &[
            from.into(),
            to.into(),
            by.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await?
    .u64("id")
}

/// A scan, if there is one of this number.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn scan(tx: &mut Transaction, id: u64) -> Result<Option<Scan>, DatabaseError> {
    tx.optional_row(
        "SELECT id, from_height, to_height, done_height, found, requested_by, requested_at, ended_at,
             failure
         FROM scan WHERE id = $1",
        &[Value::from_u64(id)?],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The last scans, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn scans(tx: &mut Transaction, limit: u32) -> Result<Vec<Scan>, DatabaseError> {
    tx.rows(
        "SELECT id, from_height, to_height, done_height, found, requested_by, requested_at, ended_at,
             failure
         FROM scan ORDER BY id DESC LIMIT $1",
        &[limit.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The scan whose turn it is.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn oldest_open(tx: &mut Transaction) -> Result<Option<Scan>, DatabaseError> {
    tx.optional_row(
        "SELECT id, from_height, to_height, done_height, found, requested_by, requested_at, ended_at,
             failure
         FROM scan WHERE ended_at IS NULL ORDER BY id LIMIT 1",
        &[],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Whether an open scan found coins of a vault, and their spends may follow.
///
/// # Errors
/// On a failed statement.
pub async fn is_unfinished(tx: &mut Transaction, vault: VaultId) -> Result<bool, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS coins FROM coin c JOIN scan f ON f.id = c.found_by
             WHERE c.vault = $1 AND f.ended_at IS NULL",
            &[vault.to_bytes().into()],
        )
        .await?;
    Ok(row.u64("coins")? > 0)
}

/// Whether a scan, once it has come to the tip, makes up for one that failed within its range and still holds coins or
/// is an alarm.
pub(crate) async fn makes_up(tx: &mut Transaction, scan: &Scan) -> Result<bool, DatabaseError> {
    let row = tx
        .one_row(
            "SELECT COUNT(*) AS failed FROM scan f
             WHERE f.failure IS NOT NULL AND f.from_height >= $1
                 AND (EXISTS (SELECT 1 FROM coin c WHERE c.found_by = f.id)
                     OR EXISTS (SELECT 1 FROM alarm a WHERE a.kind = $2 AND a.subject = CAST(f.id AS TEXT)
                         AND a.ended_at IS NULL))",
            &[scan.from.into(), AlarmKind::ScanFailed.code().into()],
        )
        .await?;
    Ok(row.u64("failed")? > 0)
}

/// Stores where a scan ends: at the tip when it began, and at a later tip if it found coins or makes up for one that
/// failed.
pub(crate) async fn set_end(tx: &mut Transaction, id: u64, to: u32) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE scan SET to_height = $1 WHERE id = $2 AND ended_at IS NULL",
        &[to.into(), Value::from_u64(id)?],
    )
    .await
}

/// Stores that a block was read, and that these coins were found in it.
pub(crate) async fn advance(
    tx: &mut Transaction,
    scan: &Scan,
    height: u32,
    found: &[OutPoint],
) -> Result<(), DatabaseError> {
    let id = Value::from_u64(scan.id)?;
    for outpoint in found {
        tx.execute_one(
            "UPDATE coin SET found_by = $1 WHERE txid = $2 AND vout = $3",
            &[
                id.clone(),
                outpoint.txid.to_byte_array().into(),
                outpoint.vout.into(),
            ],
        )
        .await?;
    }
    let found = u64::try_from(found.len()).unwrap_or(u64::MAX);
    tx.execute_one(
        "UPDATE scan SET done_height = $1, found = found + $2
         WHERE id = $3 AND ended_at IS NULL AND (done_height IS NULL OR done_height < $1)",
        &[height.into(), Value::from_u64(found)?, id],
    )
    .await
}

/// Ends a scan. One that came to the tip also vouches for what earlier ones found that failed within its range; gives
/// the numbers of those.
pub(crate) async fn end(
    tx: &mut Transaction,
    scan: &Scan,
    failure: Option<&str>,
    now: UnixTime,
) -> Result<Vec<u64>, DatabaseError> {
    let id = Value::from_u64(scan.id)?;
    tx.execute_one(
        "UPDATE scan SET ended_at = $1, failure = $2 WHERE id = $3 AND ended_at IS NULL",
        &[Value::from_u64(now.as_secs())?, failure.into(), id.clone()],
    )
    .await?;
    let tip = super::chain::tip(tx).await?.map(|tip| tip.height);
    if failure.is_some() || scan.done < tip {
        return Ok(Vec::new());
    }
    tx.execute(
        "UPDATE coin SET found_by = $1 WHERE found_by IN
             (SELECT id FROM scan WHERE failure IS NOT NULL AND from_height >= $2)",
        &[id, scan.from.into()],
    )
    .await?;
    tx.rows(
        "SELECT id FROM scan WHERE failure IS NOT NULL AND from_height >= $1 ORDER BY id",
        &[scan.from.into()],
    )
    .await?
    .iter()
    .map(|row| row.u64("id"))
    .collect()
}

/// How far the watchtower is with the chain, while it catches up with its node.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn catching_up(
    tx: &mut Transaction,
    now: UnixTime,
) -> Result<Option<Progress>, DatabaseError> {
    let Some(row) = tx
        .optional_row(
            "SELECT from_height, to_height, seen_at FROM catch_up WHERE one_row = 1",
            &[],
        )
        .await?
    else {
        return Ok(None);
    };
    let (from, to) = (row.u32("from_height")?, row.u32("to_height")?);
    let tip = super::chain::tip(tx).await?.map_or(0, |tip| tip.height);
    let seen_at = UnixTime::from_secs(row.u64("seen_at")?);
    let is_over = tip >= to || now.secs_since(seen_at) > CATCH_UP_FRESH;
    Ok((!is_over).then(|| Progress {
        done: u64::from(tip.saturating_sub(from)),
        of: u64::from(to.saturating_sub(from)),
    }))
}

/// Stores from where to where the watchtower is catching up now.
///
/// # Errors
/// On a failed statement.
pub async fn record_catch_up(
    tx: &mut Transaction,
    (from, to): (u32, u32),
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO catch_up (one_row, from_height, to_height, seen_at) VALUES (1, $1, $2, $3)
         ON CONFLICT (one_row) DO UPDATE SET from_height = excluded.from_height,
             to_height = excluded.to_height, seen_at = excluded.seen_at",
        &[from.into(), to.into(), Value::from_u64(now.as_secs())?],
    )
    .await
}

fn read(row: &Row) -> Result<Scan, DatabaseError> {
    Ok(Scan {
        id: row.u64("id")?,
        from: row.u32("from_height")?,
        to: row.optional_u32("to_height")?,
        done: row.optional_u32("done_height")?,
        found: row.u64("found")?,
        requested_by: row.text("requested_by")?.to_owned(),
        requested_at: UnixTime::from_secs(row.u64("requested_at")?),
        ended_at: row.optional_u64("ended_at")?.map(UnixTime::from_secs),
        failure: row.optional_text("failure")?.map(str::to_owned),
    })
}
