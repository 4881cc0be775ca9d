//! How often something was tried.

use policies::UnixTime;
use watchtower::store::database::{DatabaseError, Transaction};

use super::at;

/// Counts one try of a key in windows of this many seconds, and gives how many there were in this window.
///
/// # Errors
/// On a failed statement.
pub async fn count(
    tx: &mut Transaction,
    key: &str,
    now: UnixTime,
    window: u64,
) -> Result<u32, DatabaseError> {
    let over = now.saturating_sub(window);
    tx.one_row(
        "INSERT INTO throttle (key, window_start, count) VALUES ($1, $2, 1)
         ON CONFLICT (key) DO UPDATE SET
             count = CASE WHEN throttle.window_start <= $3 THEN 1 ELSE throttle.count + 1 END,
             window_start = CASE WHEN throttle.window_start <= $3 THEN $2 ELSE throttle.window_start END
         RETURNING count",
        &[key.into(), at(now)?, at(over)?],
    )
    .await?
    .u32("count")
}

/// How often a key was tried in this window, without counting.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn counted(
    tx: &mut Transaction,
    key: &str,
    now: UnixTime,
    window: u64,
) -> Result<u32, DatabaseError> {
    let over = now.saturating_sub(window);
    let row = tx
        .optional_row(
            "SELECT count FROM throttle WHERE key = $1 AND window_start > $2",
            &[key.into(), at(over)?],
        )
        .await?;
    row.map_or(Ok(0), |row| row.u32("count"))
}
