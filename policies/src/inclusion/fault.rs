//! What is wrong with an inclusion proof: its bytes, or what it shows.

use bitcoin::TxMerkleNode;
use serde::Serialize;

use super::{MAX_HEADERS, MAX_SIBLINGS};

/// Why bytes are no inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The bytes end before what they announce.
    #[error("the bytes end where {missing} more are needed")]
    EndsEarly {
        /// The bytes needed.
        missing: usize,
    },
    /// More headers than are ever needed.
    #[error("{found} headers after the block's, at most {} are read", MAX_HEADERS - 1)]
    TooManyHeaders {
        /// Headers announced.
        found: usize,
    },
    /// More siblings than a block's tree has levels.
    #[error("{found} siblings, no block's tree has more than {MAX_SIBLINGS} levels")]
    TooManySiblings {
        /// Siblings announced.
        found: usize,
    },
    /// Bytes after the end.
    #[error("{found} bytes follow the end")]
    TrailingBytes {
        /// Bytes found.
        found: usize,
    },
}

/// Why a proof does not show what it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum InclusionFault {
    /// Fewer headers than the policy demands.
    #[error("{found} headers, the policy demands {needed}")]
    TooFewHeaders {
        /// Headers found.
        found: u32,
        /// Headers demanded.
        needed: u32,
    },
    /// A header does not follow the one before.
    #[error("header {number} does not follow the one before")]
    NotLinked {
        /// Which header, the block's own being 0.
        number: u32,
    },
    /// A header asks for less work than the policy demands.
    #[error("header {number} asks for the work of {bits:08x}, the policy demands {most:08x}")]
    TooEasy {
        /// Which header.
        number: u32,
        /// Its compact target.
        bits: u32,
        /// The policy's.
        most: u32,
    },
    /// A header does not meet the work it asks for.
    #[error("header {number} does not meet the work that it asks for")]
    NoWork {
        /// Which header.
        number: u32,
    },
    /// No tree of this height has such a position.
    #[error("position {position} is beyond a tree of {siblings} levels")]
    Position {
        /// The position.
        position: u32,
        /// The levels.
        siblings: usize,
    },
    /// A node stands where a block's tree has only the copy of its last one (CVE-2012-2459).
    #[error("level {level}: the path goes through the copy of a tree's last node")]
    Copy {
        /// The level, the transactions' own being 0.
        level: usize,
    },
    /// Two hashes that are a transaction as well: which of both the block means nobody can tell
    /// (CVE-2017-12842).
    #[error("level {level}: what is hashed there is a transaction itself")]
    InnerTransaction {
        /// The level.
        level: usize,
    },
    /// The path leads to another root.
    #[error("the path leads to {found}, which is not the block's root")]
    OtherRoot {
        /// The root found.
        found: TxMerkleNode,
    },
}

impl InclusionFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooFewHeaders { .. } => "INCLUSION_TOO_FEW_HEADERS",
            Self::NotLinked { .. } => "INCLUSION_NOT_LINKED",
            Self::TooEasy { .. } | Self::NoWork { .. } => "INCLUSION_WORK",
            Self::Position { .. }
            | Self::Copy { .. }
            | Self::InnerTransaction { .. }
            | Self::OtherRoot { .. } => "INCLUSION_PATH",
        }
    }

    /// What the person who meets it can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooFewHeaders { .. } => {
                "wait until the coin has the confirmations that the policy demands"
            }
            Self::TooEasy { .. } => {
                "if the network's own work fell below the policy's, the quorum must approve a next version; \
                 otherwise do not sign"
            }
            Self::NotLinked { .. }
            | Self::NoWork { .. }
            | Self::Position { .. }
            | Self::Copy { .. }
            | Self::InnerTransaction { .. }
            | Self::OtherRoot { .. } => {
                "do not sign; an honest coordinator never sends this, so tell the operators"
            }
        }
    }
}
