//! Follows the active chain, one block a transaction, forwards and back.

use std::time::Duration;

use bitcoin::BlockHash;
use policies::planted::steps::Step;
use policies::{Policy, UnixTime};
use tokio::time::Instant;

use super::{RoundError, Worker};
use crate::bitcoind::{ChainInfo, FetchedBlock};
use crate::clock;
use crate::own;
use crate::rescan::take_in;
use crate::store;
use crate::store::chain::{self, ChainError};
use crate::store::database::{DatabaseError, Transaction};
use crate::store::node::Trouble;
use crate::store::scans;
use crate::tracker::BlockRef;

/// How far below the tip a new watchtower begins, so that a reorg right after its start finds no
/// block missing; also how far below a lost beginning it begins again.
const BASE_DEPTH: u32 = 144;
/// How long a node may be without blocks that we have seen before that is trouble.
const SHORT: Duration = Duration::from_secs(3);
/// Blocks behind the node from which on it is told how far the way is gone.
const LONG_WAY: u32 = 10;
/// How often in a row a node may name a block after ours that is none.
const TURNS: u32 = 3;
/// How often that is told.
const TELL: Duration = Duration::from_secs(2);

impl Worker {
    /// Takes blocks in, or back, until our tip is the node's.
    /// None beyond the limit is taken in.
    pub(super) async fn follow_chain(
        &mut self,
        info: &ChainInfo,
        limit: u32,
    ) -> Result<(), RoundError> {
        let target = info.tip;
        let mut lost_base = None;
        let mut catching_up = None;
        let mut turns = 0_u32;
        loop {
            let Some(tip) = self.tip().await? else {
                self.set_base(lost_base).await?;
                continue;
            };
            if tip.hash == target {
                self.short_since = None;
                return Ok(());
            }
            let theirs = self.client.block_hash(tip.height).await?;
            if theirs != Some(tip.hash) {
                if !self.is_replaced(tip, theirs).await? {
                    return Ok(());
                }
                self.disconnect(tip).await?;
                lost_base = Some(tip.height);
                continue;
            }
            self.short_since = None;
            let next = tip.height.saturating_add(1);
            if next > limit {
                return Ok(());
            }
            // The node has moved on from `target` and may be below it now: look again next round.
            let Some(hash) = self.client.block_hash(next).await? else {
                return Ok(());
            };
            let next = self.client.fetch(next, hash).await?;
            if next.block.previous != tip.hash {
                turns = turns.saturating_add(1);
                if turns >= TURNS {
                    return Err(two_minds(tip, &next));
                }
                continue;
            }
            turns = 0;
            self.connect(&next).await?;
            self.renew_if_due().await?;
            self.tell_of_catching_up(&mut catching_up, next.block.height, info.blocks)
                .await?;
        }
    }

    /// Before a block is taken back: what the node shows in its place is a chain of ours, and no answer that was garbled
    /// on its way or came from a node that was put in the place of ours. A node whose chain ends in ours has less work
    /// than we have seen, so that it has lost blocks or does not have them yet: nothing left the active chain. That is
    /// waited for, and trouble once it lasts.
    async fn is_replaced(
        &mut self,
        tip: BlockRef,
        theirs: Option<BlockHash>,
    ) -> Result<bool, RoundError> {
        let info = self.client.chain_info().await?;
        self.expect_chain(&info)?;
        let (trouble, detail) = match theirs {
            None if info.blocks >= tip.height => (
                Trouble::Malformed,
                format!(
                    "the node has {} blocks and none at {}",
                    info.blocks, tip.height
                ),
            ),
            None if self.ends_in_ours(&info).await? => {
                let since = *self.short_since.get_or_insert_with(Instant::now);
                if since.elapsed() < SHORT {
                    return Ok(false);
                }
                let detail = format!(
                    "the node's chain ends at {}, and goes on to {} as we have seen it",
                    info.blocks, tip.height
                );
                (Trouble::Behind, detail)
            }
            None => return Ok(true),
            Some(hash) => {
                let headers = self.client.headers(&[hash]).await?;
                if headers.iter().any(Option::is_some) {
                    return Ok(true);
                }
                let detail = format!("the node names block {hash}, and does not know it");
                (Trouble::Malformed, detail)
            }
        };
        Err(RoundError::Trouble { trouble, detail })
    }

    /// Whether the node's tip is a block of the chain that we follow, or lies below all that we know of it.
    async fn ends_in_ours(&self, info: &ChainInfo) -> Result<bool, DatabaseError> {
        let mut tx = self.database.begin_read().await?;
        if chain::height_of(&mut tx, info.tip).await?.is_some() {
            return Ok(true);
        }
        let lowest = chain::lowest(&mut tx).await?;
        Ok(lowest.is_some_and(|lowest| info.blocks < lowest.height))
    }

    /// Our tip.
    pub(super) async fn tip(&self) -> Result<Option<BlockRef>, DatabaseError> {
        let mut tx = self.database.begin_read().await?;
        chain::tip(&mut tx).await
    }

