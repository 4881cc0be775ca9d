//! `drill --hand-to`: a drill goes to the foreign device that holds the key.
//!
//! Which drill it was is kept in the home, so that the answer is known by its transaction. No journal has it: what
//! the device signs can move no money.

use super::{Drilling, ON_SCREEN, json, place, told};
use crate::command::Context;
use crate::countersign::CountersignError;
use crate::drilling::write;
use crate::failure::Failure;
use crate::keystore::durable;
use crate::outputs;
use policies::carrier::Carrier;
use policies::proof::Proof;
use policies::psbt::Encoding;
use std::path::{Path, PathBuf};

/// Writes a drill for the device, and keeps which one it was.
pub(super) fn hand_over(
    context: &mut Context,
    drilling: &Drilling,
    proof: &Proof<'_>,
    out: &Path,
) -> Result<(), Failure> {
    let home = &drilling.home;
    let key = home.device_key()?.ok_or(CountersignError::KeyHere)?;
    let psbt = proof.psbt();
    let bytes = psbt.serialize();
    let to_file = out != Path::new("-");
    let file: Option<PathBuf> = to_file.then(|| place(out, proof, drilling, &bytes));
    if let Some(file) = &file {
        outputs::expect_writable(Some(home), file)?;
        outputs::expect_free(file, &proof.txid())?;
    }
    context.terminal.talk(&told(proof));
    durable::make_folder(&home.drills())?;
    let kept = write(proof, &drilling.name, &psbt);
    durable::replace(&home.drill_file(proof.txid()), &kept)?;
    let base64 = Encoding::Base64.encode(&bytes);
    let base64 = String::from_utf8_lossy(&base64).into_owned();
    if let Some(file) = &file {
        outputs::write(Some(home), file, &bytes)?;
    }
    let mut value = json(proof);
    value["device"] = serde_json::json!(key.kind().name());
    value["handed_to"] = serde_json::json!(file);
    value["psbt"] = serde_json::json!(base64);
    let carrier = match key.kind().carrier() {
        Carrier::Bbqr => "bbqr",
        Carrier::Ur => "ur",
    };
    let shown = file.as_ref();
    let shown = shown.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    context.terminal.talk(&next(&shown, carrier, home.folder()));
    let text = match &file {
        Some(file) => format!("Handed over: {}", file.display()),
        None => base64,
    };
    context.terminal.answer(&text, &value)
}

/// What a person does now.
fn next(file: &str, carrier: &str, home: &Path) -> String {
    format!(
        "Carry it to the device, as the file or by its codes:\n  \
         countersign-signer qr show {file} --carrier {carrier}\n\
         {ON_SCREEN} Bring back what it gives:\n  \
         countersign-signer --home {} drill --answer REPLY --output FILE",
        home.display()
    )
}
