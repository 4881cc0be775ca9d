//! What the chain says of the vault, read block by block over RPC and counted anew from the first one.
//!
//! Invariant: no code of the watchtower is in it, and nothing is remembered of what it found before but the bytes
//! of blocks and transactions. Rules of maturity: `COINBASE_MATURITY` of Bitcoin Core's `consensus/consensus.h`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Amount, Block, BlockHash, OutPoint, ScriptBuf, Transaction, Txid};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Bitcoind, Failure};

/// Confirmations before a coinbase's output may be spent.
const MATURITY: u32 = 100;

/// A script of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adversaries) struct Ours {
    /// Whose deposits it takes; nobody's, if it is for change.
    pub(in crate::adversaries) user: Option<String>,
    /// Confirmations at which what it takes is settled.
    pub(in crate::adversaries) depth: u32,
}

/// A block that some node has or had.
#[derive(Debug)]
struct Known {
    previous: BlockHash,
    height: u32,
    /// The height of the highest block known on top of it.
    reach: u32,
    transactions: Vec<Transaction>,
}

/// All blocks and waiting transactions that were ever seen.
#[derive(Debug, Default)]
pub(in crate::adversaries) struct Reader {
    blocks: HashMap<BlockHash, Known>,
    waiting: HashMap<Txid, Transaction>,
}

/// An output that pays the vault, in the active chain or in the mempool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adversaries) struct Coin {
    pub(in crate::adversaries) amount: Amount,
    pub(in crate::adversaries) script: ScriptBuf,
    pub(in crate::adversaries) user: Option<String>,
    pub(in crate::adversaries) change: bool,
    /// Its block, if it is in one.
    pub(in crate::adversaries) block: Option<(u32, BlockHash)>,
    /// Whether it is as deep as its script wants it.
    pub(in crate::adversaries) settled: bool,
    /// What spends it, in a block or in the mempool.
    pub(in crate::adversaries) spent_by: Option<Txid>,
    /// Whether that is in a block.
    pub(in crate::adversaries) spent: bool,
}

/// Everything at one tip.
#[derive(Debug, Default)]
pub(in crate::adversaries) struct Truth {
    pub(in crate::adversaries) height: u32,
    pub(in crate::adversaries) coins: BTreeMap<OutPoint, Coin>,
    /// The height of each transaction in the active chain.
    pub(in crate::adversaries) placed: HashMap<Txid, u32>,
    pub(in crate::adversaries) mempool: BTreeSet<Txid>,
    /// Every outpoint that the active chain or the mempool spends, and what does.
    pub(in crate::adversaries) spends: HashMap<OutPoint, Txid>,
    /// What the active chain pays to scripts that are not the vault's, out of the vault.
    pub(in crate::adversaries) paid_out: Vec<(Txid, ScriptBuf, Amount)>,
    /// What it pays to miners, out of the vault.
    pub(in crate::adversaries) fees: Amount,
}

#[derive(Deserialize)]
struct Tip {
    hash: BlockHash,
    status: String,
}

impl Reader {
    /// Reads every block of every branch that a node has.
    pub(in crate::adversaries) fn learn(&mut self, node: &Bitcoind) -> Result<(), Failure> {
        let tips: Vec<Tip> = node.call("getchaintips", json!([]))?;
        for tip in tips {
            if tip.status != "headers-only" {
                self.learn_branch(node, tip.hash)?;
            }
        }
        Ok(())
    }

    fn learn_branch(&mut self, node: &Bitcoind, tip: BlockHash) -> Result<(), Failure> {
        let mut new = Vec::new();
        let mut hash = tip;
        while !self.blocks.contains_key(&hash) {
            let Ok(Value::String(raw)) = node.try_call("getblock", json!([hash, 0]))? else {
                break;
            };
            let block: Block = deserialize_hex(&raw)?;
            let previous = block.header.prev_blockhash;
            new.push((hash, previous, block.txdata));
            hash = previous;
        }
        for (hash, previous, transactions) in new.into_iter().rev() {
            let height = self
                .blocks
                .get(&previous)
                .map_or(0, |block| block.height + 1);
            let known = Known {
                previous,
                height,
                reach: height,
                transactions,
            };
            self.blocks.insert(hash, known);
            let mut below = previous;
            while let Some(block) = self.blocks.get_mut(&below) {
                if block.reach >= height {
                    break;
                }
                block.reach = height;
                below = block.previous;
            }
        }
        Ok(())
    }

