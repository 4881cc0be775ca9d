//! Blocks for tests: mined at the lowest work there is.

use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode, Txid};

use super::{InclusionProof, merkle_path, root_above};
use crate::document::Inclusion;

/// The work of regtest.
pub(crate) const EASY: u32 = 0x207f_ffff;

/// What tests demand: the work of regtest, and one more block on top.
pub(crate) fn demanded() -> Inclusion {
    Inclusion {
        bits: CompactTarget::from_consensus(EASY),
        confirmations: 2,
    }
}

/// A header with these bits that meets the work of regtest.
pub(crate) fn mined(previous: BlockHash, merkle_root: TxMerkleNode, bits: u32) -> Header {
    let mut header = Header {
        version: Version::TWO,
        prev_blockhash: previous,
        merkle_root,
        time: 1_800_000_000,
        bits: CompactTarget::from_consensus(bits),
        nonce: 0,
    };
    let easy = demanded().target();
    while !easy.is_met_by(header.block_hash()) {
        header.nonce += 1;
    }
    header
}

/// The transaction in a block of this many, with a block on top.
pub(crate) fn proof(txid: Txid, position: u32, of: u32) -> InclusionProof {
    let txids: Vec<Txid> = (0..of)
        .map(|other| {
            if other == position {
                return txid;
            }
            Txid::hash(&other.to_le_bytes())
        })
        .collect();
    let siblings = merkle_path(&txids, position).expect("it is in the block");
    let root = root_above(txid, position, &siblings).expect("an honest path");
    let header = mined(BlockHash::all_zeros(), root, EASY);
    let next = mined(header.block_hash(), TxMerkleNode::all_zeros(), EASY);
    InclusionProof::of_block(header, vec![next], &txids, position).expect("it is in the block")
}
