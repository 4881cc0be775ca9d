//! What shows coins in the chain, and that a block which left it shows nothing.

use bitcoin::block::{Block as BitcoinBlock, Header, Version};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use policies::Keychain;
use policies::document::Inclusion;

use super::{NOW, Store};
use crate::store::{chain, inclusion};
use crate::tracker::simulation::{base, coinbase, foreign, keyset, outside, spend, vault, watched};
use crate::tracker::{Block, BlockRef};

/// The work of regtest, which every second header has.
const EASY: u32 = 0x207f_ffff;

fn demanded(confirmations: u32) -> Inclusion {
    Inclusion {
        bits: CompactTarget::from_consensus(EASY),
        confirmations,
    }
}

/// A block as the node gives it: with a header that commits to its transactions.
fn mined(
    previous: BlockRef,
    transactions: Vec<bitcoin::Transaction>,
    time: u32,
) -> (Block, Header) {
    let header = Header {
        version: Version::TWO,
        prev_blockhash: previous.hash,
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: CompactTarget::from_consensus(EASY),
        nonce: 0,
    };
    let mut block = BitcoinBlock {
        header,
        txdata: transactions,
    };
    block.header.merkle_root = block.compute_merkle_root().expect("transactions");
    while !demanded(1).target().is_met_by(block.block_hash()) {
        block.header.nonce += 1;
    }
    let seen = Block {
        height: previous.height + 1,
        hash: block.block_hash(),
        previous: previous.hash,
        time: NOW,
        transactions: block.txdata,
    };
    (seen, block.header)
}

impl Store {
    async fn take_in(&self, block: &Block, header: &Header) {
        let mut tx = self.write().await;
        chain::connect_block(&mut tx, block, NOW)
            .await
            .expect("connects");
        inclusion::record(&mut tx, block.at(), header, &block.transactions)
            .await
            .expect("records");
        tx.commit().await.expect("commits");
    }

    async fn proofs(&self, confirmations: u32) -> Vec<(bitcoin::Txid, BlockHash)> {
        let mut tx = self.write().await;
        let proofs = inclusion::proofs(&mut tx, vault(1), keyset(1), confirmations)
            .await
            .expect("reads");
        let verified = proofs.into_iter().map(|(txid, proof)| {
            assert_eq!(proof.confirmations(), confirmations);
            let block = proof.verify(txid, &demanded(confirmations));
            (txid, block.expect("it is shown"))
        });
        verified.collect()
    }
}

#[tokio::test]
async fn a_coin_is_shown_in_the_chain_that_stands_and_in_no_other() {
    let store = Store::open().await;
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let deposit = spend(1, &[outside(1)], &[(script, 10_000)]);
    let txid = deposit.compute_txid();
    let others = |salt| {
        vec![
            coinbase(salt, foreign(salt)),
            spend(salt, &[outside(salt)], &[]),
        ]
    };
    let (first, header) = mined(base(), [others(7), vec![deposit.clone()]].concat(), 1);
    store.take_in(&first, &header).await;
    let mut blocks = vec![first.clone()];
    for salt in 0..2 {
        let tip = blocks.last().expect("a block").at();
        let (next, header) = mined(tip, others(20 + salt), salt);
        store.take_in(&next, &header).await;
        blocks.push(next);
    }
    assert_eq!(store.proofs(1).await, [(txid, first.hash)]);
    assert_eq!(store.proofs(3).await, [(txid, first.hash)]);
    assert_eq!(store.proofs(4).await, []);

    // The block leaves the chain, and the transaction comes back at another place of another one.
    for block in blocks.iter().rev() {
        store.disconnect(block.at()).await;
    }
    assert_eq!(store.proofs(1).await, []);
    let (again, header) = mined(base(), [others(8), others(9), vec![deposit]].concat(), 2);
    store.take_in(&again, &header).await;
    let (second, second_header) = mined(again.at(), others(30), 3);
    store.take_in(&second, &second_header).await;
    let (third, third_header) = mined(second.at(), others(31), 4);
    store.take_in(&third, &third_header).await;
    assert_eq!(store.proofs(3).await, [(txid, again.hash)]);

    // What a late answer says of a block that left is not kept.
    let mut tx = store.write().await;
    let late = inclusion::record_header(&mut tx, first.at(), &header).await;
    assert!(!late.expect("reads"));
}

#[tokio::test]
async fn what_was_taken_in_before_is_asked_for_and_then_shown() {
    let store = Store::open().await;
    let script = watched(1, Keychain::External, 0).script_pubkey;
    let deposit = spend(1, &[outside(1)], &[(script, 10_000)]);
    let (first, header) = mined(base(), vec![coinbase(1, foreign(1)), deposit], 1);
    let (second, second_header) = mined(first.at(), vec![coinbase(2, foreign(2))], 2);
    let (third, third_header) = mined(second.at(), vec![coinbase(3, foreign(3))], 3);
    for block in [&first, &second, &third] {
        store.connect(block).await;
    }
    assert_eq!(store.proofs(1).await, []);
    let mut tx = store.write().await;
    let missing = inclusion::without_header(&mut tx, 0, 2)
        .await
        .expect("reads");
    assert_eq!(missing, [third.at(), second.at()]);
    let missing = inclusion::without_path(&mut tx, 0).await.expect("reads");
    assert_eq!(missing, [first.at()]);
    for (block, header) in [(&second, second_header), (&third, third_header)] {
        let stored = inclusion::record_header(&mut tx, block.at(), &header).await;
        assert!(stored.expect("writes"));
    }
    inclusion::record(&mut tx, first.at(), &header, &first.transactions)
        .await
        .expect("writes");
    let missing = inclusion::without_path(&mut tx, 0).await.expect("reads");
    assert_eq!(missing, []);
    tx.commit().await.expect("commits");
    assert_eq!(store.proofs(3).await.len(), 1);
}
