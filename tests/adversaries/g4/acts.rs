//! What users, miners and machines do.

use bitcoin::{Amount, BlockHash, OutPoint, Transaction};
use serde_json::json;

use super::plan::{DEEPEST, Step};
use crate::Failure;
use crate::adversaries::chain::truth::Truth;
use crate::adversaries::chain::world::World;

/// What a payment of the purse pays to miners.
const FEE: Amount = Amount::from_sat(20_000);
/// The oldest payment that somebody still spends otherwise, in blocks.
const OLDEST: u32 = 12;
/// Branches that may come back.
const BRANCHES: usize = 8;

impl World {
    /// Does one step.
    pub(super) fn act(&mut self, step: Step) -> Result<(), Failure> {
        self.note(&format!("{step:?}"));
        self.tally.steps += 1;
        match step {
            Step::Pay => self.pay(),
            Step::Mine => {
                let blocks = self.draw.from_to(1, 3);
                self.mine(u32::try_from(blocks)?)
            }
            Step::MineNothing => {
                self.tally.blocks += 1;
                self.treasury.node.mine_nothing().map(drop)
            }
            Step::Coinbase => {
                let script = self.any_address().script_pubkey();
                self.tally.blocks += 1;
                self.treasury.node.mine_to(&script, 1).map(drop)
            }
            Step::Replace => self.replace(),
            Step::DoubleSpend => self.double_spend(),
            Step::Reorg(depth) => {
                let full = self.draw.coin();
                self.reorg(depth, &[], full)
            }
            Step::Return => self.go_back(),
            Step::Partition => self.partition(),
            Step::KillOurs => self.kill_ours(),
            Step::RestartNode => {
                self.tally.outages += 1;
                self.treasury.node.pause()?;
                self.treasury.node.resume()
            }
            Step::LoseMempool => {
                self.tally.outages += 1;
                self.treasury.node.lose_mempool()
            }
            Step::CrashNode => self.crash_node(),
            Step::Withdraw => self.withdraw(),
            Step::SendAgain => self.send_again(),
            Step::Calm => self.calm(),
        }
    }

    /// A user pays to one to three addresses, sometimes dust, sometimes out of what is not yet confirmed.
    fn pay(&mut self) -> Result<(), Failure> {
        let payments: Vec<_> = (0..self.draw.from_to(1, 3))
            .map(|_| {
                let amount = match self.draw.below(8) {
                    0 => self.draw.from_to(400, 2_000),
                    _ => self.draw.from_to(50_000, 20_000_000),
                };
                (self.any_address(), Amount::from_sat(amount))
            })
            .collect();
        let parent = self.payments.last().filter(|_| self.draw.below(6) == 0);
        let heir = parent.and_then(|(parent, _)| {
            let node = &self.treasury.node;
            node.heir(parent, &payments, FEE).ok()
        });
        let payment = match heir {
            Some(heir) => heir,
            None => self.treasury.node.funding(&payments)?,
        };
        self.tally.payments += 1;
        self.send(payment, FEE)
    }

    /// Sends what a user signed; whether the node takes it is the node's business.
    fn send(&mut self, payment: Transaction, fee: Amount) -> Result<(), Failure> {
        let raw = bitcoin::consensus::encode::serialize_hex(&payment);
        let sent = self
            .treasury
            .node
            .try_call("sendrawtransaction", json!([raw]))?;
        if let Err(refused) = sent {
            self.note(&format!("the node: {refused}"));
        }
        self.payments.push((payment, fee));
        Ok(())
    }

    fn mine(&mut self, blocks: u32) -> Result<(), Failure> {
        let script = self.nobody();
        self.tally.blocks += u64::from(blocks);
        self.treasury.node.mine_to(&script, blocks).map(drop)
    }

    /// A rival of a payment: back to its payer, to the same address otherwise, or to another user.
    fn rival(&mut self, of: &Transaction, fee: Amount) -> Result<Transaction, Failure> {
        let amount = Amount::from_sat(self.draw.from_to(40_000, 400_000));
        let to = match self.draw.below(3) {
            0 => Vec::new(),
            1 => {
                let first = &of.output[0].script_pubkey;
                let same = bitcoin::Address::from_script(first, bitcoin::Network::Regtest)?;
                vec![(same, amount)]
            }
            _ => vec![(self.any_address(), amount)],
        };
        self.tally.rivals += 1;
        let node = &self.treasury.node;
        // What has no room for it goes back to the payer.
        node.rival(of, &to, fee)
            .or_else(|_| node.rival(of, &[], fee))
    }