    /// Counts everything anew at the node's tip.
    pub(in crate::adversaries) fn count(
        &mut self,
        node: &Bitcoind,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) -> Result<Truth, Failure> {
        loop {
            let tip = node.best_block()?;
            let mempool: BTreeSet<Txid> = node.mempool()?.into_iter().collect();
            if self.fetch(node, &mempool)? && node.best_block()? == tip {
                self.learn_branch(node, tip)?;
                return Ok(self.count_at(tip, mempool, ours));
            }
        }
    }

    /// Fetches what waits; false if some of it is gone already.
    fn fetch(&mut self, node: &Bitcoind, mempool: &BTreeSet<Txid>) -> Result<bool, Failure> {
        for txid in mempool {
            if self.waiting.contains_key(txid) {
                continue;
            }
            let Ok(Value::String(raw)) = node.try_call("getrawtransaction", json!([txid]))? else {
                return Ok(false);
            };
            self.waiting.insert(*txid, deserialize_hex(&raw)?);
        }
        Ok(true)
    }

    fn count_at(
        &self,
        tip: BlockHash,
        mempool: BTreeSet<Txid>,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) -> Truth {
        let mut truth = Truth {
            height: self.blocks.get(&tip).map_or(0, |block| block.height),
            ..Truth::default()
        };
        for hash in self.chain(tip) {
            let block = &self.blocks[&hash];
            for transaction in &block.transactions {
                truth.take(transaction, Some((block.height, hash)), ours);
                truth
                    .placed
                    .insert(transaction.compute_txid(), block.height);
            }
        }
        // A child may stand before its parent here: outputs first.
        let waiting: Vec<&Transaction> = mempool.iter().map(|txid| &self.waiting[txid]).collect();
        for transaction in &waiting {
            truth.take_outputs(transaction, None, ours);
        }
        for transaction in &waiting {
            truth.take(transaction, None, ours);
        }
        truth.mempool = mempool;
        truth
    }

    /// The blocks from the first one to a tip.
    fn chain(&self, tip: BlockHash) -> Vec<BlockHash> {
        let mut chain = Vec::new();
        let mut hash = tip;
        while let Some(block) = self.blocks.get(&hash) {
            chain.push(hash);
            hash = block.previous;
        }
        chain.reverse();
        chain
    }

    /// Where a branch leaves the chain to a tip: the height of the last common block.
    pub(in crate::adversaries) fn fork(&self, branch: BlockHash, tip: BlockHash) -> Option<u32> {
        let chain: BTreeSet<BlockHash> = self.chain(tip).into_iter().collect();
        let mut hash = branch;
        while !chain.contains(&hash) {
            hash = self.blocks.get(&hash)?.previous;
        }
        Some(self.blocks.get(&hash)?.height)
    }

    /// The first block of a branch above a height.
    pub(in crate::adversaries) fn root(&self, branch: BlockHash, above: u32) -> Option<BlockHash> {
        let mut hash = branch;
        loop {
            let block = self.blocks.get(&hash)?;
            if block.height == above + 1 {
                return Some(hash);
            }
            hash = block.previous;
        }
    }

    /// The height of a block, and how many confirmations what it holds ever had, if the block is known.
    pub(in crate::adversaries) fn confirmations(&self, block: BlockHash) -> Option<u32> {
        self.blocks
            .get(&block)
            .map(|block| block.reach - block.height + 1)
    }

    /// Whether a block holds a transaction.
    pub(in crate::adversaries) fn holds(&self, block: BlockHash, txid: Txid) -> bool {
        self.blocks.get(&block).is_some_and(|block| {
            let mut transactions = block.transactions.iter();
            transactions.any(|transaction| transaction.compute_txid() == txid)
        })
    }

    /// Whether a transaction of a block is a coinbase.
    pub(in crate::adversaries) fn is_coinbase(&self, block: BlockHash, txid: Txid) -> bool {
        self.blocks.get(&block).is_some_and(|block| {
            let first = block.transactions.first();
            first.is_some_and(|first| first.compute_txid() == txid)
        })
    }
}

/// Confirmations at which a coin is settled.
pub(in crate::adversaries) fn depth_of(ours: &Ours, coinbase: bool) -> u32 {
    if coinbase {
        ours.depth.max(MATURITY)
    } else {
        ours.depth
    }
}

