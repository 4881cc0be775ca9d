//! What is wrong with earlier attempts that a file shows as fully signed.

use bitcoin::Txid;
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
    /// An earlier attempt spends a coin that this transaction does not, so that it may be dead already.
    #[error(
        "input {input} of earlier attempt {txid} is not spent here, so that it may have become \
         impossible without this transaction"
    )]
    NotReplaced {
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
}

impl EarlierRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "TOO_MANY_EARLIER",
            Self::WithoutPayment => "EARLIER_WITHOUT_PAYMENT",
            Self::NotReplaced { .. } => "EARLIER_NOT_REPLACED",
            Self::NotSigned { .. } => "EARLIER_NOT_SIGNED",
        }
    }

    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "leave out the oldest attempts",
            Self::WithoutPayment => "leave the earlier attempt out",
            Self::NotReplaced { .. } => {
                "without the earlier attempt the payments need approvals of their own again"
            }
            Self::NotSigned { .. } => super::advice::TELL,
        }
    }
}
