//! `review`: shows what a transfer would pay, or every reason not to sign it.

use super::Context;
use crate::countersign::examine;
use crate::failure::Failure;
use crate::journal_file::JournalFile;
use crate::pin::Pinned;
use crate::terminal::read_input;
use policies::History;
use policies::psbt::MAX_BYTES;
use policies::review::Review;
use policies::words::review_text;
use std::path::{Path, PathBuf};

/// Show what a transfer pays and why it may be signed, or every reason why not
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice review w1.psbt\n\
\x20 countersign-signer --home alice review w1.psbt --json")]
pub(super) struct ReviewVerb {
    /// The PSBT (binary, base64 or hex), or - for standard input
    file: PathBuf,
}

impl ReviewVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        let bytes = read_transfer(&self.file)?;
        let history = match pinned.journal() {
            Some(owner) => JournalFile::read(&home.journal_file(), owner)?
                .history()
                .clone(),
            None => History::none(),
        };
        let now = context.now()?;
        let examined = examine(&bytes, pinned.policy(), &history, now)?;
        let review = examined.review();
        let mut text = review_text(review, pinned.policy());
        let mut value = review_json(review);
        if let Some(dated) = context.dated(review, pinned.policy())? {
            text += &dated.text(now);
            value["date"] = serde_json::json!({
                "given": now,
                "newest": dated.newest,
                "good_until": dated.ends,
            });
        }
        context.terminal.answer(&text, &value)
    }
}

/// Reads the bytes of a transfer once, into the one buffer that is reviewed and signed.
pub(super) fn read_transfer(file: &Path) -> Result<Vec<u8>, Failure> {
    // Hex takes twice the bytes.
    let most = u64::try_from(MAX_BYTES.saturating_mul(3)).unwrap_or(u64::MAX);
    read_input(file, most)
}

/// A review for programs.
pub(super) fn review_json(review: &Review) -> serde_json::Value {
    let payments = review.payments.iter().map(|payment| {
        serde_json::json!({
            "output": payment.output,
            "amount_sat": payment.amount.to_sat(),
            "address": payment.address.as_ref().map(ToString::to_string),
            "script_pubkey": payment.script_pubkey.to_hex_string(),
            "requester": payment.intent.requester,
            "id": payment.intent.id,
            "intent": payment.hash,
            "reference": payment.intent.reference,
            "rule": payment.rule,
            "approved_by": payment.approved_by,
            "page_approved_by": payment.page_approved_by,
        })
    });
    let changes = review.changes.iter().map(|change| {
        serde_json::json!({
            "output": change.output,
            "index": change.index,
            "amount_sat": change.amount.to_sat(),
        })
    });
    serde_json::json!({
        "mode": review.mode.name(),
        "txid": review.txid.to_string(),
        "mode": review.mode.name(),
        "older": review.older,
        "paid_sat": review.paid().to_sat(),
        "fee_sat": review.fee.to_sat(),
        "feerate_sat_kwu": review.feerate.to_sat_per_kwu(),
        "weight": review.weight.to_wu(),
        "inputs": review.inputs.len(),
        "payments": payments.collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
        "warnings": review.warnings,
    })
}
