//! What is wrong with the witness of an earlier attempt.

use crate::witness::WitnessError;

/// Why a witness is not one of an ordinary path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// It is not known what the input spends.
    #[error("it is not known what it spends")]
    NoSuchInput,
    /// The network would refuse it.
    #[error("its witness is not valid")]
    Invalid,
    /// It is satisfied by more than signatures.
    #[error("its witness takes a path that is not ordinary")]
    NotOrdinary,
    /// It is satisfied without a signature.
    #[error("its witness needs no signature")]
    NoSignature,
    /// It has a scriptSig, which no segwit input has.
    #[error("it has a scriptSig")]
    ScriptSig,
    /// Another input spends the same coin.
    #[error("it spends a coin twice")]
    SpentTwice,
}

impl From<WitnessError> for WitnessFault {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::NoSuchInput => Self::NoSuchInput,
            WitnessError::Invalid(_) => Self::Invalid,
            WitnessError::PathNotAllowed => Self::NotOrdinary,
            WitnessError::NoSignature => Self::NoSignature,
        }
    }
}
