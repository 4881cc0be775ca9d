//! Keeps the node's fee estimates, the least that its mempool takes, and the least that a replacement must pay more.

use bitcoin::FeeRate;

use super::{RoundError, Worker};
use crate::bitcoind::ChainInfo;
use crate::clock;
use crate::store::fees::{self, FeeEstimate};

/// Blocks until confirmation for which estimates are kept.
const TARGETS: [u32; 3] = [2, 6, 144];
/// Seconds after which estimates are asked for again at the same tip.
const REFRESH: u64 = 60;

impl Worker {
    /// Asks at every new tip and once a minute. Where the node has no estimate, none is kept.
    pub(super) async fn estimate_fees(&mut self, info: &ChainInfo) -> Result<(), RoundError> {
        let now = clock::now();
        if let Some((tip, at)) = self.estimated
            && tip == info.tip
            && now.secs_since(at) < REFRESH
        {
            return Ok(());
        }
        let mut estimates = Vec::new();
        for target in TARGETS {
            let fallback = self
                .config
                .fee_estimate_fallback_sat_kwu
                .map(FeeRate::from_sat_per_kwu);
            if let Some(feerate) = self.client.estimate_fee(target).await?.or(fallback) {
                estimates.push(FeeEstimate {
                    target,
                    feerate,
                    height: info.blocks,
                    at: now,
                });
            }
        }
        let mempool = self.client.mempool_fees().await?;
        let least = (mempool.least).map(|least| FeeEstimate::least(least, info.blocks, now));
        let incremental = mempool.incremental;
        let incremental = incremental.map(|more| FeeEstimate::incremental(more, info.blocks, now));
        estimates.extend(least.into_iter().chain(incremental));
        let mut tx = self.write().await?;
        fees::replace(&mut tx, &estimates).await?;
        tx.commit().await?;
        self.estimated = Some((info.tip, now));
        Ok(())
    }
}
