//! `journal`: shows and verifies what this home signed.

use super::Context;
use crate::failure::Failure;
use crate::journal_file::{JournalFile, JournalFileError, read_bytes};
use crate::pin::Pinned;
use policies::Journal;

/// Show or verify the journal
#[derive(Debug, clap::Args)]
pub(super) struct JournalVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print every line after verifying all of them
    Show,
    /// Verify the chain of entries from the birth to the last
    Verify,
}

impl JournalVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let home = context.home()?;
        let pinned = Pinned::load(&home)?;
        let path = home.journal_file();
        let owner = pinned
            .journal()
            .ok_or_else(|| JournalFileError::Missing(path.clone()))?;
        let journal = JournalFile::read(&path, owner)?;
        match self.what {
            What::Show => {
                let bytes = read_bytes(&path)?;
                let complete = Journal::complete_lines(&bytes);
                context
                    .terminal
                    .data(bytes.get(..complete).unwrap_or_default())
            }
            What::Verify => {
                let history = journal.history();
                let text = format!(
                    "The journal proves itself\n  journal       {}\n  vault         {}\n  \
                     born          {}\n  entries       {}\n  transactions  {}\n  head          {}",
                    journal.key(),
                    journal.vault(),
                    history.birth(),
                    journal.counter(),
                    history.transactions(),
                    journal.head(),
                );
                let value = serde_json::json!({
                    "journal": journal.key(),
                    "vault": journal.vault(),
                    "birth": history.birth(),
                    "counter": journal.counter(),
                    "transactions": history.transactions(),
                    "head": journal.head(),
                });
                context.terminal.answer(&text, &value)
            }
        }
    }
}
