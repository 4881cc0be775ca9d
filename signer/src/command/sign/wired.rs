//! `sign --device`: hand over, have it signed on the wire, answer.
//!
//! Invariant: what is handed to the device is journalled before, and whatever the device or its tool does then,
//! the same command works again.

use super::answering::{line, value};
use super::{Open, Sign};
use crate::command::Context;
use crate::command::device::Waiting;
use crate::command::review::review_json;
use crate::device::{
    Device, DeviceError, Owner, STAYS_JOURNALLED, Tool, Wanted, Wire, ask, comparison, expect_fits,
    taken, tool_to_sign,
};
use crate::failure::Failure;
use crate::home::Home;
use crate::outputs;
use policies::words::device_text;
use serde_json::json;
use std::path::Path;

/// The device of a home, and how it is reached.
struct Reached<'a> {
    wire: Wire,
    wanted: &'a Wanted,
    tool: Tool,
    owner: Owner,
    waiting: Waiting,
}

impl Reached<'_> {
    fn with<T, E: From<DeviceError>>(
        &self,
        tool: Tool,
        what: impl FnOnce(&dyn Device) -> Result<T, E>,
    ) -> Result<T, E> {
        let key = Some(self.owner.key.fingerprint());
        let silent = self.waiting.silent();
        self.wire.with(tool, self.wanted, key, None, &silent, what)
    }
}

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
        let reached = Reached {
            wire: self.wire.wire(owner.policy.network),
            wanted,
            tool,
            owner,
            waiting: Waiting::new(&self.wire)?,
        };
        // The device first: nobody types a passphrase for one that is not there.
        reached.with(tool, |device| {
            self.by_way_of(device, &reached, context, home, file)
        })
    }

    fn by_way_of(
        &self,
        device: &dyn Device,
        reached: &Reached<'_>,
        context: &mut Context,
        home: &Home,
        file: &Path,
    ) -> Result<(), Failure> {
        let kind = reached.owner.key.kind();
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
        let owner = Owner::of_coins(home, examined.review().former)?;
        let tool = tool_to_sign(kind, owner.purpose())?;
        expect_fits(&owner, examined.review(), &bytes)?;
        let compare = device_text(examined.review(), signer.policy(), kind.name());
        let shown_there = comparison(examined.review(), signer.policy(), kind.name());
        context.terminal.talk(&format!("\n{shown_there}"));
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
        let what = format!("Look at the device ({kind}), compare, and sign there");
        let (psbt, txid) = (&handed.psbt, handed.txid);
        let mut asked = |device: &dyn Device| {
            reached.waiting.told(context, &what, |watch| {
                ask(device, psbt, txid, &owner, watch)
            })
        };
        let answer = if tool == reached.tool {
            asked(device)
        } else {
            reached.with(tool, asked)
        };
        let answered = answer
            .map_err(Failure::from)
            .and_then(|answer| taken(&mut signer, &examined, answer, context.now()?))
            .inspect_err(|_| context.terminal.talk(STAYS_JOURNALLED))?;
        context.terminal.talk(&answered.text(&txid));
        let output = self.write(home, &txid, &bytes, &answered)?;
        let mut value = value(&answered, output.as_deref());
        value["device"] = json!(kind.name());
        value["compare"] = json!(compare);
        value["review"] = shown;
        context
            .terminal
            .answer(&line(&answered, output.as_deref()), &value)
    }
}
