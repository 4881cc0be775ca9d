//! Blocks, and what the node says of transactions.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use watchtower::store::chain;
use watchtower::store::mempool_test::{MempoolTest, open_requests, record_result};
use watchtower::tracker::Block;

use super::World;

impl World {
    /// A transaction from outside.
    pub(crate) fn payment_to(&mut self, script_pubkey: ScriptBuf, sat: u64) -> Transaction {
        let previous = Txid::from_byte_array(self.fresh());
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint {
                    txid: previous,
                    vout: 0,
                },
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: Amount::from_sat(sat),
                script_pubkey,
            }],
        }
    }

    pub(crate) async fn mine(&mut self, transactions: Vec<Transaction>) {
        let hash = self.fresh_hash();
        let tip = self.blocks.last().expect("a tip").at();
        let block = Block {
            height: tip.height + 1,
            hash,
            previous: tip.hash,
            time: self.service.now(),
            transactions,
        };
        let mut tx = self.write().await;
        let changes = chain::connect_block(&mut tx, &block, self.service.now())
            .await
            .expect("connects");
        drop(changes);
        tx.commit().await.expect("commits");
        self.blocks.push(block);
    }

    pub(crate) async fn unmine(&mut self) -> Block {
        let block = self.blocks.pop().expect("a block");
        let mut tx = self.write().await;
        let changes = chain::disconnect_tip(&mut tx, block.at(), self.service.now())
            .await
            .expect("disconnects");
        drop(changes);
        tx.commit().await.expect("commits");
        block
    }

    /// The node says to every question that it would take the transaction.
    pub(crate) async fn answer_mempool_tests(&self) {
        self.say_of_mempool_tests("").await;
    }

    /// The node gives this reason to every question; none if it would take the transaction.
    pub(crate) async fn say_of_mempool_tests(&self, reason: &str) {
        let mut tx = self.write().await;
        for transaction in open_requests(&mut tx).await.expect("reads") {
            let result = MempoolTest {
                allowed: reason.is_empty(),
                reason: reason.to_owned(),
                at: self.service.now(),
            };
            record_result(&mut tx, transaction.compute_txid(), &result)
                .await
                .expect("stores");
        }
        tx.commit().await.expect("commits");
    }
}
