//! The Merkle tree by which one signature approves several intents (docs/formats.md F3).
//!
//! Leaves are hashed subjects in ascending order, distinct; the tree is split as RFC 6962 splits it, and
//! nothing is duplicated. Invariant: a root commits to the number of its leaves and to each subject.

use crate::hash::tagged;
use crate::ids::MerkleRoot;

/// The most subjects one tree may hold.
pub const MAX_LEAVES: usize = 1024;

/// Why there is no tree over some subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// No subject at all.
    #[error("a tree needs at least one subject")]
    Empty,
    /// More subjects than allowed.
    #[error("{found} subjects, at most {MAX_LEAVES} are allowed")]
    TooMany {
        /// Subjects found.
        found: usize,
    },
    /// A subject comes twice.
    #[error("a subject comes twice")]
    Duplicate,
}

/// Why bytes are no proof, or a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The bytes have another length than number and index of leaves ask for.
    #[error("a proof of {found} bytes, expected {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// A number of leaves that no tree has.
    #[error("a tree of {found} leaves")]
    Leaves {
        /// Leaves found.
        found: u32,
    },
    /// The index is not one of a leaf.
    #[error("leaf {index} of a tree of {leaves}")]
    Index {
        /// Index found.
        index: u32,
        /// Leaves of the tree.
        leaves: u32,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root than {expected}")]
    OtherRoot {
        /// The root expected.
        expected: MerkleRoot,
    },
}

/// A tree over distinct subjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    subjects: Vec<[u8; 32]>,
    /// From the leaves up to the top; an unpaired last node is its own parent, as in RFC 6962.
    levels: Vec<Vec<[u8; 32]>>,
}

impl MerkleTree {
    /// Builds the tree over subjects given in any order.
    pub fn new(subjects: &[[u8; 32]]) -> Result<Self, MerkleError> {
        if subjects.is_empty() {
            return Err(MerkleError::Empty);
        }
        if subjects.len() > MAX_LEAVES {
            return Err(MerkleError::TooMany {
                found: subjects.len(),
            });
        }
        let mut sorted = subjects.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != subjects.len() {
            return Err(MerkleError::Duplicate);
        }
        let mut level: Vec<[u8; 32]> = sorted.iter().map(leaf).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => branch(left, right),
                    [only] => *only,
                    _ => unreachable!("chunks of two have one or two nodes"),
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Ok(Self {
            subjects: sorted,
            levels,
        })
    }

    /// Its root.
    pub fn root(&self) -> MerkleRoot {
        let top = self
            .levels
            .last()
            .and_then(|level| level.first())
            .expect("never empty");
        root_over(self.leaves(), top)
    }

    /// The number of its leaves.
    pub fn leaves(&self) -> u32 {
        u32::try_from(self.subjects.len()).expect("at most 1024")
    }

    /// Its subjects, ascending.
    pub fn subjects(&self) -> &[[u8; 32]] {
        &self.subjects
    }

    /// The proof that a subject is in the tree, if it is.
    pub fn proof(&self, subject: &[u8; 32]) -> Option<MerkleProof> {
        let position = self.subjects.binary_search(subject).ok()?;
        let mut siblings = Vec::new();
        let mut at = position;
        for level in &self.levels {
            // `at ^ 1` is the other node of the pair; a last node without one is its own parent.
            if let Some(sibling) = level.get(at ^ 1) {
                siblings.push(*sibling);
            }
            at >>= 1;
        }
        Some(MerkleProof {
            leaves: self.leaves(),
            index: u32::try_from(position).expect("at most 1024"),
            siblings,
        })
    }
}

/// The root over subjects given in any order.
pub fn merkle_root(subjects: &[[u8; 32]]) -> Result<MerkleRoot, MerkleError> {
    MerkleTree::new(subjects).map(|tree| tree.root())
}

/// The proof that one subject is in a tree: number of leaves, its index, siblings from the leaf up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleProof {
    leaves: u32,
    index: u32,
    siblings: Vec<[u8; 32]>,
}

impl MerkleProof {
    /// Its bytes: n u32 ‖ index u32 ‖ siblings.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.leaves.to_le_bytes());
        bytes.extend_from_slice(&self.index.to_le_bytes());
        for sibling in &self.siblings {
            bytes.extend_from_slice(sibling);
        }
        bytes
    }

    /// Reads a proof; its length must be the one that its tree asks for.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        let head_missing = ProofError::Length {
            found: bytes.len(),
            expected: 8,
        };
        let (leaves, rest) = bytes.split_first_chunk::<4>().ok_or(head_missing)?;
        let (index, rest) = rest.split_first_chunk::<4>().ok_or(head_missing)?;
        let leaves = u32::from_le_bytes(*leaves);
        let index = u32::from_le_bytes(*index);
        if leaves == 0 || usize::try_from(leaves).map_or(true, |leaves| leaves > MAX_LEAVES) {
            return Err(ProofError::Leaves { found: leaves });
        }
        if index >= leaves {
            return Err(ProofError::Index { index, leaves });
        }
        let expected = path(leaves, index).flatten().count();
        let (siblings, odd) = rest.as_chunks::<32>();
        if siblings.len() != expected || !odd.is_empty() {
            let expected = expected.saturating_mul(32).saturating_add(8);
            return Err(ProofError::Length {
                found: bytes.len(),
                expected,
            });
        }
        Ok(Self {
            leaves,
            index,
            siblings: siblings.to_vec(),
        })
    }

    /// Proves that the subject is a leaf under the root.
    pub fn verify(&self, subject: &[u8; 32], root: MerkleRoot) -> Result<(), ProofError> {
        let mut node = leaf(subject);
        let mut siblings = self.siblings.iter();
        for side in path(self.leaves, self.index).flatten() {
            let sibling = siblings
                .next()
                .expect("the length was checked when it was read or made");
            node = match side {
                Side::Left => branch(sibling, &node),
                Side::Right => branch(&node, sibling),
            };
        }
        if root_over(self.leaves, &node) == root {
            Ok(())
        } else {
            Err(ProofError::OtherRoot { expected: root })
        }
    }

    /// The number of leaves of its tree.
    pub const fn leaves(&self) -> u32 {
        self.leaves
    }

    /// The leaf's index among the sorted subjects.
    pub const fn index(&self) -> u32 {
        self.index
    }
}

/// On which side of the path the sibling stands.
#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// The way from a leaf to the top, level by level; `None` where the node has no sibling.
fn path(leaves: u32, index: u32) -> impl Iterator<Item = Option<Side>> {
    let mut width = leaves;
    let mut at = index;
    std::iter::from_fn(move || {
        if width <= 1 {
            return None;
        }
        let step = if at & 1 == 1 {
            Some(Side::Left)
        } else if at.saturating_add(1) < width {
            Some(Side::Right)
        } else {
            None
        };
        width = width.div_ceil(2);
        at >>= 1;
        Some(step)
    })
}

fn leaf(subject: &[u8; 32]) -> [u8; 32] {
    tagged("leaf", &[subject])
}

fn branch(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    tagged("branch", &[left, right])
}

fn root_over(leaves: u32, top: &[u8; 32]) -> MerkleRoot {
    MerkleRoot::from_bytes(tagged("root", &[&leaves.to_le_bytes(), top]))
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
