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
    Device, Owner, STAYS_JOURNALLED, Wanted, ask, comparison, expect_fits, taken, tool_to_sign,
};
use crate::failure::Failure;
use crate::home::Home;
use crate::outputs;
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
        expect_fits(kind.name(), examined.review(), &bytes)?;
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
        let answer = waiting.told(context, &what, |watch| ask(device, &handed, owner, watch));
        let answered = answer
            .map_err(Failure::from)
            .and_then(|answer| taken(&mut signer, &examined, &handed, &answer, context.now()?))
            .inspect_err(|_| context.terminal.talk(STAYS_JOURNALLED))?;
        context.terminal.talk(&answered.text(&handed.txid));
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
