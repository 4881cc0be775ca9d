//! The Finalizer: witnesses from signatures (BIP 174), built and checked by ourselves.
//!
//! Every signature is verified once more; one that does not hold is set aside with its reason and
//! cannot hurt the others. The witness is the lightest of an ordinary path, the same for the same
//! signatures, and is run through an interpreter before it counts. The work grows with the inputs.

use bitcoin::{OutPoint, Transaction, TxOut, Witness};

use super::{
    SECP, SpentCoin,
    interpreter::{Checker, WitnessError},
    satisfaction::Offered,
    signature::{BadSignature, InputSignature, Sighashes},
};

/// The witnesses of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Finalized {
    /// One witness for each input.
    pub witnesses: Vec<Witness>,
    /// What was offered and did not hold.
    pub set_aside: Vec<(InputSignature, BadSignature)>,
}

/// Why a transaction could not be finalized.
#[derive(Debug, thiserror::Error)]
pub enum FinalizerError {
    /// The coins given are not those of the transaction.
    #[error("the transaction has {inputs} inputs, but {coins} coins are given")]
    OtherCoins {
        /// The inputs of the transaction.
        inputs: usize,
        /// The coins given.
        coins: usize,
    },
    /// An input spends another coin than the one given for it.
    #[error("input {input} spends {spent}, but {given} is given")]
    OtherCoin {
        /// The input.
        input: usize,
        /// What it spends.
        spent: OutPoint,
        /// The coin given for it.
        given: OutPoint,
    },
    /// A coin does not pay the script derived for it.
    #[error("the coin of input {input} does not pay the script of the vault")]
    ForeignScript {
        /// The input.
        input: usize,
    },
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

/// Builds and checks the witnesses of `unsigned`, which spends `coins` in the order of its inputs.
///
/// # Errors
/// Returns the first input that cannot be finalized, and why. A bad signature is no reason.
pub fn finalize(
    unsigned: &Transaction,
    coins: &[SpentCoin],
    signatures: impl IntoIterator<Item = InputSignature>,
) -> Result<Finalized, FinalizerError> {
    if unsigned.input.len() != coins.len() {
        return Err(FinalizerError::OtherCoins {
            inputs: unsigned.input.len(),
            coins: coins.len(),
        });
    }
    let prevouts: Vec<TxOut> = coins.iter().map(|coin| coin.prevout.clone()).collect();
    let mut scripts = Vec::with_capacity(coins.len());
    for (input, (txin, coin)) in unsigned.input.iter().zip(coins).enumerate() {
        if txin.previous_output != coin.outpoint {
            return Err(FinalizerError::OtherCoin {
                input,
                spent: txin.previous_output,
                given: coin.outpoint,
            });
        }
        let script = coin.derived.definite.derived_descriptor(&*SECP);
        if script.script_pubkey() != coin.prevout.script_pubkey {
            return Err(FinalizerError::ForeignScript { input });
        }
        scripts.push((script, Offered::default(), 0_usize));
    }

    let mut sighashes = Sighashes::new(unsigned, &prevouts);
    let mut set_aside = Vec::new();
    for signature in signatures {
        let Some((script, offered, valid)) = scripts.get_mut(signature.input) else {
            set_aside.push((signature, BadSignature::NoSuchInput));
            continue;
        };
        match sighashes.verify(&signature, script) {
            Ok(verified) => {
                offered.add(verified);
                *valid = valid.saturating_add(1);
            }
            Err(reason) => set_aside.push((signature, reason)),
        }
    }

    let mut checker = Checker::new(unsigned, &prevouts);
    let mut witnesses = Vec::with_capacity(scripts.len());
    for (input, (script, offered, valid)) in scripts.iter().enumerate() {
        let witness = offered
            .satisfy(script)
            .ok_or(FinalizerError::TooFewSignatures {
                input,
                valid: *valid,
            })?;
        checker
            .check(input, &witness)
            .map_err(|reason| FinalizerError::Witness { input, reason })?;
        witnesses.push(witness);
    }
    Ok(Finalized {
        witnesses,
        set_aside,
    })
}
