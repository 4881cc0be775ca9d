//! One transfer signed on a wire, whoever asks for it: at the terminal, or on the bridge's page.
//!
//! The order is the caller's: it must fit, be compared, be handed over durably, asked for, and taken. Invariant:
//! of an answer nothing is taken but this signer's own signatures over the transaction that was handed over.

use super::{Device, DeviceError, Owner, Watch, for_wire, screens};
use crate::countersign::{Answered, CountersignError, Countersigner, Examined, Handed};
use crate::failure::Failure;
use policies::carrier::for_device;
use policies::devices::limits_of;
use policies::psbt::read_intake;
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
pub fn expect_fits(kind: &str, review: &Review, transfer: &[u8]) -> Result<(), DeviceError> {
    let Some(limits) = limits_of(kind) else {
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

/// Has the device sign what was handed over, and gives what came back, unread.
///
/// # Errors
/// [`DeviceError`].
pub fn ask(
    device: &dyn Device,
    handed: &Handed,
    owner: &Owner,
    watch: &Watch<'_>,
) -> Result<Vec<u8>, DeviceError> {
    let psbt = for_wire(&handed.psbt, &owner.policy.descriptor);
    device.sign(&psbt, owner.registration.as_ref(), watch)
}

/// Takes what of an answer is taken: this signer's own verified signatures over this transaction.
///
/// # Errors
/// [`DeviceError`] when it is no answer to this, or as [`Countersigner::answer`].
pub fn taken(
    signer: &mut Countersigner,
    examined: &Examined,
    handed: &Handed,
    answer: &[u8],
    clock: UnixTime,
) -> Result<Answered, Failure> {
    let intake = read_intake(answer).map_err(DeviceError::NotAPsbt)?;
    if intake.txid != handed.txid {
        return Err(DeviceError::OtherTransaction {
            asked: handed.txid,
            found: intake.txid,
        }
        .into());
    }
    signer
        .answer(examined, &[intake], clock)
        .map_err(|error| match error {
            CountersignError::NotAnswered { .. } => DeviceError::NotSigned.into(),
            other => other.into(),
        })
}
