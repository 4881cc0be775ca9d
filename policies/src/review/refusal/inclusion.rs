//! What is wrong with proofs that coins are in the chain, or with having none.

use bitcoin::Txid;
use serde::Serialize;

use crate::inclusion::InclusionFault;
use crate::intent::{RequesterName, WithdrawalId};

/// One reason not to believe that a coin exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum InclusionRefusal {
    /// Nothing was signed yet for a withdrawal that this spends all of, and no coin is shown in the chain.
    #[error(
        "nothing that this spends was signed for {requester}/{id} before, and no coin is shown in a block with \
         {confirmations} confirmations"
    )]
    Missing {
        /// The requester.
        requester: RequesterName,
        /// The withdrawal.
        id: WithdrawalId,
        /// What the policy demands.
        confirmations: u32,
    },
    /// A proof under a policy that asks for none.
    #[error("a proof that {txid} is in the chain, which the policy does not ask for")]
    Unasked {
        /// The transaction.
        txid: Txid,
    },
    /// The transaction that a proof is about is not carried.
    #[error("a proof that {txid} is in the chain, but the file does not carry it")]
    TransactionMissing {
        /// The transaction.
        txid: Txid,
    },
    /// A transaction that may as well be two hashes of a block's tree.
    #[error("{txid} has 64 bytes: it may as well be two hashes of a block")]
    Ambiguous {
        /// The transaction.
        txid: Txid,
    },
    /// The proof shows nothing.
    #[error("{txid} is not shown in the chain: {fault}")]
    Wrong {
        /// The transaction.
        txid: Txid,
        /// What is wrong.
        #[serde(flatten)]
        fault: InclusionFault,
    },
    /// The transaction shown has no output of this vault that is spent here.
    #[error("{txid} is in the chain, but nothing here spends a coin of this vault in it")]
    Unrelated {
        /// The transaction.
        txid: Txid,
    },
}

impl InclusionRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "INCLUSION_MISSING",
            Self::Unasked { .. } => "INCLUSION_UNASKED",
            Self::TransactionMissing { .. } => "INCLUSION_TRANSACTION_MISSING",
            Self::Ambiguous { .. } => "INCLUSION_AMBIGUOUS",
            Self::Wrong { fault, .. } => fault.code(),
            Self::Unrelated { .. } => "INCLUSION_UNRELATED",
        }
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "do not sign: ask the coordinator for a transfer with a proof of one of its coins"
            }
            Self::Wrong { fault, .. } => fault.hint(),
            Self::Unasked { .. }
            | Self::TransactionMissing { .. }
            | Self::Ambiguous { .. }
            | Self::Unrelated { .. } => super::advice::TELL,
        }
    }
}
