//! The part of the state that a block or a mempool touches, and how they change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::{Amount, OutPoint, Script, ScriptBuf, Transaction, Txid};
use policies::VaultId;

use super::coin::settle_height;
use super::{BlockRef, Coin, Placement, Spend, SpentCoin, WatchedScript};

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
    pub(super) scripts: HashMap<ScriptBuf, WatchedScript>,
    pub(super) minimums: HashMap<VaultId, Amount>,
    pub(super) coins: BTreeMap<OutPoint, Coin>,
    pub(super) transactions: BTreeMap<Txid, TrackedTransaction>,
    pub(super) outgoing: HashMap<Txid, OutgoingTerms>,
    pub(super) expected: BTreeSet<Txid>,
    pub(super) claims: HashMap<OutPoint, BTreeSet<Txid>>,
    pub(super) touched_coins: BTreeSet<OutPoint>,
    pub(super) touched_transactions: BTreeSet<Txid>,
}

impl View {
    /// Adds a watched script.
    pub fn add_script(&mut self, script: WatchedScript) {
        self.scripts.insert(script.script_pubkey.clone(), script);
    }

    /// Says below which amount a vault's deposits are credited to nobody.
    pub fn set_minimum(&mut self, vault: VaultId, minimum: Amount) {
        self.minimums.insert(vault, minimum);
    }

    /// Watches these of the scripts only.
    #[cfg(test)]
    pub(super) fn keep_scripts(&mut self, kept: impl Fn(&WatchedScript) -> bool) {
        self.scripts.retain(|_, script| kept(script));
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

    /// Adds a transaction that the owner of this watchtower says to know of.
    pub fn add_expected(&mut self, txid: Txid) {
        self.expected.insert(txid);
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

    /// The depth of a spend: as handed over, or that of its deepest coin.
    pub(super) fn settle_depth(&self, txid: Txid, transaction: &Transaction) -> u32 {
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
    pub(super) fn spend(&self, txid: Txid) -> Option<Spend> {
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
                history_until: coin.script.history_until,
            })
            .collect();
        let vault = coins.first()?.vault;
        Some(Spend {
            txid,
            vault,
            known: self.outgoing.contains_key(&txid) || self.expected.contains(&txid),
            coins,
        })
    }

    /// The same of the coins only that this block is known to spend: one that a scan found since may be spent there too,
    /// without its having been read yet.
    pub(super) fn spend_in(&self, txid: Txid, block: BlockRef) -> Option<Spend> {
        let mut spend = self.spend(txid)?;
        let is_marked = |spent: &SpentCoin| {
            let coin = self.coins.get(&spent.outpoint);
            coin.is_some_and(|coin| coin.spent_by == Some(txid) && coin.spent_in == Some(block))
        };
        spend.coins.retain(is_marked);
        (!spend.coins.is_empty()).then_some(spend)
    }

    pub(super) fn touch_coin(&mut self, outpoint: &OutPoint) -> Option<&mut Coin> {
        let coin = self.coins.get_mut(outpoint)?;
        self.touched_coins.insert(*outpoint);
        Some(coin)
    }

    pub(super) fn claim(&mut self, txid: Txid, transaction: &Transaction) {
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
