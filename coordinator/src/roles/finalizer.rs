//! The Finalizer: witnesses from signatures (BIP 174), built and checked by ourselves.
//!
//! Every signature is verified once more; one that does not hold is set aside with its reason and
//! cannot hurt the others. The witness is the lightest of a path that the transaction's own sequences
//! allow, the same for the same signatures, and is run through an interpreter before it counts. The
//! work grows with the inputs.

use bitcoin::Witness;
use policies::psbt::{BadSignature, OfferedSignature, SignatureSet};
use policies::witness::{AllowedPaths, WitnessChecker, WitnessError};

use super::{SECP, combiner::combine, issued::IssuedTransaction, satisfaction::Offered};

/// The witnesses of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Finalized {
    /// One witness for each input.
    pub witnesses: Vec<Witness>,
    /// What was offered and did not hold.
    pub set_aside: Vec<BadSignature>,
}

/// Why a transaction could not be finalized.
#[derive(Debug, thiserror::Error)]
pub enum FinalizerError {
    /// The signatures do not reach a quorum.
    #[error("the signatures for input {input} do not reach a quorum: {valid} hold")]
    TooFewSignatures {
        /// The first input without a quorum.
        input: usize,
        /// The valid signatures for it.
        valid: usize,
    },
    /// The witness built is not valid: nothing that signers do leads here.
    #[error("the witness of input {input} does not pass the interpreter")]
    Witness {
        /// The input.
        input: usize,
        /// Why.
        #[source]
        reason: WitnessError,
    },
}

/// Builds and checks the witnesses of `issued` from what was collected.
///
/// # Errors
/// Returns the first input that cannot be finalized, and why. A bad signature is no reason.
pub fn finalize(
    issued: &IssuedTransaction,
    signatures: impl IntoIterator<Item = OfferedSignature>,
) -> Result<Finalized, FinalizerError> {
    let intake = issued.offer(signatures);
    let combined = combine(issued, SignatureSet::new(), &intake)
        .expect("the offer names the transaction that was issued");
    let offered = Offered::by_input(&combined.signatures, issued.unsigned());
    let mut checker = WitnessChecker::new(
        issued.unsigned(),
        issued.previous_outputs(),
        AllowedPaths::WithRecovery,
    );
    let mut witnesses = Vec::with_capacity(offered.len());
    for (input, (derived, offered)) in issued.scripts().iter().zip(&offered).enumerate() {
        let script = derived.definite.derived_descriptor(&*SECP);
        let witness = offered
            .satisfy(&script)
            .ok_or(FinalizerError::TooFewSignatures {
                input,
                valid: offered.len(),
            })?;
        checker
            .check(input, &witness)
            .map_err(|reason| FinalizerError::Witness { input, reason })?;
        witnesses.push(witness);
    }
    Ok(Finalized {
        witnesses,
        set_aside: combined.refused,
    })
}
