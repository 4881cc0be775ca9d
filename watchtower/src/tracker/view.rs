//! The part of the state that a block or a mempool touches, and how they change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::{OutPoint, Script, ScriptBuf, Transaction, TxOut, Txid};
use policies::Keychain;

use super::coin::settle_height;
use super::{Block, BlockRef, Change, Coin, Placement, Spend, SpentCoin, WatchedScript};

/// What must be looked up before transactions can be judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Output scripts that may be watched.
    pub scripts: BTreeSet<ScriptBuf>,
    /// Transactions whose coins are spent or created, or whose place changes.
    pub txids: BTreeSet<Txid>,
    /// Outpoints spent: coins, and claims of other tracked transactions on them.
    pub spent: BTreeSet<OutPoint>,
}

/// What must be looked up for these transactions.
pub fn needs<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> Needs {
    let mut needs = Needs::default();
    for transaction in transactions {
        needs.txids.insert(transaction.compute_txid());
        needs.spent.extend(
            transaction
                .input
                .iter()
                .map(|input| input.previous_output)
                .filter(|o| !o.is_null()),
        );
        needs.scripts.extend(
            transaction
                .output
                .iter()
                .filter(|output| can_be_watched(&output.script_pubkey))
                .map(|output| output.script_pubkey.clone()),
        );
    }
    needs
}

/// Whether a vault can have such a script: segwit v0 and taproot only.
fn can_be_watched(script: &Script) -> bool {
    script.is_p2wsh() || script.is_p2tr() || script.is_p2wpkh()
}

/// What the coordinator asked for when it handed a transaction over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutgoingTerms {
    /// Confirmations at which the transaction is settled.
    pub settle_depth: u32,
}

/// A transaction that pays a watched script or spends a coin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedTransaction {
    /// The whole transaction.
    pub transaction: Transaction,
    /// Where it stands.
    pub placement: Placement,
    /// Confirmations at which it is settled; none if it spends no coin.
    pub settle_depth: Option<u32>,
    /// Whether it has reached that depth.
    pub settled: bool,
}

impl TrackedTransaction {
    /// The tip's height at which it is settled, if it spends coins and is confirmed.
    pub fn settle_height(&self) -> Option<u32> {
        let block = self.placement.block()?;
        self.settle_depth
            .map(|depth| settle_height(block.height, depth))
    }
}

/// The looked-up state, changed in place; what was touched is to be written back.
#[derive(Debug, Clone, Default)]
pub struct View {
    scripts: HashMap<ScriptBuf, WatchedScript>,
    coins: BTreeMap<OutPoint, Coin>,
    transactions: BTreeMap<Txid, TrackedTransaction>,
    outgoing: HashMap<Txid, OutgoingTerms>,
    claims: HashMap<OutPoint, BTreeSet<Txid>>,
    touched_coins: BTreeSet<OutPoint>,
    touched_transactions: BTreeSet<Txid>,
}

impl View {
    /// Adds a watched script.
    pub fn add_script(&mut self, script: WatchedScript) {
        self.scripts.insert(script.script_pubkey.clone(), script);
    }

    /// Adds a coin.
    pub fn add_coin(&mut self, coin: Coin) {
        self.coins.insert(coin.outpoint, coin);
    }

    /// Adds a tracked transaction.
    pub fn add_transaction(&mut self, txid: Txid, tracked: TrackedTransaction) {
        self.claim(txid, &tracked.transaction);
        self.transactions.insert(txid, tracked);
    }

    /// Adds a transaction handed over for broadcast.
    pub fn add_outgoing(&mut self, txid: Txid, terms: OutgoingTerms) {
        self.outgoing.insert(txid, terms);
    }

    /// The coins in the view.
    pub fn coins(&self) -> impl Iterator<Item = &Coin> {
        self.coins.values()
    }

    /// The tracked transactions in the view.
    pub fn transactions(&self) -> impl Iterator<Item = (&Txid, &TrackedTransaction)> {
        self.transactions.iter()
    }

    /// The coins that have changed and are to be written back.
    pub fn touched_coins(&self) -> impl Iterator<Item = &Coin> {
        self.touched_coins
            .iter()
            .filter_map(|outpoint| self.coins.get(outpoint))
    }

