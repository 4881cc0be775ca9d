//! Looks at the node's mempool: what is new there, and what of ours is not there any more.

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::planted::steps::Step;

use super::{RoundError, Worker};
use crate::clock;
use crate::store::{chain, outgoing};

impl Worker {
    /// Takes in the mempool, if it was observed at our tip.
    pub(super) async fn look_at_mempool(&mut self) -> Result<(), RoundError> {
        let Some(tip) = self.tip().await? else {
            return Ok(());
        };
        let present: BTreeSet<Txid> = self.client.mempool().await?.into_iter().collect();
        // Asked after the list: had a block come between, its transactions would seem to be gone.
        if self.client.best_block_hash().await? != tip.hash {
            return Ok(());
        }
        let unseen: Vec<Txid> = present.difference(&self.examined).copied().collect();
        let left = self.examined.difference(&present).next().is_some();
        if unseen.is_empty() && !left && self.mempool_tip == Some(tip.hash) {
            return Ok(());
        }
        let new = self.client.mempool_transactions(&unseen).await?;
        let fetched: BTreeSet<Txid> = new.iter().map(bitcoin::Transaction::compute_txid).collect();
        let mut tx = self.write().await?;
        let changes =
            chain::observe_mempool(&mut tx, tip.hash, &present, new, clock::now()).await?;
        if !changes.is_empty() {
            tx.mark(Step::Seen);
            // What ours spend may be back, or what kept ours out may be gone: its turn may be long from now.
            outgoing::send_again(&mut tx, clock::now()).await?;
        }
        tx.commit().await?;
        if !changes.is_empty() {
            tracing::debug!(changes = changes.len(), "mempool taken in");
        }
        // What could not be fetched is looked at again if it is still there.
        self.examined = present
            .into_iter()
            .filter(|txid| self.examined.contains(txid) || fetched.contains(txid))
            .collect();
        self.mempool_tip = Some(tip.hash);
        Ok(())
    }
}
