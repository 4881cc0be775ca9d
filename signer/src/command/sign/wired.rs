//! `sign --device`: hand over, have it signed on the wire, answer.
//!
//! Invariant: what is handed to the device is journalled before, and whatever the device or its tool does then,
//! the same command works again.

use super::answering::{line, told, value};
use super::{Open, Sign};
use crate::command::Context;
use crate::command::device::{Owner, Waiting};
use crate::command::review::review_json;
use crate::countersign::{Answered, CountersignError, Countersigner, Examined, Handed};
use crate::device::{Device, DeviceError, Registration, Wanted, for_wire, screens, tool_to_sign};
use crate::failure::Failure;
use crate::home::Home;
use crate::outputs;
use policies::carrier::for_device;
use policies::devices::limits_of;
use policies::psbt::read_intake;
use policies::words::device_text;
use serde_json::json;
use std::path::Path;

impl Sign {
    pub(super) fn sign_on_device(
        &self,
        context: &mut Context,
        home: &Home,
        file: &Path,
        wanted: &Wanted,
    ) -> Result<(), Failure> {
        let owner = Owner::of(home)?;
        let tool = tool_to_sign(owner.key.kind(), owner.purpose())?;
        let wire = self.wire.wire(owner.policy.network);
        let waiting = Waiting::new(&self.wire)?;
        let key = Some(owner.key.fingerprint());
        // The device first: nobody types a passphrase for one that is not there.
        let silent = waiting.silent();
        wire.with(tool, wanted, key, None, &silent, |device| {
            self.by_way_of(device, context, home, file, &owner, &waiting)
        })
    }

    fn by_way_of(
        &self,
        device: &dyn Device,
        context: &mut Context,
        home: &Home,
        file: &Path,
        owner: &Owner,
        waiting: &Waiting,
    ) -> Result<(), Failure> {
        let kind = owner.key.kind();
        let Open {
            bytes,
            mut signer,
            examined,
            dated,
        } = super::examined(context, home, file)?;
        let shown = review_json(examined.review());
        self.refuse_another_mode(examined.review().mode)?;
        if let Some(output) = self.output.as_ref().filter(|out| !out.is_dir()) {
            super::expect_output(home, output, file)?;
            outputs::expect_free(output, &examined.review().txid)?;
        }
        let transaction = &examined.review().transaction;
        refuse_too_large(
            kind.name(),
            transaction.input.len(),
            transaction.output.len(),
            for_device(&bytes).map_err(DeviceError::NotAPsbt)?.len(),
            transaction.total_size(),
        )?;
        let compare = device_text(examined.review(), signer.policy(), kind.name());
        let screens = screens(kind.name());
        context.terminal.talk(&format!("\n{compare}{screens}"));
        if let Some(dated) = &dated {
            context.confirm_date(dated, self.yes)?;
        }
        if !self.yes {
            let question = if self.recovery {
                "Have the device sign this RECOVERY?"
            } else {
                "Have the device sign it?"
            };
            context.terminal.confirm(question)?;
        }
        let handed = signer.hand_over(&examined, context.now()?)?;
        let registration = owner.registration.as_ref();
        let answered = ask(device, context, &handed, registration, owner, waiting)
            .and_then(|answer| taken(&mut signer, &examined, &handed, &answer, context));
        let answered = answered.inspect_err(|_| {
            context.terminal.talk(
                "Nothing was signed that is taken; it stays journalled. Sign it again, with\n\
                 the device or by hand (--hand-to), once that is mended.",
            );
        })?;
        context.terminal.talk(&told(&handed.txid, &answered));
        let output = self.write(home, &handed.txid, &bytes, &answered)?;
        let mut value = value(&answered, output.as_deref());
        value["device"] = json!(kind.name());
        value["compare"] = json!(compare);
        value["review"] = shown;
        context
            .terminal
            .answer(&line(&answered, output.as_deref()), &value)
    }
}

/// Has the device sign, and gives what came back, unread.
fn ask(
    device: &dyn Device,
    context: &mut Context,
    handed: &Handed,
    registration: Option<&Registration>,
    owner: &Owner,
    waiting: &Waiting,
) -> Result<Vec<u8>, Failure> {
    let psbt = for_wire(&handed.psbt, &owner.policy.descriptor);
    let kind = owner.key.kind();
    let what = format!("Look at the device ({kind}), compare, and sign there");
    let answer = waiting.told(context, &what, |watch| {
        device.sign(&psbt, registration, watch)
    });
    Ok(answer?)
}

/// What of an answer is taken: this signer's own verified signatures over this transaction.
fn taken(
    signer: &mut Countersigner,
    examined: &Examined,
    handed: &Handed,
    answer: &[u8],
    context: &mut Context,
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
        .answer(examined, &[intake], context.now()?)
        .map_err(|error| {
            if matches!(error, CountersignError::NotAnswered { .. }) {
                DeviceError::NotSigned.into()
            } else {
                error.into()
            }
        })
}

/// Refuses what the device does not take, before anything is journalled for it.
fn refuse_too_large(
    kind: &str,
    inputs: usize,
    outputs: usize,
    psbt: usize,
    transaction: usize,
) -> Result<(), DeviceError> {
    let limits = limits_of(kind);
    let exceeded = limits.map(|limits| limits.exceeded(inputs, outputs, psbt, transaction));
    match exceeded {
        Some(exceeded) if !exceeded.is_empty() => Err(DeviceError::TooLarge {
            what: exceeded.join("; "),
        }),
        Some(_) | None => Ok(()),
    }
}
