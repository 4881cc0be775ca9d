//! `sign --hand-to`: a transfer goes to the foreign device that holds the key.
//!
//! Invariant: nothing is written for the device before the journal has it: from then on it may be signed.

use super::{Open, Sign};
use crate::command::Context;
use crate::command::review::review_json;
use crate::countersign::{CountersignError, Handed};
use crate::failure::Failure;
use crate::home::Home;
use crate::keystore::DeviceKind;
use crate::outputs;
use crate::pin::Pinned;
use policies::carrier::{Carrier, Stage};
use policies::psbt::Encoding;
use policies::words::device_text;
use std::path::{Path, PathBuf};

impl Sign {
    pub(super) fn hand_over(
        &self,
        context: &mut Context,
        home: &Home,
        file: &Path,
        out: &Path,
    ) -> Result<(), Failure> {
        let key = home.device_key()?.ok_or(CountersignError::KeyHere)?;
        let device = key.kind();
        if out != Path::new("-") {
            let probe = if out.is_dir() {
                out.join("psbt")
            } else {
                out.to_owned()
            };
            super::expect_output(home, &probe, file)?;
        }
        let Open {
            mut signer,
            examined,
            dated,
            ..
        } = super::examined(context, home, file)?;
        let shown = review_json(examined.review());
        self.refuse_another_mode(examined.review().mode)?;
        if out != Path::new("-") && !out.is_dir() {
            outputs::expect_free(out, &examined.review().txid)?;
        }
        let compare = device_text(examined.review(), signer.policy(), device.name());
        context.terminal.talk(&format!("\n{compare}"));
        if let Some(dated) = &dated {
            context.confirm_date(dated, self.yes)?;
        }
        if !self.yes {
            let question = if self.recovery {
                "Hand this RECOVERY over, to be signed?"
            } else {
                "Hand it over, to be signed?"
            };
            context.terminal.confirm(question)?;
        }
        let handed = signer.hand_over(&examined, context.now()?)?;
        let base64 = Encoding::Base64.encode(&handed.psbt);
        let base64 = String::from_utf8_lossy(&base64).into_owned();
        let written = write(home, &handed, out)?;
        let value = serde_json::json!({
            "txid": handed.txid,
            "device": device.name(),
            "handed_to": written,
            "compare": compare,
            "review": shown,
            "psbt": base64,
        });
        context
            .terminal
            .talk(&next(home, written.as_deref(), device));
        let text = match &written {
            Some(file) => format!("Handed over: {}", file.display()),
            None => base64,
        };
        context.terminal.answer(&text, &value)
    }
}

/// Writes it to the file or into the folder, and says where; nowhere for standard output.
fn write(home: &Home, handed: &Handed, out: &Path) -> Result<Option<PathBuf>, Failure> {
    if out == Path::new("-") {
        return Ok(None);
    }
    let file = if out.is_dir() {
        let pinned = Pinned::load(home)?;
        let signer = pinned.signer().unwrap_or_default();
        super::place_in(out, &handed.txid, Stage::ForDevice, signer, &handed.psbt)
    } else {
        out.to_owned()
    };
    outputs::write(Some(home), &file, &handed.psbt)?;
    Ok(Some(file))
}

/// What a person does now.
fn next(home: &Home, file: Option<&Path>, device: &DeviceKind) -> String {
    let carrier = match device.carrier() {
        Carrier::Bbqr => "bbqr",
        Carrier::Ur => "ur",
    };
    let file = file.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    format!(
        "It is journalled: the device may sign it now. Carry it there, as the file or\n\
         by its codes:\n  countersign-signer qr show {file} --carrier {carrier}\n\
         Compare, sign there, and bring back what the device gives:\n  \
         countersign-signer --home {} sign --answer REPLY --output SIGNED",
        home.folder().display()
    )
}
