//! `void`: the promise never to sign a transaction.

use super::Context;
use super::review::read_transfer;
use crate::countersign::CountersignError;
use crate::failure::Failure;
use crate::keystore::durable;
use crate::succeeding::opened;
use crate::voiding::void;
use bitcoin::Txid;
use policies::psbt::read_strict;
use std::path::PathBuf;

/// Promise that this signer did not and will never sign a transaction
///
/// Once signers without whom nobody can pay have voided an attempt, its coins are free again and what it
/// pays can be paid anew. What was signed here is never voided. The journal keeps the promise.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice void w1.psbt -o w1.void")]
pub(super) struct VoidVerb {
    /// The transaction's id, or its PSBT's file
    #[arg(value_name = "TXID|FILE")]
    what: String,
    /// Write the void to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl VoidVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let txid = if let Ok(txid) = self.what.parse::<Txid>() {
            txid
        } else {
            let bytes = read_transfer(&PathBuf::from(&self.what))?;
            let psbt = read_strict(&bytes).map_err(CountersignError::Psbt)?;
            psbt.transaction().compute_txid()
        };
        let home = context.home()?;
        let (pinned, journal) = opened(&home)?;
        let mut journal = journal.ok_or_else(super::journal::no_signer)?;
        context.terminal.talk(&format!(
            "Never sign {txid}, on this journal's word. This cannot be taken back."
        ));
        if !self.yes {
            context.terminal.confirm("Promise this?")?;
        }
        let key = context.journal_key()?;
        let vault = pinned.policy().vault;
        let given = void(&mut journal, key.secret(), vault, txid, context.now()?)?;
        let text = String::from_utf8_lossy(&given.encode()).into_owned();
        let value = serde_json::json!({ "txid": txid, "journal": given.journal, "void": text });
        match self.output {
            None if context.terminal.is_json() => context.terminal.answer("", &value),
            None => context.terminal.data(format!("{text}\n").as_bytes()),
            Some(output) => {
                durable::replace(&output, text.as_bytes())?;
                let said = format!("Voided {txid}\nWritten to {}", output.display());
                context.terminal.answer(&said, &value)
            }
        }
    }
}
