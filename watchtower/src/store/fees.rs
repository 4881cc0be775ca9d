//! The node's fee estimates, and the least that its mempool takes, as exact integers of sat/kwu.
//!
//! Invariant: no estimate that is read is below the least that the mempool of the same node took when it was asked.

use bitcoin::FeeRate;
use policies::UnixTime;

use super::database::{DatabaseError, Transaction, Value};

/// The target under which the least feerate is kept that the mempool takes: it confirms at any time, or never. No node
/// estimates for more than 1,008 blocks.
const ANY_TIME: u32 = 1_000_000;

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

impl FeeEstimate {
    /// The least feerate that the mempool takes.
    pub const fn least(feerate: FeeRate, height: u32, at: UnixTime) -> Self {
        Self {
            target: ANY_TIME,
            feerate,
            height,
            at,
        }
    }
}

/// What a node said of fees when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFees {
    /// The estimates, nearest target first, none below the least; empty when the node has none.
    pub estimates: Vec<FeeEstimate>,
    /// The least that the mempool takes, if it was asked.
    pub least: Option<FeeEstimate>,
}

/// What the node said of fees.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn node_fees(tx: &mut Transaction) -> Result<NodeFees, DatabaseError> {
    let rows: Vec<FeeEstimate> = tx
        .rows(
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
        .collect::<Result<_, DatabaseError>>()?;
    Ok(clamped(rows))
}

/// Tells the least from the estimates, and raises those below it.
fn clamped(rows: Vec<FeeEstimate>) -> NodeFees {
    let (least, mut estimates): (Vec<FeeEstimate>, Vec<FeeEstimate>) =
        rows.into_iter().partition(|row| row.target == ANY_TIME);
    let least = least.first().copied();
    for estimate in &mut estimates {
        let floor = least.map_or(FeeRate::ZERO, |least| least.feerate);
        estimate.feerate = estimate.feerate.max(floor);
    }
    NodeFees { estimates, least }
}

/// All estimates, nearest target first; empty when the node has none.
///
/// # Errors
///
/// As [`node_fees`].
pub async fn fee_estimates(tx: &mut Transaction) -> Result<Vec<FeeEstimate>, DatabaseError> {
    Ok(node_fees(tx).await?.estimates)
}

/// Replaces all estimates, and the least, by these.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_estimate_is_below_what_the_mempool_takes() {
        let at = UnixTime::from_secs(1);
        let estimate = |target, kwu| FeeEstimate {
            target,
            feerate: FeeRate::from_sat_per_kwu(kwu),
            height: 7,
            at,
        };
        let least = FeeEstimate::least(FeeRate::from_sat_per_kwu(1_250), 7, at);
        let fees = clamped(vec![estimate(2, 2_500), estimate(144, 250), least]);
        assert_eq!(fees.estimates, [estimate(2, 2_500), estimate(144, 1_250)]);
        assert_eq!(fees.least, Some(least));
        let unasked = clamped(vec![estimate(144, 250)]);
        assert_eq!(unasked.estimates, [estimate(144, 250)]);
        assert_eq!(unasked.least, None);
    }
}
