//! A transfer for a foreign device: without the manifest, which only signers of ours read.

use bitcoin::psbt::Psbt;

use crate::psbt::{Manifest, PsbtRefusal, read_strict, to_binary};

/// The PSBT that a foreign device is given: the transfer's own, less our records.
///
/// What the device signs is the same transaction, so that its answer needs nothing put back: intake
/// takes signatures by the transaction that they sign.
///
/// # Errors
/// [`PsbtRefusal`] when it is no PSBT that a signer would read.
pub fn for_device(transfer: &[u8]) -> Result<Vec<u8>, PsbtRefusal> {
    let strict = read_strict(&to_binary(transfer)?)?;
    let mut psbt: Psbt = strict.psbt().clone();
    Manifest::strip(&mut psbt);
    Ok(psbt.serialize())
}

#[cfg(all(test, feature = "signing"))]
#[path = "device_tests.rs"]
mod tests;