impl Truth {
    fn take(
        &mut self,
        transaction: &Transaction,
        block: Option<(u32, BlockHash)>,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) {
        let txid = transaction.compute_txid();
        let mut taken = None;
        for input in &transaction.input {
            self.spends.insert(input.previous_output, txid);
            if let Some(coin) = self.coins.get_mut(&input.previous_output) {
                coin.spent_by = Some(txid);
                coin.spent = block.is_some();
                taken = Some(taken.unwrap_or(Amount::ZERO) + coin.amount);
            }
        }
        self.take_outputs(transaction, block, ours);
        let Some(taken) = taken else { return };
        let mut rest = taken;
        for (vout, output) in (0..).zip(&transaction.output) {
            if let Some(coin) = self.coins.get_mut(&OutPoint::new(txid, vout)) {
                coin.change = coin.user.is_none();
            } else if block.is_some() {
                let paid = (txid, output.script_pubkey.clone(), output.value);
                self.paid_out.push(paid);
            }
            // Whoever else pays into it pays the fee as well: then this is no transaction of ours, which shows.
            rest = rest.checked_sub(output.value).unwrap_or(Amount::ZERO);
        }
        if block.is_some() {
            self.fees += rest;
        }
    }

    fn take_outputs(
        &mut self,
        transaction: &Transaction,
        block: Option<(u32, BlockHash)>,
        ours: &BTreeMap<ScriptBuf, Ours>,
    ) {
        let txid = transaction.compute_txid();
        let coinbase = transaction.is_coinbase();
        for (vout, output) in (0..).zip(&transaction.output) {
            let Some(own) = ours.get(&output.script_pubkey) else {
                continue;
            };
            let confirmations = block.map_or(0, |(height, _)| self.height - height + 1);
            let coin = Coin {
                amount: output.value,
                script: output.script_pubkey.clone(),
                user: own.user.clone(),
                change: false,
                block,
                settled: block.is_some() && confirmations >= depth_of(own, coinbase),
                spent_by: None,
                spent: false,
            };
            self.coins.entry(OutPoint::new(txid, vout)).or_insert(coin);
        }
    }

    /// What the active chain holds for the vault, unspent.
    pub(in crate::adversaries) fn unspent(&self) -> impl Iterator<Item = (&OutPoint, &Coin)> {
        let coins = self.coins.iter();
        coins.filter(|(_, coin)| coin.block.is_some() && !coin.spent)
    }

    /// What every account of the books must come to: debits less credits, in satoshi.
    pub(in crate::adversaries) fn accounts(&self) -> BTreeMap<String, i128> {
        let sat = |amount: Amount| i128::from(amount.to_sat());
        let mut accounts = BTreeMap::new();
        let mut add = |account: String, amount: i128| {
            *accounts.entry(account).or_insert(0) += amount;
        };
        for (_, coin) in self.unspent() {
            add("coins".to_owned(), sat(coin.amount));
        }
        let deposits = self.coins.values().filter(|coin| !coin.change);
        for coin in deposits.filter(|coin| coin.block.is_some()) {
            let account = match (&coin.user, coin.settled) {
                (_, false) => "deposits_pending".to_owned(),
                (Some(user), true) => format!("deposits_settled/{user}"),
                (None, true) => "deposits_settled".to_owned(),
            };
            add(account, -sat(coin.amount));
        }
        for (_, _, amount) in &self.paid_out {
            add("withdrawals".to_owned(), sat(*amount));
        }
        add("fees".to_owned(), sat(self.fees));
        accounts.retain(|_, amount| *amount != 0);
        accounts
    }

    /// Whether a transaction that spends these could be in the mempool or the chain: each is there, and nothing
    /// else spends it.
    pub(in crate::adversaries) fn is_possible(&self, txid: Txid, inputs: &[OutPoint]) -> bool {
        inputs.iter().all(|input| {
            let there = self.coins.contains_key(input);
            let spent_by = self.spends.get(input);
            there && spent_by.is_none_or(|by| *by == txid)
        })
    }

    /// Whether a transaction is in the active chain.
    pub(in crate::adversaries) fn is_placed(&self, txid: Txid) -> bool {
        self.placed.contains_key(&txid)
    }
}