    async fn set_base(&mut self, lost: Option<u32>) -> Result<(), RoundError> {
        let tip = self.client.chain_info().await?.blocks;
        let height = lost
            .map_or(tip, |lost| lost.min(tip))
            .saturating_sub(BASE_DEPTH);
        let Some(hash) = self.client.block_hash(height).await? else {
            let detail = format!("the node has no block at height {height}");
            return Err(RoundError::Trouble {
                trouble: Trouble::Behind,
                detail,
            });
        };
        let header = self.client.block(hash).await?.header;
        let mut tx = self.write().await?;
        let base = BlockRef { height, hash };
        let time = UnixTime::from_secs(u64::from(header.time));
        chain::set_base(&mut tx, base, header.prev_blockhash, time).await?;
        tx.commit().await?;
        tracing::info!(height, %hash, "the chain is followed from here");
        Ok(())
    }

    async fn connect(&mut self, next: &FetchedBlock) -> Result<(), RoundError> {
        let mut tx = self.write().await?;
        let mut changes = take_in(&mut tx, next).await?;
        // What a block pays may lie beyond what was watched: no index may be missed for coming in one block.
        while !changes.is_empty() && self.widen(&mut tx).await? {
            let block = &next.block;
            changes.extend(chain::rescan_block(&mut tx, block, block.at(), clock::now()).await?);
        }
        if !changes.is_empty() {
            tx.mark(Step::Confirm);
        }
        tx.commit().await?;
        let (height, hash) = (next.block.height, next.block.hash);
        tracing::debug!(height, %hash, changes = changes.len(), "block connected");
        Ok(())
    }

    /// Watches what is missing of the policies that are watched without a coordinator; whether anything was.
    pub(super) async fn widen(&self, tx: &mut Transaction) -> Result<bool, DatabaseError> {
        let mut added = 0;
        for policy in self.policies.values() {
            added = own::widen(tx, policy, clock::now()).await?.max(added);
        }
        Ok(added > 0)
    }

    /// Reads the policies that are watched without a coordinator, unless they are known.
    pub(super) async fn read_policies(&mut self) -> Result<(), DatabaseError> {
        let mut tx = self.database.begin_read().await?;
        let kept = store::own::policies(&mut tx).await?;
        drop(tx);
        for kept in kept {
            if self.policies.contains_key(&kept.id) {
                continue;
            }
            match Policy::parse(&kept.document) {
                Ok(policy) => {
                    self.policies.insert(kept.id, policy);
                }
                Err(mistakes) => {
                    let mistake = mistakes.first().map(ToString::to_string);
                    tracing::error!(policy = %kept.id, mistake, "a policy that is watched cannot be read");
                }
            }
        }
        Ok(())
    }

    /// Says how far a long way is gone: in the log, and for everyone to see.
    async fn tell_of_catching_up(
        &self,
        since: &mut Option<(u32, Instant)>,
        height: u32,
        target: u32,
    ) -> Result<(), RoundError> {
        let left = target.saturating_sub(height);
        let (from, told) = match *since {
            None if left < LONG_WAY => return Ok(()),
            None => (height.saturating_sub(1), None),
            Some((from, told)) => (from, Some(told)),
        };
        if left > 0 && told.is_some_and(|told| told.elapsed() < TELL) {
            return Ok(());
        }
        *since = Some((from, Instant::now()));
        tracing::info!(height, of = target, left, "catching up");
        let mut tx = self.write().await?;
        scans::record_catch_up(&mut tx, (from, target), clock::now()).await?;
        Ok(tx.commit().await?)
    }

    async fn disconnect(&mut self, tip: BlockRef) -> Result<(), RoundError> {
        let mut tx = self.write().await?;
        let changes = chain::disconnect_tip(&mut tx, tip, clock::now()).await?;
        tx.commit().await?;
        let BlockRef { height, hash } = tip;
        tracing::warn!(height, %hash, changes = changes.len(), "block left the active chain");
        Ok(())
    }

    /// A long catch-up must not outlive the lease.
    pub(super) async fn renew_if_due(&mut self) -> Result<(), RoundError> {
        if self.hold_lease().await? {
            return Ok(());
        }
        Err(ChainError::TipMoved {
            expected: None,
            found: None,
        }
        .into())
    }
}

/// A node that has our tip, and in the next breath a block that does not follow on it: two nodes behind one address.
fn two_minds(tip: BlockRef, next: &FetchedBlock) -> RoundError {
    let (height, hash, previous) = (next.block.height, next.block.hash, next.block.previous);
    RoundError::Trouble {
        trouble: Trouble::Malformed,
        detail: format!(
            "the node says that {} is in its chain, and names {hash} at height {height}, which follows on {previous}, \
             {TURNS} times in a row: do two nodes answer at its address?",
            tip.hash
        ),
    }
}
