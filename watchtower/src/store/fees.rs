//! The node's fee estimates, the least that its mempool takes, and the least that a replacement must pay more, as exact
//! integers of sat/kwu.
//!
//! Invariant: no estimate that is read is below the least that the mempool of the same node took when it was asked.

use bitcoin::FeeRate;
use policies::UnixTime;

use super::database::{DatabaseError, Transaction, Value};

/// The target under which the least feerate is kept that the mempool takes: it confirms at any time, or never. No node
/// estimates for more than 1,008 blocks.
const ANY_TIME: u32 = 1_000_000;
/// The target under which the incremental relay fee is kept.
const INCREMENT: u32 = 1_000_001;

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

    /// The least feerate that a replacement must pay for its own size, beyond what it takes the place of (BIP 125,
    /// rule 4).
    pub const fn incremental(feerate: FeeRate, height: u32, at: UnixTime) -> Self {
        Self {
            target: INCREMENT,
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
    /// The least that a replacement must pay for its own size, if the node said so.
    pub incremental: Option<FeeEstimate>,
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
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    Ok(clamped(&rows))
}

/// Tells the least and the increment from the estimates, and raises those below the least.
fn clamped(rows: &[FeeEstimate]) -> NodeFees {
    let kept = |target| rows.iter().find(|row| row.target == target).copied();
    let (least, incremental) = (kept(ANY_TIME), kept(INCREMENT));
    let floor = least.map_or(FeeRate::ZERO, |least| least.feerate);
    let estimates = rows.iter().filter(|row| row.target < ANY_TIME);
    let raised = |row: &FeeEstimate| FeeEstimate {
        feerate: row.feerate.max(floor),
        ..*row
    };
    NodeFees {
        estimates: estimates.map(raised).collect(),
        least,
        incremental,
    }
}

/// All estimates, nearest target first; empty when the node has none.
///
/// # Errors
///
/// As [`node_fees`].
pub async fn fee_estimates(tx: &mut Transaction) -> Result<Vec<FeeEstimate>, DatabaseError> {
    Ok(node_fees(tx).await?.estimates)
}

/// Replaces all estimates, the least and the increment by these.
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
        let increment = FeeEstimate::incremental(FeeRate::from_sat_per_kwu(25), 7, at);
        let rows = [estimate(2, 2_500), estimate(144, 250), least, increment];
        let fees = clamped(&rows);
        assert_eq!(fees.estimates, [estimate(2, 2_500), estimate(144, 1_250)]);
        assert_eq!(
            (fees.least, fees.incremental),
            (Some(least), Some(increment))
        );
        let unasked = clamped(&[estimate(144, 250)]);
        assert_eq!(unasked.estimates, [estimate(144, 250)]);
        assert_eq!((unasked.least, unasked.incremental), (None, None));
    }
}
