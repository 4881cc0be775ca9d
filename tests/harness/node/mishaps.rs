//! What befalls nodes: partitions, power cuts, mempools that are lost or full, branches that come back.

use std::fs;

use bitcoin::script::PushBytesBuf;
use bitcoin::{
    Address, Amount, BlockHash, Denomination, Network, OutPoint, ScriptBuf, Transaction, TxOut,
};
use serde_json::{Value, json};

use super::purse::{Coin, outputs_of};
use super::{Bitcoind, answers, spawn};
use crate::{Failure, LONG, SHORT, wait_until};

/// Bytes of data in each transaction that fills a mempool: near what one cluster may be.
const FILLING: usize = 90_000;
/// So many of them are more than the smallest mempool holds.
const FILLINGS: u32 = 70;
/// What each pays more than the one before, so that it pushes that one out.
const FILLING_STEP: Amount = Amount::from_sat(10_000);

impl Bitcoind {
    /// Starts a node whose mempool is as small as can be, with money.
    pub fn start_with_small_mempool() -> Result<Self, Failure> {
        let node = Self::start_on(&["-regtest".to_owned(), "-maxmempool=5".to_owned()])?;
        node.mine(super::FIRST_BLOCKS)?;
        Ok(node)
    }

    /// Takes a block, and what is built on it, out of the active chain; returns whether it was there.
    pub fn invalidate(&self, block: BlockHash) -> Result<bool, Failure> {
        Ok(self.try_call("invalidateblock", json!([block]))?.is_ok())
    }

    /// Lets a block that was taken out count again; returns whether the node knows it.
    pub fn reconsider(&self, block: BlockHash) -> Result<bool, Failure> {
        Ok(self.try_call("reconsiderblock", json!([block]))?.is_ok())
    }

    /// The block of the active chain at a height.
    pub fn block_at(&self, height: u32) -> Result<BlockHash, Failure> {
        self.call("getblockhash", json!([height]))
    }

    /// Mines one block to a script that nobody spends from, with nothing of the mempool.
    pub fn mine_nothing(&self) -> Result<BlockHash, Failure> {
        self.mine_exactly(&[])
    }

    /// Ends every connection between two nodes.
    pub fn part(&self, other: &Self) -> Result<(), Failure> {
        wait_until("both nodes to be alone", SHORT, || {
            let mut alone = true;
            for node in [self, other] {
                let peers: Vec<Value> = node.call("getpeerinfo", json!([]))?;
                for peer in peers {
                    alone = false;
                    let id = &peer["id"];
                    // It may have gone by itself.
                    drop(node.try_call("disconnectnode", json!(["", id]))?);
                }
            }
            Ok(alone.then_some(()))
        })
    }

    /// Connects two nodes until both follow the chain with more work, which one of them must have.
    pub fn unite(&self, other: &Self) -> Result<(), Failure> {
        if self.height()? == other.height()? && self.best_block()? != other.best_block()? {
            self.mine_nothing()?;
        }
        other.call::<()>("addnode", json!([self.peer_address, "onetry"]))?;
        wait_until("both nodes to agree on the best block", LONG, || {
            Ok((self.best_block()? == other.best_block()?).then_some(()))
        })
    }

    /// Stops it and starts it again without what waited in its mempool.
    pub fn lose_mempool(&mut self) -> Result<(), Failure> {
        self.pause()?;
        let file = self.folder.path().join("regtest").join("mempool.dat");
        if file.exists() {
            fs::remove_file(file)?;
        }
        self.resume()
    }

    /// Ends it as a power cut would and starts it again: what it had not written is lost, blocks as well.
    pub fn crash(&mut self) -> Result<(), Failure> {
        self.process.kill()?;
        let peer_port = self.peer_address.rsplit(':').next().unwrap_or_default();
        self.process = spawn(self.folder.path(), &self.chain, self.rpc.port(), peer_port)?;
        answers(&mut self.process, &self.rpc)
    }

    /// Writes all that it has to its disk, so that a power cut loses only what comes after.
    pub fn flush(&self) -> Result<(), Failure> {
        self.call::<Value>("gettxoutsetinfo", json!(["none"]))
            .map(drop)
    }

    /// Fills a small mempool until it pushes out what pays least, and so raises its minimum; that, in satoshi
    /// per 1,000 virtual bytes. The block that prepares it takes nothing of what waits.
    pub fn fill_mempool(&self) -> Result<u64, Failure> {
        let script = self.purse().script().to_owned();
        let address = Address::from_script(&script, Network::Regtest)?;
        let share = Amount::from_sat(5_000_000);
        let shares = vec![(address, share); usize::try_from(FILLINGS)?];
        let prepared = self.funding(&shares)?;
        let txid = prepared.compute_txid();
        self.mine_exactly(&[prepared])?;
        let data = PushBytesBuf::try_from(vec![0x33; FILLING])
            .map_err(|_| Failure::new("so much data fits a push"))?;
        let carrier = TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::new_op_return(&data),
        };
        let mut fee = Amount::from_sat(100_000);
        for vout in 0..FILLINGS {
            let coin = Coin {
                outpoint: OutPoint::new(txid, vout),
                amount: share,
            };
            let filling = self.purse().pay(&[coin], vec![carrier.clone()], fee)?;
            self.broadcast(&filling)?;
            fee += FILLING_STEP;
        }
        let info: Value = self.call("getmempoolinfo", json!([]))?;
        let minimum = info["mempoolminfee"].to_string();
        let minimum = Amount::from_str_in(&minimum, Denomination::Bitcoin)?;
        Ok(minimum.to_sat())
    }

    /// A transaction that pays from the change of `parent`, one of the purse's own that may be unconfirmed.
    pub fn heir(
        &self,
        parent: &Transaction,
        payments: &[(Address, Amount)],
        fee: Amount,
    ) -> Result<Transaction, Failure> {
        let change = parent.output.len().saturating_sub(1);
        let output = &parent.output[change];
        if output.script_pubkey != *self.purse().script() {
            return Err(Failure::new("the parent has no change"));
        }
        let coin = Coin {
            outpoint: OutPoint::new(parent.compute_txid(), u32::try_from(change)?),
            amount: output.value,
        };
        self.purse().pay(&[coin], outputs_of(payments), fee)
    }
}
