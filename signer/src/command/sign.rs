//! `sign`: reviews, journals and signs one transfer.

use super::Context;
use super::review::{read_transfer, review_json};
use crate::clock;
use crate::countersign::{CountersignError, Countersigner};
use crate::failure::{Class, Failure};
use crate::home::Home;
use crate::keystore::durable;
use crate::pin::Pinned;
use policies::journal::SpendMode;
use policies::psbt::Encoding;
use policies::words::{count, review_text};
use std::path::PathBuf;

/// Review a transfer, remember it, and sign it
///
/// Gives back signatures and a receipt only, as a PSBT: on standard output in base64, or in a file
/// written as the transfer was. Nothing is written when it is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice sign w1.psbt --output w1.alice.psbt\n\
\x20 countersign-signer --home alice sign recovery.psbt --recovery")]
pub(super) struct Sign {
    /// The PSBT (binary, base64 or hex), or - for standard input
    file: PathBuf,
    /// Write the signatures to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Sign a recovery, which takes the path with a timelock, and nothing but a recovery
    #[arg(long)]
    recovery: bool,
    /// Do not ask: it was reviewed before, or the rules are all that is wanted
    #[arg(long)]
    yes: bool,
}

impl Sign {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        expect_signer(&home)?;
        let bytes = read_transfer(&self.file)?;
        let passphrase = context.passphrase()?;
        let mut signer = Countersigner::open(&home, &passphrase)?;
        let examined = match signer.examine(&bytes, clock::now()) {
            Ok(examined) => examined,
            Err(error) => {
                signer.note_carried(&bytes, clock::now())?;
                return Err(error.into());
            }
        };
        let shown = review_json(examined.review());
        context
            .terminal
            .talk(&review_text(examined.review(), signer.policy()));
        self.refuse_another_mode(examined.review().mode)?;
        if !self.yes {
            let question = if self.recovery {
                "Sign this RECOVERY?"
            } else {
                "Sign this?"
            };
            context.terminal.confirm(question)?;
        }
        let signed = signer.sign(examined, clock::now())?;
        let psbt = signed.to_bytes();
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
            "Signed: signatures for {} in {}",
            count(signed.signatures, "input"),
            output.display()
        );
        context.terminal.answer(&text, &value)
    }
}

/// Refuses, before anybody is asked for a passphrase, a home that holds no signer's keys.
pub(super) fn expect_signer(home: &Home) -> Result<(), Failure> {
    let pinned = Pinned::load(home)?;
    pinned.journal().ok_or(CountersignError::NotASigner)?;
    Ok(())
}

impl Sign {
    /// A recovery is signed only by somebody who says that it is wanted, and then nothing else is.
    fn refuse_another_mode(&self, mode: SpendMode) -> Result<(), Failure> {
        match (mode, self.recovery) {
            (SpendMode::Recovery, true) | (SpendMode::Pay | SpendMode::SelfSpend, false) => Ok(()),
            (SpendMode::Recovery, false) => Err(Failure::because(
                Class::Refused,
                "RECOVERY_NOT_WISHED",
                "this is a recovery: it takes the path with a timelock and pays all of its coins to where \
                 the policy says",
            )
            .hinted("give --recovery if the vault is to be recovered now; ask the other signers first")),
            (SpendMode::Pay | SpendMode::SelfSpend, true) => Err(Failure::because(
                Class::Refused,
                "NOT_A_RECOVERY",
                "--recovery was given, and this is no recovery",
            )
            .hinted("leave --recovery out to sign what the review shows")),
        }
    }
}