    fn replace(&mut self) -> Result<(), Failure> {
        let truth = self.truth()?;
        let waiting = |one: &&(Transaction, Amount)| truth.mempool.contains(&one.0.compute_txid());
        let waiting: Vec<_> = self.payments.iter().filter(waiting).cloned().collect();
        if waiting.is_empty() {
            return self.pay();
        }
        let (payment, fee) = self.draw.one(&waiting).clone();
        let fee = fee * 2 + FEE;
        let rival = self.rival(&payment, fee)?;
        self.send(rival, fee)
    }

    /// A block takes a rival of a payment: at once where it waits, else by a reorg just below it.
    fn double_spend(&mut self) -> Result<(), Failure> {
        let truth = self.truth()?;
        let age = |one: &Transaction| {
            let placed = truth.placed.get(&one.compute_txid())?;
            Some(truth.height - placed + 1)
        };
        let recent: Vec<(Transaction, Amount, Option<u32>)> = self
            .payments
            .iter()
            .filter(|(one, _)| {
                truth.mempool.contains(&one.compute_txid())
                    || age(one).is_some_and(|age| age <= OLDEST)
            })
            .map(|(one, fee)| (one.clone(), *fee, age(one)))
            .collect();
        if recent.is_empty() {
            return self.pay();
        }
        let (payment, fee, age) = self.draw.one(&recent).clone();
        let fee = fee * 2 + FEE;
        let rival = self.rival(&payment, fee)?;
        self.payments.push((rival.clone(), fee));
        if let Some(age) = age {
            return self.reorg(age, &[rival], false);
        }
        // Its own parents may wait as well: then no block can hold it alone.
        if self.treasury.node.mine_exactly(&[rival]).is_ok() {
            self.tally.blocks += 1;
        }
        Ok(())
    }

    /// Replaces the last blocks by one more: the first holds exactly `first`, where it can; then they are empty,
    /// or the first takes what the node remembers.
    fn reorg(&mut self, depth: u32, first: &[Transaction], full: bool) -> Result<(), Failure> {
        let node = &self.treasury.node;
        let height = node.height()?;
        let depth = depth.min(height.saturating_sub(1));
        let (root, tip) = (node.block_at(height - depth + 1)?, node.best_block()?);
        self.reader.learn(node)?;
        node.invalidate(root)?;
        // The branch that is best now may be another that was left before, and longer than the blocks below.
        self.outgrow(height, first, full)?;
        self.treasury.node.reconsider(root)?;
        self.leave(tip);
        self.tally.reorgs += 1;
        self.tally.deepest = self.tally.deepest.max(depth);
        if self.draw.below(4) > 0 {
            self.send_again()?;
        }
        Ok(())
    }

    /// Mines until the chain is one block higher than `height`.
    fn outgrow(&mut self, height: u32, first: &[Transaction], full: bool) -> Result<(), Failure> {
        let script = self.nobody();
        let node = &self.treasury.node;
        let taken = !first.is_empty() && node.mine_exactly(first).is_ok();
        self.tally.blocks += u64::from(taken);
        let left = (height + 1).saturating_sub(node.height()?);
        self.tally.blocks += u64::from(left);
        if full {
            node.mine_to(&script, left)?;
        } else {
            for _ in 0..left {
                node.mine_nothing()?;
            }
        }
        Ok(())
    }

    /// Remembers a branch that the chain has left.
    fn leave(&mut self, tip: BlockHash) {
        self.branches.push(tip);
        if self.branches.len() > BRANCHES {
            self.branches.remove(0);
        }
    }

    /// Goes back to a branch that was left, and lets the watchtower follow to it where it is the lower one.
    fn go_back(&mut self) -> Result<(), Failure> {
        let node = &self.treasury.node;
        self.reader.learn(node)?;
        let (tip, height) = (node.best_block()?, node.height()?);
        let known: Vec<BlockHash> = self
            .branches
            .iter()
            .copied()
            .filter(|branch| {
                let fork = self.reader.fork(*branch, tip);
                fork.is_some_and(|fork| fork < height && height - fork <= DEEPEST)
            })
            .collect();
        if known.is_empty() {
            return self.mine(1);
        }
        let branch = *self.draw.one(&known);
        let fork = self.reader.fork(branch, tip).unwrap_or(height);
        let Some(root) = self.reader.root(tip, fork) else {
            return self.mine(1);
        };
        self.treasury.node.invalidate(root)?;
        // A node that only lost blocks is waited for, and not followed.
        let node = &self.treasury.node;
        let (left, best) = (node.best_block()?, node.height()?);
        let is_another = self.reader.fork(left, tip).is_some_and(|fork| fork < best);
        if self.draw.coin() && is_another {
            self.follow()?;
        }
        self.outgrow(height, &[], false)?;
        self.treasury.node.reconsider(root)?;
        self.leave(tip);
        self.tally.reorgs += 1;
        self.tally.deepest = self.tally.deepest.max(height - fork);
        Ok(())
    }

