//! One comparison of books, tracker and node that is going on, some coins at a time.
//!
//! Invariant: everything in `seen` is true of the node's UTXO set at `tip`. A coin that was seen at an earlier tip is
//! still unspent at a later one exactly where no block between them spends it; those blocks are asked of the node, and
//! not of the books, which are what is proved.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;
use policies::VaultId;

use super::{RoundError, Worker};
use crate::bitcoind::UnspentOutput;
use crate::store::coins;
use crate::tracker::BlockRef;

/// Coins that are asked for before tip, lease and time are looked at again.
const CHUNK: usize = 500;
/// Blocks that may come between two looks, unless everything is asked for again.
const BLOCKS: u32 = 12;

/// A comparison that is going on. It may be lost with its process.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) vault: VaultId,
    /// The request that it answers.
    pub(super) request: Option<u64>,
    /// Whether the request's scan of the node's whole UTXO set belongs to it.
    pub(super) deep: bool,
    /// The tip of what was seen.
    pub(super) tip: Option<BlockRef>,
    /// What the node has of the coins, as far as it was asked.
    pub(super) seen: BTreeMap<OutPoint, Option<UnspentOutput>>,
    /// What is still to be asked for.
    pub(super) left: Vec<OutPoint>,
}

impl Comparison {
    pub(super) fn new(vault: VaultId, request: Option<u64>, deep: bool) -> Self {
        Self {
            vault,
            request,
            deep,
            tip: None,
            seen: BTreeMap::new(),
            left: Vec::new(),
        }
    }
}

impl Worker {
    /// Brings what was seen to the books' tip, and lists what is to be asked for there.
    pub(super) async fn bring_to(
        &self,
        comparison: &mut Comparison,
        tip: BlockRef,
    ) -> Result<(), RoundError> {
        let spent = match comparison.tip {
            Some(from) => self.spent_between(from, tip).await?,
            None => None,
        };
        match spent {
            Some(spent) => comparison
                .seen
                .retain(|outpoint, found| found.is_some() && !spent.contains(outpoint)),
            None => comparison.seen.clear(),
        }
        let mut tx = self.database.begin_read().await?;
        let held = coins::confirmed_unspent(&mut tx, comparison.vault).await?;
        comparison.left = held
            .into_iter()
            .map(|coin| coin.outpoint)
            .filter(|outpoint| !comparison.seen.contains_key(outpoint))
            .collect();
        comparison.tip = Some(tip);
        Ok(())
    }

    /// What the node's blocks after one spend, up to another; none where they do not follow on it, or are many.
    async fn spent_between(
        &self,
        from: BlockRef,
        to: BlockRef,
    ) -> Result<Option<BTreeSet<OutPoint>>, RoundError> {
        let way = to.height.checked_sub(from.height);
        let Some(way) = way.filter(|way| *way <= BLOCKS) else {
            return Ok(None);
        };
        let (mut spent, mut hash) = (BTreeSet::new(), to.hash);
        for _ in 0..way {
            let block = self.client.block(hash).await?;
            let inputs = block.txdata.iter().flat_map(|one| &one.input);
            spent.extend(inputs.map(|input| input.previous_output));
            hash = block.header.prev_blockhash;
        }
        Ok((hash == from.hash).then_some(spent))
    }

    /// Asks the node for some coins; false where its tip is another one, and what it said of no use.
    pub(super) async fn ask_for_some(
        &self,
        comparison: &mut Comparison,
        tip: BlockRef,
    ) -> Result<bool, RoundError> {
        let kept = comparison.left.len().saturating_sub(CHUNK);
        let part = comparison.left.get(kept..).unwrap_or_default();
        let found = self.client.unspent_outputs(part).await?;
        // A node that came from another tip and back meanwhile would have said so of each output that it has.
        let strays = found.iter().flatten().any(|output| output.tip != tip.hash);
        if strays || self.client.best_block_hash().await? != tip.hash {
            return Ok(false);
        }
        let part = comparison.left.split_off(kept);
        comparison.seen.extend(part.into_iter().zip(found));
        Ok(true)
    }
}
