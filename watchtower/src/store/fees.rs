//! The node's fee estimates, as exact integers of sat/kwu.

use bitcoin::FeeRate;
use policies::UnixTime;

use super::database::{DatabaseError, Transaction, Value};

/// An estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeEstimate {
    /// Blocks until confirmation.
    pub target: u32,
    /// The feerate.
    pub feerate: FeeRate,
    /// The tip's height when it was made.
    pub height: u32,
    /// When it was made.
    pub at: UnixTime,
}

/// All estimates, nearest target first; empty when the node has none.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn fee_estimates(tx: &mut Transaction) -> Result<Vec<FeeEstimate>, DatabaseError> {
    tx.rows(
        "SELECT target, feerate_sat_kwu, height, estimated_at FROM fee_estimate ORDER BY target",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(FeeEstimate {
            target: row.u32("target")?,
            feerate: FeeRate::from_sat_per_kwu(row.u64("feerate_sat_kwu")?),
            height: row.u32("height")?,
            at: UnixTime::from_secs(row.u64("estimated_at")?),
        })
    })
    .collect()
}

/// Replaces all estimates by these.
///
/// # Errors
///
/// On a failed statement.
pub async fn replace(tx: &mut Transaction, estimates: &[FeeEstimate]) -> Result<(), DatabaseError> {
    tx.execute("DELETE FROM fee_estimate", &[]).await?;
    for estimate in estimates {
        tx.execute_one(
            "INSERT INTO fee_estimate (target, feerate_sat_kwu, height, estimated_at)
             VALUES ($1, $2, $3, $4)",
            &[
                estimate.target.into(),
                Value::from_u64(estimate.feerate.to_sat_per_kwu())?,
                estimate.height.into(),
                Value::from_u64(estimate.at.as_secs())?,
            ],
        )
        .await?;
    }
    Ok(())
}
