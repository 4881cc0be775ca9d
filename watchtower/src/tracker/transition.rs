//! How blocks and transactions change a view, and what happened thereby.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, Transaction, TxOut, Txid};
use policies::Keychain;

use super::{Block, BlockRef, Change, Coin, Placement, SpentCoin, TrackedTransaction, View};

impl View {
    /// Connects the next block of the active chain.
    ///
    /// The view holds what [`needs`](super::needs) named, and every coin and transaction due to settle at this
    /// height.
    pub fn connect(&mut self, block: &Block) -> Vec<Change> {
        let mut changes = Vec::new();
        for transaction in &block.transactions {
            self.place(transaction, Some(block.at()), &mut changes);
        }
        self.settle(block.height, &mut changes);
        changes
    }

    /// Disconnects the tip of the active chain. The view holds every coin confirmed in it, every
    /// tracked transaction in it, and the coins those spend.
    pub fn disconnect(&mut self, block: BlockRef) -> Vec<Change> {
        let mut changes = Vec::new();
        let lost = Placement::Confirmed(block);
        let txids: Vec<Txid> = self
            .transactions
            .iter()
            .filter(|(_, tracked)| tracked.placement == lost)
            .map(|(txid, _)| *txid)
            .collect();
        for txid in &txids {
            let spend = self.spend_in(*txid, block);
            let Some(tracked) = self.transactions.get_mut(txid) else {
                continue;
            };
            let was_settled = std::mem::replace(&mut tracked.settled, false);
            tracked.placement = Placement::Unconfirmed;
            self.touched_transactions.insert(*txid);
            let Some(spend) = spend else { continue };
            for SpentCoin { outpoint, .. } in &spend.coins {
                if let Some(coin) = self.touch_coin(outpoint) {
                    coin.spent_in = None;
                }
            }
            changes.push(Change::SpendReorged {
                spend,
                block,
                was_settled,
            });
        }
        let lost_coins: Vec<OutPoint> = self
            .coins
            .values()
            .filter(|coin| coin.placement == lost)
            .map(|coin| coin.outpoint)
            .collect();
        for outpoint in lost_coins {
            let Some(coin) = self.touch_coin(&outpoint) else {
                continue;
            };
            let before = coin.clone();
            coin.placement = Placement::Unconfirmed;
            coin.settled = false;
            changes.push(Change::CoinReversed {
                coin: before,
                block,
            });
        }
        changes
    }

    /// Reads a block of the active chain again, at or below a tip at this height: what scripts that are watched
    /// by now have in it. What is known of it already changes nothing.
    ///
    /// The view holds what [`needs`](super::needs) named. Blocks are read again in ascending order, so that
    /// coins are known before their spends.
    pub fn rescan(&mut self, block: &Block, tip: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        for transaction in &block.transactions {
            self.place(transaction, Some(block.at()), &mut changes);
        }
        self.settle(tip, &mut changes);
        changes
    }

    /// Puts a transaction where it was seen: in a block, or (with none) in the mempool. One that stands there
    /// already brings only the coins that were not known when it was put there.
    pub(super) fn place(
        &mut self,
        transaction: &Transaction,
        block: Option<BlockRef>,
        changes: &mut Vec<Change>,
    ) {
        let txid = transaction.compute_txid();
        self.remove_conflicts(txid, transaction, changes);
        let spends = transaction
            .input
            .iter()
            .any(|input| self.coins.contains_key(&input.previous_output));
        let pays = transaction
            .output
            .iter()
            .any(|output| self.scripts.contains_key(&output.script_pubkey));
        if !spends && !pays {
            return;
        }
        let placement = block.map_or(Placement::Unconfirmed, Placement::Confirmed);
        let before = self.transactions.get(&txid);
        if block.is_none()
            && before.is_some_and(|before| matches!(before.placement, Placement::Confirmed(_)))
        {
            return;
        }
        let stands = before.is_some_and(|before| before.placement == placement);
        // One that was gone is told of anew: nobody is still warned of it.
        let was_spend = before.is_some_and(|before| {
            before.settle_depth.is_some() && before.placement != Placement::Gone
        });
        if !stands {
            let settle_depth = spends.then(|| self.settle_depth(txid, transaction));
            self.claim(txid, transaction);
            let tracked = TrackedTransaction {
                transaction: transaction.clone(),
                placement,
                settle_depth,
                settled: false,
            };
            self.transactions.insert(txid, tracked);
            self.touched_transactions.insert(txid);
        }
        self.place_spend(txid, transaction, (block, was_spend), changes);
        for (vout, output) in (0..).zip(&transaction.output) {
            let outpoint = OutPoint { txid, vout };
            self.place_coin(outpoint, output, transaction, placement, changes);
        }
    }

    /// Marks the coins that it spends, unless they are marked, and tells of those.
    fn place_spend(
        &mut self,
        txid: Txid,
        transaction: &Transaction,
        (block, was_spend): (Option<BlockRef>, bool),
        changes: &mut Vec<Change>,
    ) {
        let mut marked = BTreeSet::new();
        for input in &transaction.input {
            let outpoint = input.previous_output;
            let stands = |coin: &Coin| coin.spent_by == Some(txid) && coin.spent_in == block;
            if self.coins.get(&outpoint).is_none_or(stands) {
                continue;
            }
            if let Some(coin) = self.touch_coin(&outpoint) {
                coin.spent_by = Some(txid);
                coin.spent_in = block;
                if block.is_some() {
                    coin.times_spent = coin.times_spent.saturating_add(1);
                }
                marked.insert(outpoint);
            }
        }
        if marked.is_empty() {
            return;
        }
        let depth = self.settle_depth(txid, transaction);
        if let Some(tracked) = self.transactions.get_mut(&txid)
            && !tracked.settled
            && tracked.settle_depth != Some(depth)
        {
            tracked.settle_depth = Some(depth);
            self.touched_transactions.insert(txid);
        }
        let Some(mut spend) = self.spend(txid) else {
            return;
        };
        spend.coins.retain(|coin| marked.contains(&coin.outpoint));
        let history = block.is_some_and(|block| spend.coins.iter().all(|c| c.is_history(block)));
        if !was_spend && !spend.known && !history {
            changes.push(Change::SpendUnknown {
                spend: spend.clone(),
            });
        }
        changes.push(match block {
            Some(block) => Change::SpendConfirmed { spend, block },
            None => Change::SpendSeen { spend },
        });
    }

