//! Reads blocks again that operators asked for, some in each round, ascending, each in one transaction.
//!
//! Invariant: a block is read again only at the tip from which that was computed, and only as a block of the
//! active chain. Headers below the first block that was ever taken in are put before it without a gap, so that a
//! reorg still walks back over blocks that are known.

use std::time::Duration;

use bitcoin::OutPoint;
use tokio::time::Instant;

use super::{RoundError, Worker};
use crate::alarm::AlarmKind;
use crate::bitcoind::FetchedBlock;
use crate::clock;
use crate::store::alarms::{self, NewAlarm};
use crate::store::chain;
use crate::store::inclusion;
use crate::store::node::Trouble;
use crate::store::scans::{self, Scan};
use crate::tracker::{BlockRef, Change};

/// Who is named in alarms about scans.
const ACTOR: &str = "watchtower";
/// How long a round reads again, before it looks at what is new.
const BUDGET: Duration = Duration::from_secs(2);
/// Headers that are put before the first block in one transaction.
const HEADERS: u32 = 500;

/// How a scan stands after a step.
enum Step {
    /// There is more to do.
    Further(Scan),
    /// It waits for the chain, or is over.
    Rest,
}

impl Worker {
    /// Works on the oldest open scan for a while; whether there is more to do.
    pub(super) async fn scan(&mut self) -> Result<bool, RoundError> {
        let open = {
            let mut tx = self.database.begin_read().await?;
            scans::oldest_open(&mut tx).await?
        };
        let Some(mut scan) = open else {
            return Ok(false);
        };
        let begun = Instant::now();
        while begun.elapsed() < BUDGET {
            match self.step(&scan).await {
                Ok(Step::Further(next)) => scan = next,
                Ok(Step::Rest) => return Ok(false),
                Err(RoundError::Node(error)) if error.trouble() == Trouble::Pruned => {
                    let height = scan.next();
                    let failure = format!(
                        "the node has no block {height} any more: it prunes; name a node that has it, \
                         or let this one download it again, and ask for the scan again"
                    );
                    self.end_scan(&scan, Some(&failure)).await?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            self.renew_if_due().await?;
        }
        Ok(true)
    }

    async fn step(&mut self, scan: &Scan) -> Result<Step, RoundError> {
        let (tip, lowest) = {
            let mut tx = self.database.begin_read().await?;
            (chain::tip(&mut tx).await?, chain::lowest(&mut tx).await?)
        };
        let (Some(tip), Some(lowest)) = (tip, lowest) else {
            return Ok(Step::Rest);
        };
        if scan.from < lowest.height {
            self.prepend_headers(lowest, scan.from).await?;
            return Ok(Step::Further(scan.clone()));
        }
        let Some(to) = scan.to else {
            return self.set_end(scan, tip.height).await;
        };
        let next = scan.next();
        if next > to {
            // What was found, now or by one that failed, may be spent further up, where nobody looked for it.
            if to < tip.height && (scan.found > 0 || self.makes_up(scan).await?) {
                return self.set_end(scan, tip.height).await;
            }
            self.end_scan(scan, None).await?;
            return Ok(Step::Rest);
        }
        let ours = {
            let mut tx = self.database.begin_read().await?;
            chain::block_at(&mut tx, next).await?
        };
        let Some(ours) = ours else {
            return Ok(Step::Rest);
        };
        let fetched = self.client.fetch(ours.height, ours.hash).await?;
        self.read_again(scan, &fetched, tip)
            .await
            .map(Step::Further)
    }

    async fn makes_up(&self, scan: &Scan) -> Result<bool, RoundError> {
        let mut tx = self.database.begin_read().await?;
        Ok(scans::makes_up(&mut tx, scan).await?)
    }

    /// Puts headers before the first block, down to a height.
    async fn prepend_headers(&mut self, lowest: BlockRef, to: u32) -> Result<(), RoundError> {
        let from = to.max(lowest.height.saturating_sub(HEADERS));
        let hashes = self.client.block_hashes(from..lowest.height).await?;
        let headers = self.client.headers(&hashes).await?;
        let blocks: Vec<_> = (from..).zip(hashes).zip(headers).collect();
        let mut tx = self.write().await?;
        for ((height, hash), header) in blocks.into_iter().rev() {
            let Some(header) = header else {
                let detail = format!("the node has no header of block {height}");
                let trouble = Trouble::Malformed;
                return Err(RoundError::Trouble { trouble, detail });
            };
            chain::prepend(&mut tx, BlockRef { height, hash }, &header).await?;
        }
        tx.commit().await?;
        tracing::info!(
            from,
            to = lowest.height,
            "headers put before the first block"
        );
        Ok(())
    }

    async fn set_end(&mut self, scan: &Scan, to: u32) -> Result<Step, RoundError> {
        // A scan that begins above the tip has nothing to read, and is over.
        let to = to.max(scan.from);
        let mut tx = self.write().await?;
        scans::set_end(&mut tx, scan.id, to).await?;
        tx.commit().await?;
        tracing::info!(
            scan = scan.id,
            from = scan.next(),
            to,
            "reading blocks again"
        );
        Ok(Step::Further(Scan {
            to: Some(to),
            ..scan.clone()
        }))
    }

    async fn read_again(
        &mut self,
        scan: &Scan,
        fetched: &FetchedBlock,
        tip: BlockRef,
    ) -> Result<Scan, RoundError> {
        let block = &fetched.block;
        let mut tx = self.write().await?;
        let mut changes = chain::rescan_block(&mut tx, block, tip, clock::now()).await?;
        while !changes.is_empty() && self.widen(&mut tx).await? {
            changes.extend(chain::rescan_block(&mut tx, block, tip, clock::now()).await?);
        }
        let found: Vec<OutPoint> = changes
            .iter()
            .filter_map(|change| {
                let Change::CoinConfirmed { coin, .. } = change else {
                    return None;
                };
                Some(coin.outpoint)
            })
            .collect();
        inclusion::record(&mut tx, block.at(), &fetched.header, &block.transactions).await?;
        scans::advance(&mut tx, scan, block.height, &found).await?;
        tx.commit().await?;
        if !changes.is_empty() {
            tracing::info!(
                scan = scan.id,
                height = block.height,
                found = found.len(),
                "found in a block"
            );
        }
        let found = u64::try_from(found.len()).unwrap_or(u64::MAX);
        Ok(Scan {
            done: Some(block.height),
            found: scan.found.saturating_add(found),
            ..scan.clone()
        })
    }

    async fn end_scan(&mut self, scan: &Scan, failure: Option<&str>) -> Result<(), RoundError> {
        let now = clock::now();
        let mut tx = self.write().await?;
        let vouched = scans::end(&mut tx, scan, failure, now).await?;
        for failed in vouched {
            let (subject, why) = (failed.to_string(), "a later scan came to the tip");
            let alarm = (AlarmKind::ScanFailed, subject.as_str());
            alarms::end(&mut tx, alarm, ACTOR, why, now).await?;
        }
        if let Some(detail) = failure {
            let new = NewAlarm {
                kind: AlarmKind::ScanFailed,
                subject: &scan.id.to_string(),
                vault: None,
                detail,
                actor: ACTOR,
                at: now,
            };
            alarms::raise(&mut tx, &new).await?;
        }
        tx.commit().await?;
        let (id, found) = (scan.id, scan.found);
        match failure {
            None => tracing::info!(scan = id, found, "blocks were read again"),
            Some(failure) => {
                tracing::warn!(scan = id, found, failure, "blocks cannot be read again");
            }
        }
        // What the mempool does with coins that were found was not told before.
        self.examined.clear();
        self.mempool_tip = None;
        self.filled = None;
        Ok(())
    }
}