    /// Two nodes mine apart, the other one with rivals of what waits here; then they meet.
    fn partition(&mut self) -> Result<(), Failure> {
        self.treasury.node.unite(&self.other)?;
        self.treasury.node.part(&self.other)?;
        let truth = self.truth()?;
        let waiting: Vec<(Transaction, Amount)> = self
            .payments
            .iter()
            .filter(|(one, _)| truth.mempool.contains(&one.compute_txid()))
            .cloned()
            .collect();
        for (payment, fee) in waiting.iter().take(3) {
            let fee = *fee * 2 + FEE;
            let there = if self.draw.coin() {
                self.rival(payment, fee)?
            } else {
                payment.clone()
            };
            let raw = bitcoin::consensus::encode::serialize_hex(&there);
            drop(self.other.try_call("sendrawtransaction", json!([raw]))?);
            self.payments.push((there, fee));
        }
        self.pay()?;
        let here = u32::try_from(self.draw.from_to(1, 4))?;
        self.mine(here)?;
        if self.draw.coin() {
            self.check()?;
        }
        let there = here + 1 + u32::try_from(self.draw.below(3))?;
        let there = if self.draw.below(4) == 0 {
            here - 1
        } else {
            there
        };
        let script = self.nobody();
        self.other.mine_to(&script, there)?;
        self.tally.blocks += u64::from(there);
        let tip = self.treasury.node.best_block()?;
        self.treasury.node.unite(&self.other)?;
        self.treasury.node.part(&self.other)?;
        if self.treasury.node.best_block()? != tip {
            self.leave(tip);
        }
        self.tally.partitions += 1;
        Ok(())
    }

    /// Our programs die; the chain goes on, and back, without them.
    fn kill_ours(&mut self) -> Result<(), Failure> {
        self.tally.kills += 1;
        self.treasury.coordinator.kill()?;
        match self.draw.below(4) {
            0 => {}
            1 => self.mine(2)?,
            2 => self.double_spend()?,
            _ => self.reorg(8, &[], true)?,
        }
        self.treasury.coordinator.resume()
    }

    /// The node loses power some blocks after it last wrote everything down.
    fn crash_node(&mut self) -> Result<(), Failure> {
        self.tally.outages += 1;
        self.treasury.node.flush()?;
        let blocks = u32::try_from(self.draw.from_to(1, 12))?;
        self.mine(blocks)?;
        let height = self.treasury.node.height()?;
        self.reader.learn(&self.treasury.node)?;
        self.treasury.node.crash()?;
        if self.draw.coin() {
            self.follow()?;
        }
        // A credit stands until its block is gone, also where the chain is shorter for a while: books are compared
        // on chains that are longer than the last.
        self.outgrow(height, &[], false)
    }

    /// Makes books of a good life wrong, one way after another; how many of how many are noticed.
    pub(super) fn notices(&mut self) -> Result<(u64, u64), Failure> {
        let (_, coin) = self.first_unspent()?;
        let vout = coin.vout;
        let store = &self.treasury.store;
        let one = format!("WHERE vout = {vout} AND spent_by IS NULL");
        store.sql(&format!(
            "UPDATE coin SET amount_sat = amount_sat + 1 {one}"
        ))?;
        let amounts = self.compare()?.is_err();
        let store = &self.treasury.store;
        store.sql(&format!(
            "UPDATE coin SET amount_sat = amount_sat - 1 {one}"
        ))?;
        store.sql(
            "INSERT INTO ledger_entry (debit, credit, amount_sat, cause, entered_at)
             SELECT MIN(id), MAX(id), 1, 'nothing', 0 FROM ledger_account",
        )?;
        let entries = self.compare()?.is_err();
        let twice = self.pays_twice()?;
        let noticed = [amounts, entries, twice].map(u64::from);
        Ok((noticed.iter().sum(), 3))
    }

    fn first_unspent(&mut self) -> Result<(Truth, OutPoint), Failure> {
        let truth = self.truth()?;
        let first = truth.unspent().find(|(_, coin)| coin.spent_by.is_none());
        let first = first.map(|(outpoint, _)| *outpoint);
        let first = first.ok_or_else(|| Failure::new("nothing was paid in"))?;
        Ok((truth, first))
    }

    /// Whether a payment that is counted twice is noticed.
    fn pays_twice(&mut self) -> Result<bool, Failure> {
        let mut truth = self.truth()?;
        let Some(paid) = truth.paid_out.first().cloned() else {
            return Err(Failure::new("nothing was paid out"));
        };
        truth.paid_out.push(paid);
        Ok(!self.wrong_withdrawals(&truth)?.is_empty())
    }
}
