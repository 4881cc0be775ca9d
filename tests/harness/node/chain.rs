//! Mining blocks, and taking them back.

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{BlockHash, Script, Transaction, Txid};
use serde_json::json;

use super::Bitcoind;
use crate::Failure;

/// What a reorg did.
#[derive(Debug, Clone)]
pub struct Reorg {
    /// The blocks that are no longer in the chain, from the lowest.
    pub gone: Vec<BlockHash>,
    /// The blocks in their place, one more, from the lowest.
    pub new: Vec<BlockHash>,
}

impl Bitcoind {
    /// Mines blocks with what the mempool holds; the rewards go to the purse.
    pub fn mine(&self, blocks: u32) -> Result<Vec<BlockHash>, Failure> {
        let script = self.purse().script().to_owned();
        self.mine_to(&script, blocks)
    }

    /// Mines blocks with what the mempool holds, to a script.
    pub fn mine_to(&self, script: &Script, blocks: u32) -> Result<Vec<BlockHash>, Failure> {
        let descriptor = self.with_checksum(&format!("raw({})", script.to_hex_string()))?;
        self.call("generatetodescriptor", json!([blocks, descriptor]))
    }

    /// Mines one block with exactly these transactions, whatever the mempool holds.
    pub fn mine_exactly(&self, transactions: &[Transaction]) -> Result<BlockHash, Failure> {
        #[derive(serde::Deserialize)]
        struct Mined {
            hash: BlockHash,
        }
        // Two empty blocks of one second on one parent would be the same block.
        let salt = self.salt.get().wrapping_add(1);
        self.salt.set(salt);
        let output = self.with_checksum(&format!("raw(6a04{salt:08x})"))?;
        let raw: Vec<String> = transactions.iter().map(serialize_hex).collect();
        let Mined { hash } = self.call("generateblock", json!([output, raw]))?;
        Ok(hash)
    }

    /// Replaces the last `depth` blocks by one more, all empty: their transactions are unconfirmed
    /// again, in the mempool.
    pub fn reorg(&self, depth: u32) -> Result<Reorg, Failure> {
        self.reorg_with(depth, &[])
    }

    /// Replaces the last `depth` blocks by one more; the first holds exactly `transactions`, so that
    /// what conflicts with them is gone for good.
    pub fn reorg_with(&self, depth: u32, transactions: &[Transaction]) -> Result<Reorg, Failure> {
        let height = self.height()?;
        let lowest = height
            .checked_sub(depth)
            .ok_or_else(|| Failure::new(format!("no {depth} blocks to replace at {height}")))?
            + 1;
        let gone = (lowest..=height)
            .map(|height| self.call("getblockhash", json!([height])))
            .collect::<Result<Vec<BlockHash>, _>>()?;
        if let Some(first) = gone.first() {
            self.call::<()>("invalidateblock", json!([first]))?;
        }
        let mut new = vec![self.mine_exactly(transactions)?];
        for _ in 0..depth {
            new.push(self.mine_exactly(&[])?);
        }
        Ok(Reorg { gone, new })
    }

    /// Sends a transaction to the node.
    pub fn broadcast(&self, transaction: &Transaction) -> Result<Txid, Failure> {
        self.call("sendrawtransaction", json!([serialize_hex(transaction)]))
    }

    /// The transactions that wait for a block.
    pub fn mempool(&self) -> Result<Vec<Txid>, Failure> {
        self.call("getrawmempool", json!([]))
    }

    fn with_checksum(&self, descriptor: &str) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Info {
            checksum: String,
        }
        let Info { checksum } = self.call("getdescriptorinfo", json!([descriptor]))?;
        Ok(format!("{descriptor}#{checksum}"))
    }
}
