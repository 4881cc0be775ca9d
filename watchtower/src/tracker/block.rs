//! Blocks as the tracker sees them.

use bitcoin::{BlockHash, Transaction};
use policies::UnixTime;

/// A block by height and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

/// A whole block of the active chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
    /// The hash of the block before.
    pub previous: BlockHash,
    /// The time its miner wrote.
    pub time: UnixTime,
    /// Its transactions, the coinbase first.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// Height and hash.
    pub fn at(&self) -> BlockRef {
        BlockRef {
            height: self.height,
            hash: self.hash,
        }
    }
}
