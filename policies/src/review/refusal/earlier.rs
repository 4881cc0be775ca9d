//! What is wrong with earlier attempts that a file shows as fully signed.

use bitcoin::{OutPoint, Txid};
use serde::Serialize;

use crate::review::WitnessFault;

/// One reason not to believe an earlier attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum EarlierRefusal {
    /// More earlier attempts than are looked at.
    #[error("{found} earlier attempts, at most {max} are looked at")]
    TooMany {
        /// Earlier attempts found.
        found: usize,
        /// The most.
        max: usize,
    },
    /// What pays nobody needs no earlier attempt.
    #[error("an earlier attempt is shown beside a transaction that pays no withdrawal")]
    WithoutPayment,
    /// An earlier attempt could be mined beside this transaction.
    #[error("earlier attempt {txid} could be mined beside this transaction")]
    NotExclusive {
        /// The earlier attempt.
        txid: Txid,
    },
    /// It is not known what an earlier attempt spends.
    #[error(
        "input {input} of earlier attempt {txid} spends an output that the file does not carry"
    )]
    OutputMissing {
        /// The earlier attempt.
        txid: Txid,
        /// Position of its input.
        input: usize,
    },
    /// An earlier attempt spends someone else's coin.
    #[error("input {input} of earlier attempt {txid} is not a coin known as this vault's")]
    ForeignInput {
        /// The earlier attempt.
        txid: Txid,
        /// Position of its input.
        input: usize,
    },
    /// An earlier attempt is not fully signed.
    #[error("input {input} of earlier attempt {txid} is not signed: {fault}")]
    NotSigned {
        /// The earlier attempt.
        txid: Txid,
        /// Position of its input.
        input: usize,
        /// What is wrong.
        #[serde(serialize_with = "super::displayed")]
        fault: WitnessFault,
    },
    /// A previous output of an earlier attempt is another one than proven.
    #[error("the manifest says of {outpoint} what is not so")]
    OutputMismatch {
        /// The outpoint.
        outpoint: OutPoint,
    },
    /// A previous output that no earlier attempt spends.
    #[error("the manifest carries {outpoint}, which no earlier attempt spends")]
    OutputUnused {
        /// The outpoint.
        outpoint: OutPoint,
    },
}

impl EarlierRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "TOO_MANY_EARLIER",
            Self::WithoutPayment => "EARLIER_WITHOUT_PAYMENT",
            Self::NotExclusive { .. } => "EARLIER_NOT_EXCLUSIVE",
            Self::OutputMissing { .. } => "EARLIER_OUTPUT_MISSING",
            Self::ForeignInput { .. } => "EARLIER_FOREIGN_INPUT",
            Self::NotSigned { .. } => "EARLIER_NOT_SIGNED",
            Self::OutputMismatch { .. } => "EARLIER_OUTPUT_MISMATCH",
            Self::OutputUnused { .. } => "EARLIER_OUTPUT_UNUSED",
        }
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "leave out the oldest attempts",
            Self::WithoutPayment => "leave the earlier attempt out",
            Self::OutputMissing { .. } | Self::ForeignInput { .. } => {
                "without the earlier attempt the payments need approvals of their own again"
            }
            Self::NotExclusive { .. }
            | Self::NotSigned { .. }
            | Self::OutputMismatch { .. }
            | Self::OutputUnused { .. } => super::advice::TELL,
        }
    }
}
