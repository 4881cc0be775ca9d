//! A block's Merkle tree: the path of one transaction, and the root above it.
//!
//! Two weaknesses of that tree are met here. A tree whose last node is copied has the root of one that holds it
//! twice (CVE-2012-2459): a path through such a copy is refused, so that a transaction has one position. And 64
//! bytes may be two hashes or a transaction (CVE-2017-12842): a path on which they could be both is refused. Two
//! honest hashes look like a transaction once in a billion.

use bitcoin::consensus::deserialize;
use bitcoin::hashes::{Hash as _, sha256d};
use bitcoin::{Transaction, TxMerkleNode, Txid};

use super::{INNER_BYTES, InclusionFault};
use crate::planted::{Bug, planted};

/// The siblings on the way from a transaction of a block up to its root; [`None`] if there is no such position.
pub fn merkle_path(txids: &[Txid], position: u32) -> Option<Vec<TxMerkleNode>> {
    let mut place = usize::try_from(position).ok()?;
    txids.get(place)?;
    let mut level: Vec<TxMerkleNode> = txids.iter().copied().map(TxMerkleNode::from).collect();
    let mut siblings = Vec::new();
    while level.len() > 1 {
        let last = *level.last()?;
        siblings.push(level.get(place ^ 1).copied().unwrap_or(last));
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => parent(&inner(*left, *right)),
                [.., only] => parent(&inner(*only, *only)),
                [] => last,
            })
            .collect();
        place >>= 1;
    }
    Some(siblings)
}

/// The root above a transaction at a position with these siblings.
///
/// # Errors
///
/// Refuses a position beyond the tree, and both weaknesses of the tree.
pub fn root_above(
    txid: Txid,
    position: u32,
    siblings: &[TxMerkleNode],
) -> Result<TxMerkleNode, InclusionFault> {
    let mut place = position;
    let mut node = TxMerkleNode::from(txid);
    for (level, sibling) in siblings.iter().enumerate() {
        let is_right = place & 1 == 1;
        if is_right && *sibling == node {
            return Err(InclusionFault::Copy { level });
        }
        let bytes = if is_right {
            inner(*sibling, node)
        } else {
            inner(node, *sibling)
        };
        if deserialize::<Transaction>(&bytes).is_ok() && !planted(Bug::InclusionInner) {
            return Err(InclusionFault::InnerTransaction { level });
        }
        node = parent(&bytes);
        place >>= 1;
    }
    if place != 0 {
        return Err(InclusionFault::Position {
            position,
            siblings: siblings.len(),
        });
    }
    Ok(node)
}

/// Two nodes beside each other.
pub(super) fn inner(left: TxMerkleNode, right: TxMerkleNode) -> [u8; INNER_BYTES] {
    let (left, right) = (left.to_byte_array(), right.to_byte_array());
    let mut both = left.into_iter().chain(right);
    std::array::from_fn(|_| both.next().unwrap_or_default())
}

/// The node above two.
fn parent(inner: &[u8; INNER_BYTES]) -> TxMerkleNode {
    TxMerkleNode::from_raw_hash(sha256d::Hash::hash(inner))
}
