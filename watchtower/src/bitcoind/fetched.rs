//! A block as the node gives it: what the tracker looks at, with its header.

use bitcoin::BlockHash;
use bitcoin::block::Header;
use policies::UnixTime;

use super::{Client, RpcError};
use crate::tracker::Block;

/// A block that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedBlock {
    /// The block.
    pub block: Block,
    /// Its header.
    pub header: Header,
}

impl Client {
    /// Fetches the block of this hash, which stands at this height.
    ///
    /// # Errors
    /// As any call; a pruned block is [`Trouble::Pruned`](crate::store::node::Trouble::Pruned).
    pub async fn fetch(&self, height: u32, hash: BlockHash) -> Result<FetchedBlock, RpcError> {
        let block = self.block(hash).await?;
        let header = block.header;
        Ok(FetchedBlock {
            block: Block {
                height,
                hash,
                previous: header.prev_blockhash,
                time: UnixTime::from_secs(u64::from(header.time)),
                transactions: block.txdata,
            },
            header,
        })
    }
}
