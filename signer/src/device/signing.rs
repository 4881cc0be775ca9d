//! One transfer signed on a wire, whoever asks for it: at the terminal, or on the bridge's page.
//!
//! The order is the caller's: it must fit, be compared, be handed over durably, asked for, and taken. Invariant:
//! of an answer nothing is taken but this signer's own signatures over the transaction that was handed over.

use super::{Device, DeviceError, Owner, Watch, for_wire, screens};
use crate::countersign::{Answered, CountersignError, Countersigner, Examined};
use crate::failure::Failure;
use bitcoin::Txid;
use policies::carrier::for_device;
use policies::psbt::{Intake, read_intake};
use policies::review::Review;
use policies::words::device_text;
use policies::{Policy, UnixTime};

/// What is said where a device was asked, and nothing came of it.
pub const STAYS_JOURNALLED: &str = "Nothing was signed that is taken; it stays journalled. Sign it again, with\n\
     the device or by hand (--hand-to), once that is mended.";

/// Refuses what such a device does not take, before anything is journalled for it.
///
/// # Errors
/// [`DeviceError::TooLarge`], [`DeviceError::NotAPsbt`].
pub fn expect_fits(owner: &Owner, review: &Review, transfer: &[u8]) -> Result<(), DeviceError> {
    let Some(limits) = owner.limits() else {
        return Ok(());
    };
    let transaction = &review.transaction;
    let exceeded = limits.exceeded(
        transaction.input.len(),
        transaction.output.len(),
        for_device(transfer).map_err(DeviceError::NotAPsbt)?.len(),
        transaction.total_size(),
    );
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(DeviceError::TooLarge {
        what: exceeded.join("; "),
    })
}

/// What the device must show, and in which words its kind shows it.
pub fn comparison(review: &Review, policy: &Policy, kind: &str) -> String {
    format!("{}{}", device_text(review, policy, kind), screens(kind))
}

/// Has the device sign a PSBT, and gives what it says it signed: the same transaction, and nothing of it verified.
///
/// # Errors
/// [`DeviceError`].
pub fn ask(
    device: &dyn Device,
    psbt: &[u8],
    txid: Txid,
    owner: &Owner,
    watch: &Watch<'_>,
) -> Result<Intake, DeviceError> {
    let psbt = for_wire(psbt, &owner.policy.descriptor);
    let answer = device.sign(&psbt, owner.registration.as_ref(), watch)?;
    let intake = read_intake(&answer).map_err(DeviceError::NotAPsbt)?;
    if intake.txid == txid {
        Ok(intake)
    } else {
        Err(DeviceError::OtherTransaction {
            asked: txid,
            found: intake.txid,
        })
    }
}

/// Takes what of an answer is taken: this signer's own verified signatures over this transaction.
///
/// # Errors
/// [`DeviceError::NotSigned`], or as [`Countersigner::answer`].
pub fn taken(
    signer: &mut Countersigner,
    examined: &Examined,
    answer: Intake,
    clock: UnixTime,
) -> Result<Answered, Failure> {
    signer.answer(examined, &[answer], clock).map_err(|error| {
        if matches!(error, CountersignError::NotAnswered { .. }) {
            DeviceError::NotSigned.into()
        } else {
            error.into()
        }
    })
}