    /// The transactions that have changed and are to be written back.
    pub fn touched_transactions(&self) -> impl Iterator<Item = (&Txid, &TrackedTransaction)> {
        self.touched_transactions
            .iter()
            .filter_map(|txid| self.transactions.get_key_value(txid))
    }

    /// Connects the next block of the active chain.
    ///
    /// The view holds what [`needs`] named, and every coin and transaction due to settle at this
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
            let spend = self.spend(*txid);
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

    /// Puts a transaction where it was seen: in a block, or (with none) in the mempool.
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
        let before = self
            .transactions
            .get(&txid)
            .map(|tracked| tracked.placement);
        if before == Some(placement)
            || (block.is_none() && matches!(before, Some(Placement::Confirmed(_))))
        {
            return;
        }
        let settle_depth = spends.then(|| self.settle_depth(txid, transaction));
        self.claim(txid, transaction);
        self.transactions.insert(
            txid,
            TrackedTransaction {
                transaction: transaction.clone(),
                placement,
                settle_depth,
                settled: false,
            },
        );
        self.touched_transactions.insert(txid);
        if spends {
            self.place_spend(txid, transaction, block, before.is_none(), changes);
        }
        for (vout, output) in (0..).zip(&transaction.output) {
            let outpoint = OutPoint { txid, vout };
            self.place_coin(outpoint, output, transaction, placement, changes);
        }
    }

    fn place_spend(
        &mut self,
        txid: Txid,
        transaction: &Transaction,
        block: Option<BlockRef>,
        first_sight: bool,
        changes: &mut Vec<Change>,
    ) {
        for input in &transaction.input {
            if let Some(coin) = self.touch_coin(&input.previous_output) {
                coin.spent_by = Some(txid);
                coin.spent_in = block;
                if block.is_some() {
                    coin.times_spent = coin.times_spent.saturating_add(1);
                }
            }
        }
        let Some(spend) = self.spend(txid) else {
            return;
        };
        if first_sight && !spend.known {
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
        self.touched_coins.insert(outpoint);
        let coin = self.coins.entry(outpoint).or_insert_with(|| Coin {
            outpoint,
            amount: output.value,
            coinbase: transaction.is_coinbase(),
            change: script.keychain == Keychain::Internal && spends_of_this_vault,
            script,
            placement: Placement::Gone,
            settled: false,
            spent_by: None,
            spent_in: None,
            times_confirmed: 0,
            times_spent: 0,
        });
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

    /// Marks an unconfirmed transaction as gone, with its coins and its hold on others.
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

    /// The depth of a spend: as handed over, or that of its deepest coin.
    fn settle_depth(&self, txid: Txid, transaction: &Transaction) -> u32 {
        self.outgoing.get(&txid).map_or_else(
            || {
                transaction
                    .input
                    .iter()
                    .filter_map(|input| self.coins.get(&input.previous_output))
                    .map(|coin| coin.script.settle_depth)
                    .max()
                    .unwrap_or(1)
            },
            |terms| terms.settle_depth,
        )
    }

    /// A tracked transaction as a spend, if it spends a coin.
    fn spend(&self, txid: Txid) -> Option<Spend> {
        let tracked = self.transactions.get(&txid)?;
        let coins: Vec<SpentCoin> = tracked
            .transaction
            .input
            .iter()
            .filter_map(|input| self.coins.get(&input.previous_output))
            .map(|coin| SpentCoin {
                outpoint: coin.outpoint,
                vault: coin.script.vault,
                amount: coin.amount,
                times_spent: coin.times_spent,
            })
            .collect();
        let vault = coins.first()?.vault;
        Some(Spend {
            txid,
            vault,
            known: self.outgoing.contains_key(&txid),
            coins,
        })
    }

    fn touch_coin(&mut self, outpoint: &OutPoint) -> Option<&mut Coin> {
        let coin = self.coins.get_mut(outpoint)?;
        self.touched_coins.insert(*outpoint);
        Some(coin)
    }

    fn claim(&mut self, txid: Txid, transaction: &Transaction) {
        for input in &transaction.input {
            if !input.previous_output.is_null() {
                self.claims
                    .entry(input.previous_output)
                    .or_default()
                    .insert(txid);
            }
        }
    }
}
