//! Fetches what shows coins in the chain for blocks that were taken in before it was kept.

use super::{RoundError, Worker};
use crate::bitcoind::RpcError;
use crate::store::inclusion;

/// Headers that are fetched in one round.
const HEADERS: u32 = 500;
/// Blocks that are fetched in one round.
const BLOCKS: usize = 4;

impl Worker {
    /// Fetches some headers and paths that are missing. A node that pruned a block has it no more: it is asked
    /// for once, and its coins stay without a path.
    pub(super) async fn fill_inclusion(&mut self) -> Result<(), RoundError> {
        let (headers, blocks) = {
            let mut tx = self.database.begin_read().await?;
            (
                inclusion::without_header(&mut tx, HEADERS).await?,
                inclusion::without_path(&mut tx).await?,
            )
        };
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
        let missing = blocks
            .into_iter()
            .filter(|block| !self.without_block.contains(&block.hash));
        for block in missing.take(BLOCKS).collect::<Vec<_>>() {
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
