//! `sign`: reviews, journals and signs one transfer.

use super::Context;
use super::review::{read_transfer, review_json};
use crate::clock;
use crate::countersign::Countersigner;
use crate::failure::Failure;
use crate::keystore::durable;
use policies::psbt::Encoding;
use policies::review::review_text;
use std::path::PathBuf;

/// Review a transfer, remember it, and sign it
///
/// Gives back signatures and a receipt only, as a PSBT: on standard output in base64, or in a file
/// written as the transfer was. Nothing is written when it is refused.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The PSBT (binary, base64 or hex), or - for standard input
    file: PathBuf,
    /// Write the signatures to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask: it was reviewed before, or the rules are all that is wanted
    #[arg(long)]
    yes: bool,
}

impl Sign {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let bytes = read_transfer(&self.file)?;
        let passphrase = context.passphrase()?;
        let mut signer = Countersigner::open(&home, &passphrase)?;
        let examined = signer.examine(&bytes, clock::now())?;
        let shown = review_json(examined.review());
        context
            .terminal
            .talk(&review_text(examined.review(), signer.policy()));
        if !self.yes {
            context.terminal.confirm("Sign this?")?;
        }
        let signed = signer.sign(examined)?;
        let psbt = signed.psbt.serialize();
        let base64 = String::from_utf8_lossy(&Encoding::Base64.encode(&psbt)).into_owned();
        let value = serde_json::json!({
            "txid": signed.psbt.unsigned_tx.compute_txid().to_string(),
            "signatures": signed.signatures,
            "journal": signed.receipt.body.journal,
            "counter": signed.receipt.body.counter,
            "head": signed.receipt.body.head,
            "review": shown,
            "output": self.output,
            "psbt": base64,
        });
        let Some(output) = &self.output else {
            return context.terminal.answer(&base64, &value);
        };
        durable::replace(output, &Encoding::sniff(&bytes).encode(&psbt))?;
        let text = format!(
            "Signed: signatures for {} inputs in {}",
            signed.signatures,
            output.display()
        );
        context.terminal.answer(&text, &value)
    }
}
