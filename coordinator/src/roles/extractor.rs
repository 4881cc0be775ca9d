//! The Extractor: the transaction for the network (BIP 174).
//!
//! Invariant: what comes out is the transaction that was issued, and every input of it is valid by
//! Bitcoin Core's own rules of consensus.

use bitcoin::{Transaction, Txid, Witness};
use policies::planted::{Bug, planted};

use super::{
    consensus::{self, ConsensusError},
    finalizer::Finalized,
    issued::IssuedTransaction,
};

/// Why no transaction was extracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtractorError {
    /// The transaction is not the one that was issued.
    #[error("the transaction is {found}, but {expected} was issued")]
    OtherTransaction {
        /// The txid that was issued.
        expected: Txid,
        /// The txid found.
        found: Txid,
    },
    /// The witnesses are not those of the transaction.
    #[error("the transaction has {inputs} inputs, but {witnesses} witnesses are given")]
    OtherWitnesses {
        /// The inputs of the transaction.
        inputs: usize,
        /// The witnesses given.
        witnesses: usize,
    },
    /// Bitcoin Core's rules refuse an input.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// An input would have no witness.
    #[error("the witness of input {input} is empty")]
    EmptyWitness {
        /// The input.
        input: usize,
    },
}

/// Puts the witnesses into the transaction, whose txid stays what was issued.
///
/// # Errors
/// Returns why the result would not be the transaction that was issued.
pub fn extract(
    issued: &IssuedTransaction,
    finalized: &Finalized,
) -> Result<Transaction, ExtractorError> {
    let mut transaction = issued.unsigned().clone();
    if transaction.input.len() != finalized.witnesses.len() {
        return Err(ExtractorError::OtherWitnesses {
            inputs: transaction.input.len(),
            witnesses: finalized.witnesses.len(),
        });
    }
    if let Some(input) = finalized.witnesses.iter().position(Witness::is_empty) {
        return Err(ExtractorError::EmptyWitness { input });
    }
    for (txin, witness) in transaction.input.iter_mut().zip(&finalized.witnesses) {
        txin.witness = witness.clone();
    }
    let (expected, found) = (issued.txid(), transaction.compute_txid());
    if found != expected {
        return Err(ExtractorError::OtherTransaction { expected, found });
    }
    if !planted(Bug::Consensus) {
        consensus::verify(&transaction, issued.previous_outputs())?;
    }
    Ok(transaction)
}
