//! Follows the active chain, one block a transaction, forwards and back.

use bitcoin::BlockHash;
use bitcoin::block::Header;
use policies::UnixTime;
use policies::planted::steps::Step;

use super::{RoundError, Worker};
use crate::clock;
use crate::store::chain::{self, ChainError};
use crate::store::database::DatabaseError;
use crate::store::inclusion;
use crate::store::node::Trouble;
use crate::tracker::{Block, BlockRef};

/// How far below the tip a new watchtower begins, so that a reorg right after its start finds no
/// block missing; also how far below a lost beginning it begins again.
const BASE_DEPTH: u32 = 144;

impl Worker {
    /// Takes blocks in, or back, until our tip is the node's.
    pub(super) async fn follow_chain(&mut self, target: BlockHash) -> Result<(), RoundError> {
        let mut lost_base = None;
        loop {
            let Some(tip) = self.tip().await? else {
                self.set_base(lost_base).await?;
                continue;
            };
            if tip.hash == target {
                return Ok(());
            }
            if self.client.block_hash(tip.height).await? != Some(tip.hash) {
                self.disconnect(tip).await?;
                lost_base = Some(tip.height);
                continue;
            }
            let next = tip.height.saturating_add(1);
            // The node has moved on from `target` and may be below it now: look again next round.
            let Some(hash) = self.client.block_hash(next).await? else {
                return Ok(());
            };
            let block = self.client.block(hash).await?;
            if block.header.prev_blockhash != tip.hash {
                continue;
            }
            let header = block.header;
            let block = Block {
                height: next,
                hash,
                previous: header.prev_blockhash,
                time: UnixTime::from_secs(u64::from(header.time)),
                transactions: block.txdata,
            };
            self.connect(block, &header).await?;
            self.renew_if_due().await?;
        }
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

    async fn connect(&mut self, block: Block, header: &Header) -> Result<(), RoundError> {
        let mut tx = self.write().await?;
        let changes = chain::connect_block(&mut tx, &block, clock::now()).await?;
        if !changes.is_empty() {
            tx.mark(Step::Confirm);
        }
        inclusion::record(&mut tx, block.at(), header, &block.transactions).await?;
        tx.commit().await?;
        let (height, hash) = (block.height, block.hash);
        tracing::debug!(height, %hash, changes = changes.len(), "block connected");
        Ok(())
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
    async fn renew_if_due(&mut self) -> Result<(), RoundError> {
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
