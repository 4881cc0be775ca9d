//! Inclusion proofs: that a transaction stands in a block under work that a coordinator cannot invent.
//!
//! A signer has no node. What it signs for a withdrawal first, it remembers for ever, and everything that it
//! signs for that withdrawal later must exclude it (money rule M2). Were the first attempt's coins invented,
//! nothing could ever exclude it, and the withdrawal could never be paid. So a policy may demand that one of
//! the coins is shown in the chain: header, headers after it, and the Merkle path of the transaction that made
//! it. All of it is checked from the bytes alone.
//!
//! Invariant: [`InclusionProof::verify`] returns a block only if its header commits to exactly this txid as a
//! transaction of its own, and every header is linked to the one before and meets work of the policy's.
//! Follows docs/formats.md F5, record 30.

mod fault;
mod path;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use bitcoin::block::Header;
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, CompactTarget, Target, TxMerkleNode, Txid};

pub use self::fault::{InclusionError, InclusionFault};
pub use self::path::{merkle_path, root_above};

use crate::document::Inclusion;
use crate::planted::{Bug, planted};

/// The most headers of one proof, its block's own included: a day.
pub const MAX_HEADERS: usize = 144;
/// The most siblings of one path: a block has at most 1,000,000 bytes without witnesses (consensus), a
/// transaction at least 60, so there are fewer than 2^15 in one.
pub const MAX_SIBLINGS: usize = 15;
/// The bytes of a header (consensus).
const HEADER_BYTES: usize = 80;
/// The bytes of a hash.
const HASH_BYTES: usize = 32;
/// The bytes of two hashes beside each other, which is what is hashed above the leaves of a block.
pub const INNER_BYTES: usize = 64;

/// Shows a transaction in a block, and the work on that block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The block's header.
    pub header: Header,
    /// The headers of the blocks after it, in order.
    pub further: Vec<Header>,
    /// The transaction's position in the block.
    pub position: u32,
    /// The siblings on the way from the transaction up to the root.
    pub siblings: Vec<TxMerkleNode>,
}

impl InclusionProof {
    /// Shows the transaction at a position of a block with these transactions; [`None`] if there is none.
    pub fn of_block(
        header: Header,
        further: Vec<Header>,
        txids: &[Txid],
        position: u32,
    ) -> Option<Self> {
        Some(Self {
            header,
            further,
            position,
            siblings: merkle_path(txids, position)?,
        })
    }

    /// The value of a record 30: header ‖ number of further headers ‖ these ‖ position u32 ‖ number of
    /// siblings ‖ these. Both numbers are compact sizes, of one byte here.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serialize(&self.header);
        bytes.push(count(self.further.len()));
        for header in &self.further {
            bytes.extend(serialize(header));
        }
        bytes.extend(self.position.to_le_bytes());
        bytes.push(count(self.siblings.len()));
        for sibling in &self.siblings {
            bytes.extend(sibling.to_byte_array());
        }
        bytes
    }

    /// Reads the value of a record 30.
    ///
    /// # Errors
    ///
    /// Refuses other lengths than its numbers say, and more than is ever needed, before anything is allocated.
    pub fn decode(bytes: &[u8]) -> Result<Self, InclusionError> {
        let mut rest = bytes;
        let header = take_header(&mut rest)?;
        let found = usize::from(take::<1>(&mut rest)?[0]);
        if found >= MAX_HEADERS {
            return Err(InclusionError::TooManyHeaders { found });
        }
        let further = (0..found)
            .map(|_| take_header(&mut rest))
            .collect::<Result<_, _>>()?;
        let position = u32::from_le_bytes(take(&mut rest)?);
        let found = usize::from(take::<1>(&mut rest)?[0]);
        if found > MAX_SIBLINGS {
            return Err(InclusionError::TooManySiblings { found });
        }
        let siblings = (0..found)
            .map(|_| take::<HASH_BYTES>(&mut rest).map(TxMerkleNode::from_byte_array))
            .collect::<Result<_, _>>()?;
        if !rest.is_empty() {
            return Err(InclusionError::TrailingBytes { found: rest.len() });
        }
        Ok(Self {
            header,
            further,
            position,
            siblings,
        })
    }

    /// The block's header and those after it: so many confirmations are shown.
    pub fn confirmations(&self) -> u32 {
        u32::try_from(self.further.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    /// Checks that this shows the transaction in a block with the work and the confirmations demanded.
    ///
    /// # Errors
    ///
    /// Returns the first fact that speaks against it.
    pub fn verify(&self, txid: Txid, demanded: &Inclusion) -> Result<BlockHash, InclusionFault> {
        if self.confirmations() < demanded.confirmations {
            return Err(InclusionFault::TooFewHeaders {
                found: self.confirmations(),
                needed: demanded.confirmations,
            });
        }
        let most = demanded.target();
        let mut before = None;
        for (number, header) in (0_u32..).zip(std::iter::once(&self.header).chain(&self.further)) {
            let linked = before.is_none_or(|before| header.prev_blockhash == before);
            if !linked && !planted(Bug::InclusionLinks) {
                return Err(InclusionFault::NotLinked { number });
            }
            let hash = header.block_hash();
            if !planted(Bug::InclusionWork) {
                let target = target_of(header.bits).filter(|target| *target <= most);
                let target = target.ok_or(InclusionFault::TooEasy {
                    number,
                    bits: header.bits.to_consensus(),
                    most: demanded.bits.to_consensus(),
                })?;
                if !target.is_met_by(hash) {
                    return Err(InclusionFault::NoWork { number });
                }
            }
            before = Some(hash);
        }
        let found = root_above(txid, self.position, &self.siblings)?;
        if found != self.header.merkle_root && !planted(Bug::InclusionRoot) {
            return Err(InclusionFault::OtherRoot { found });
        }
        Ok(self.header.block_hash())
    }
}

/// The target of a compact one in its one form; [`None`] for zero, negative and overlong ones.
pub fn target_of(bits: CompactTarget) -> Option<Target> {
    let target = Target::from_compact(bits);
    (target != Target::ZERO && target.to_compact_lossy() == bits).then_some(target)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], InclusionError> {
    let (taken, after) = rest
        .split_first_chunk()
        .ok_or(InclusionError::EndsEarly { missing: N })?;
    *rest = after;
    Ok(*taken)
}

fn take_header(rest: &mut &[u8]) -> Result<Header, InclusionError> {
    let bytes: [u8; HEADER_BYTES] = take(rest)?;
    Ok(deserialize(&bytes).expect("any 80 bytes are a header"))
}

/// A number that was bounded where it was read or made.
fn count(found: usize) -> u8 {
    u8::try_from(found).unwrap_or(u8::MAX)
}
