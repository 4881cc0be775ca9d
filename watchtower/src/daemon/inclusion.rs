//! Fetches what shows coins in the chain for blocks that were taken in before it was kept.

use super::{RoundError, Worker};
use crate::bitcoind::RpcError;
use crate::store::{chain, inclusion};

/// Headers that are fetched in one round.
const HEADERS: u32 = 500;
/// Blocks that are fetched in one round.
const BLOCKS: usize = 4;

impl Worker {
    /// Fetches some headers and paths that are missing. A node that pruned a block has it no more: it is asked
    /// for once, and its coins stay without a path. Blocks come in with both: what was once found whole is not looked
    /// through again while the chain only grows.
    pub(super) async fn fill_inclusion(&mut self) -> Result<(), RoundError> {
        let mut tx = self.database.begin_read().await?;
        let Some(tip) = chain::tip(&mut tx).await? else {
            return Ok(());
        };
        let from = match self.filled {
            Some(filled) if filled == tip => return Ok(()),
            Some(filled) if chain::block_at(&mut tx, filled.height).await? == Some(filled) => {
                filled.height.saturating_add(1)
            }
            Some(_) | None => 0,
        };
        let headers = inclusion::without_header(&mut tx, from, HEADERS).await?;
        let mut blocks = inclusion::without_path(&mut tx, from).await?;
        drop(tx);
        blocks.retain(|block| !self.without_block.contains(&block.hash));
        if headers.is_empty() && blocks.is_empty() {
            self.filled = Some(tip);
        }
        if !headers.is_empty() {
            let hashes: Vec<_> = headers.iter().map(|block| block.hash).collect();
            let found = self.client.headers(&hashes).await?;
            let mut tx = self.write().await?;
            for (block, header) in headers.into_iter().zip(found) {
                if let Some(header) = header {
                    inclusion::record_header(&mut tx, block, &header).await?;
                }
            }
            tx.commit().await?;
        }
        for block in blocks.into_iter().take(BLOCKS) {
            match self.client.block(block.hash).await {
                Ok(found) => {
                    let mut tx = self.write().await?;
                    inclusion::record(&mut tx, block, &found.header, &found.txdata).await?;
                    tx.commit().await?;
                }
                Err(RpcError::Refused { message, .. }) => {
                    tracing::warn!(height = block.height, hash = %block.hash, reason = message,
                        "the node has the block no more: its coins cannot be shown in the chain");
                    self.without_block.insert(block.hash);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