    fn place_coin(
        &mut self,
        outpoint: OutPoint,
        output: &TxOut,
        transaction: &Transaction,
        placement: Placement,
        changes: &mut Vec<Change>,
    ) {
        let Some(script) = self.scripts.get(&output.script_pubkey).cloned() else {
            return;
        };
        let spends_of_this_vault = transaction.input.iter().any(|input| {
            self.coins
                .get(&input.previous_output)
                .is_some_and(|coin| coin.script.vault == script.vault)
        });
        let minimum = self.minimums.get(&script.vault).copied();
        let change = script.keychain == Keychain::Internal && spends_of_this_vault;
        let coin = self.coins.entry(outpoint).or_insert_with(|| Coin {
            outpoint,
            amount: output.value,
            coinbase: transaction.is_coinbase(),
            change,
            // Decided here and never again, so that whatever is reversed mirrors what was booked.
            below_minimum: !change && minimum.is_some_and(|minimum| output.value < minimum),
            script,
            placement: Placement::Gone,
            settled: false,
            spent_by: None,
            spent_in: None,
            times_confirmed: 0,
            times_spent: 0,
        });
        if coin.placement == placement {
            return;
        }
        self.touched_coins.insert(outpoint);
        let before = std::mem::replace(&mut coin.placement, placement);
        match placement {
            Placement::Confirmed(block) => {
                coin.times_confirmed = coin.times_confirmed.saturating_add(1);
                changes.push(Change::CoinConfirmed {
                    coin: coin.clone(),
                    block,
                });
            }
            Placement::Unconfirmed if before == Placement::Gone => {
                changes.push(Change::CoinSeen { coin: coin.clone() });
            }
            Placement::Unconfirmed | Placement::Gone => {}
        }
    }

    /// Other unconfirmed transactions that spend an input of this one are replaced by it.
    fn remove_conflicts(
        &mut self,
        txid: Txid,
        transaction: &Transaction,
        changes: &mut Vec<Change>,
    ) {
        let rivals: BTreeSet<Txid> = transaction
            .input
            .iter()
            .filter_map(|input| self.claims.get(&input.previous_output))
            .flatten()
            .copied()
            .filter(|rival| *rival != txid)
            .collect();
        for rival in rivals {
            self.remove(rival, Some(txid), changes);
        }
    }

    /// Marks an unconfirmed transaction as gone, with its coins and its hold on others. One that is replaced takes
    /// those along that spend what it would have made.
    pub(super) fn remove(&mut self, txid: Txid, by: Option<Txid>, changes: &mut Vec<Change>) {
        let Some(tracked) = self.transactions.get_mut(&txid) else {
            return;
        };
        if tracked.placement != Placement::Unconfirmed {
            return;
        }
        tracked.placement = Placement::Gone;
        let outputs = tracked.transaction.output.len();
        self.touched_transactions.insert(txid);
        if let Some(spend) = self.spend(txid) {
            for SpentCoin { outpoint, .. } in &spend.coins {
                if let Some(coin) = self.touch_coin(outpoint)
                    && coin.spent_by == Some(txid)
                {
                    coin.spent_by = None;
                }
            }
            changes.push(Change::SpendDropped { spend, by });
        }
        for vout in (0..).take(outputs) {
            if let Some(coin) = self.touch_coin(&OutPoint { txid, vout }) {
                coin.placement = Placement::Gone;
                let coin = coin.clone();
                changes.push(match by {
                    Some(by) => Change::CoinReplaced { coin, by },
                    None => Change::CoinDropped { coin },
                });
            }
        }
        if by.is_some() {
            let children: BTreeSet<Txid> = (0..)
                .take(outputs)
                .filter_map(|vout| self.claims.get(&OutPoint { txid, vout }))
                .flatten()
                .copied()
                .collect();
            for child in children {
                self.remove(child, by, changes);
            }
        }
    }

    fn settle(&mut self, height: u32, changes: &mut Vec<Change>) {
        let due: Vec<OutPoint> = self
            .coins
            .values()
            .filter(|coin| !coin.settled && coin.settle_height().is_some_and(|at| at <= height))
            .map(|coin| coin.outpoint)
            .collect();
        for outpoint in due {
            let Some(coin) = self.touch_coin(&outpoint) else {
                continue;
            };
            coin.settled = true;
            if let Some(block) = coin.placement.block() {
                changes.push(Change::CoinSettled {
                    coin: coin.clone(),
                    block,
                });
            }
        }
        let due: Vec<(Txid, BlockRef)> = self
            .transactions
            .iter()
            .filter(|(_, tracked)| {
                !tracked.settled && tracked.settle_height().is_some_and(|at| at <= height)
            })
            .filter_map(|(txid, tracked)| Some((*txid, tracked.placement.block()?)))
            .collect();
        for (txid, block) in due {
            if let Some(tracked) = self.transactions.get_mut(&txid) {
                tracked.settled = true;
                self.touched_transactions.insert(txid);
            }
            if let Some(spend) = self.spend(txid) {
                changes.push(Change::SpendSettled { spend, block });
            }
        }
    }
}
