//! What leaves a signer: the transaction, our signatures, our receipt, and nothing else.
//!
//! Pure. Never the coordinator's PSBT back: no script, origin or amount of somebody else travels
//! under this signer's hand.

use crate::signing::InputSignatures;
use bitcoin::Transaction;
use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::ProprietaryKey;
use policies::Receipt;
use policies::psbt::manifest::{PREFIX, RecordKind};

/// The transaction carries scriptSigs or witnesses, so it is no unsigned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transaction is not unsigned")]
pub struct NotUnsigned;

/// Puts signatures and receipt over an unsigned transaction.
///
/// # Errors
/// [`NotUnsigned`], which a reviewed transaction never is.
pub fn reply(
    transaction: &Transaction,
    signatures: Vec<InputSignatures>,
    receipt: &Receipt,
) -> Result<Psbt, NotUnsigned> {
    let mut psbt = Psbt::from_unsigned_tx(transaction.clone()).map_err(|_| NotUnsigned)?;
    for (input, signatures) in psbt.inputs.iter_mut().zip(signatures) {
        input.partial_sigs = signatures.ecdsa;
        input.tap_script_sigs = signatures.tap_leaves;
        input.tap_key_sig = signatures.tap_key;
    }
    let key = ProprietaryKey {
        prefix: PREFIX.to_vec(),
        subtype: RecordKind::Receipt.subtype(),
        key: receipt.body.journal.as_bytes().to_vec(),
    };
    psbt.proprietary.insert(key, receipt.encode());
    Ok(psbt)
}
