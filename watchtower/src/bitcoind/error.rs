//! What can go wrong between us and a node, classified.

use std::path::PathBuf;

use crate::store::node::Trouble;

/// RPC_IN_WARMUP of Bitcoin Core's `rpc/protocol.h`.
const IN_WARMUP: i64 = -28;
/// RPC_MISC_ERROR, with which `getblock` says that a block was pruned.
const MISC_ERROR: i64 = -1;

/// An error of a call to a node.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The node does not answer, or stopped in the middle. The call may have been carried out.
    #[error("the node does not answer: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// The cookie or password file cannot be read.
    #[error("cannot read the node's credentials from {path}: {source}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The node refuses the credentials.
    #[error("the node refuses the credentials")]
    Unauthorized,
    /// The node has no time: its work queue is full.
    #[error("the node's work queue is full")]
    WorkQueueFull,
    /// The node carried the call out and refused.
    #[error("the node answers error {code} to {method}: {message}")]
    Refused {
        /// The method called.
        method: &'static str,
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// The answer cannot be understood.
    #[error("the node's answer to {method} makes no sense: {reason}")]
    Malformed {
        /// The method called.
        method: &'static str,
        /// Why not.
        reason: String,
    },
}

impl RpcError {
    /// What this says about the node.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Unreachable(_) | Self::Credentials { .. } => Trouble::Absent,
            Self::Unauthorized => Trouble::Unauthorized,
            Self::WorkQueueFull
            | Self::Refused {
                code: IN_WARMUP, ..
            } => Trouble::Busy,
            Self::Refused {
                code: MISC_ERROR,
                message,
                ..
            } if message.contains("pruned") => Trouble::Pruned,
            Self::Refused { .. } | Self::Malformed { .. } => Trouble::Malformed,
        }
    }

    /// The node's error code, if it gave one.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Unreachable(_)
            | Self::Credentials { .. }
            | Self::Unauthorized
            | Self::WorkQueueFull
            | Self::Malformed { .. } => None,
        }
    }
}
