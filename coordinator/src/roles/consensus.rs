//! Bitcoin Core's own verification of a final transaction, as a second opinion.
//!
//! Invariant: it is given only what was built here. The crate's errors say little, so that the reason
//! is the interpreter's business; this one has the last word. Taproot is verified with all outputs
//! that are spent, never without them, which would find every taproot input valid.

use bitcoin::{Transaction, TxOut, consensus::serialize};
use bitcoinconsensus::{
    Utxo, VERIFY_ALL_PRE_TAPROOT, VERIFY_TAPROOT, verify_with_flags as verify_input,
};

/// Why a transaction is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsensusError {
    /// Not every input has its output, or one is too large for the library.
    #[error("{inputs} inputs, but {outputs} spent outputs that can be verified")]
    OtherOutputs {
        /// The inputs of the transaction.
        inputs: usize,
        /// The outputs given that can be verified.
        outputs: usize,
    },
    /// An input's witness does not satisfy the script that it spends.
    #[error("input {input} is not valid by consensus: {reason}")]
    Invalid {
        /// The input.
        input: usize,
        /// What the library says.
        reason: bitcoinconsensus::Error,
    },
}

/// Verifies every input of a final transaction that spends `previous_outputs`, in the order of its inputs.
///
/// # Errors
/// Returns the first input that is not valid.
pub fn verify(transaction: &Transaction, previous_outputs: &[TxOut]) -> Result<(), ConsensusError> {
    let spent: Vec<Utxo> = previous_outputs.iter().filter_map(utxo).collect();
    let (inputs, outputs) = (transaction.input.len(), spent.len());
    if inputs != outputs || inputs != previous_outputs.len() {
        return Err(ConsensusError::OtherOutputs { inputs, outputs });
    }
    let bytes = serialize(transaction);
    for (input, previous) in previous_outputs.iter().enumerate() {
        verify_input(
            previous.script_pubkey.as_bytes(),
            previous.value.to_sat(),
            &bytes,
            Some(&spent),
            input,
            VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT,
        )
        .map_err(|reason| ConsensusError::Invalid { input, reason })?;
    }
    Ok(())
}

/// A spent output as the library takes it; it borrows the script, which outlives the call.
fn utxo(output: &TxOut) -> Option<Utxo> {
    let script = output.script_pubkey.as_bytes();
    Some(Utxo {
        script_pubkey: script.as_ptr(),
        script_pubkey_len: u32::try_from(script.len()).ok()?,
        value: i64::try_from(output.value.to_sat()).ok()?,
    })
}
