//! `journal`: shows, verifies and moves what this home signed.

mod export;
mod moving;
mod receipt;
mod show;
mod status;

pub(super) use status::born;

use super::Context;
use crate::failure::{Class, Failure};
use crate::journal_file::{JournalFile, JournalFileError, MOST_READ, read_named};
use crate::pin::Pinned;
use crate::succeeding::catch_up;
use crate::terminal::read_input;
use bitcoin::Txid;
use policies::Journal;
use std::path::PathBuf;

/// Show, verify, export or move the journal; give its receipts again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice journal status\n\
\x20 countersign-signer --home alice journal show --json")]
pub(super) struct JournalVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the entries after verifying all of them; with --json the lines as they are
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice journal show")]
    Show,
    /// Verify the chain of entries from the birth to the last
    #[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice journal verify\n\
\x20 countersign-signer journal verify copy-of-a-journal.jsonl")]
    Verify {
        /// Another journal's file, or - for standard input [default: this home's]
        file: Option<PathBuf>,
    },
    /// Say where the journal stands, and what is left of every window and budget
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice journal status")]
    Status,
    /// Give again the receipts that this journal gave for a transaction
    ///
    /// What a signer handed out with its signatures, byte for byte, as a proof of it.
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice journal receipt \\\n\
\x20   4f36a5f1a2f6d4c1e0b9d87766554433221100ffeeddccbbaa9988776655448a")]
    Receipt {
        /// The transaction's id
        txid: Txid,
    },
    /// Write the journal for the coordinator: what it signed, and where it ends
    ///
    /// With the exported journals of its signers a coordinator that lost its database, or was restored
    /// from an old backup, knows again what may still be paid. No key is in it.
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice journal export --out alice.journal")]
    Export {
        /// The new file to write it to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Move the journal to another machine
    Move(moving::MoveVerb),
}

impl JournalVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.what {
            What::Show => show(context),
            What::Verify { file: None } => {
                let (_, journal) = own(context)?;
                verified(context, &journal)
            }
            What::Verify { file: Some(file) } => {
                let bytes = read_input(&file, MOST_READ)?;
                verified(context, &read_named(&bytes)?)
            }
            What::Status => {
                let (pinned, journal) = own(context)?;
                let now = context.now()?;
                status::answer(context, pinned.policy(), &journal, now)
            }
            What::Receipt { txid } => receipt::answer(context, txid),
            What::Export { out } => export::answer(context, &out),
            What::Move(verb) => verb.run(context),
        }
    }
}

/// The home's pin and its journal, verified.
fn own(context: &Context) -> Result<(Pinned, Journal), Failure> {
    let (pinned, journal, _) = read_own(context)?;
    Ok((pinned, journal))
}

/// The same with the lines that were verified.
fn read_own(context: &Context) -> Result<(Pinned, Journal, Vec<u8>), Failure> {
    let home = context.home()?;
    let pinned = Pinned::load(&home)?;
    let owner = pinned.journal().ok_or_else(no_signer)?;
    let (journal, lines) = JournalFile::read_lines(&home.journal_file(), owner)?;
    let pinned = catch_up(&home, pinned, journal.history())?;
    Ok((pinned, journal, lines))
}

fn show(context: &mut Context) -> Result<(), Failure> {
    let (_, _, lines) = read_own(context)?;
    if context.terminal.is_json() {
        return context.terminal.data(&lines);
    }
    let entries =
        Journal::entries(&lines).map_err(|error| JournalFileError::Tampered(Box::new(error)))?;
    context.terminal.data(show::table(&entries).as_bytes())
}

fn verified(context: &mut Context, journal: &Journal) -> Result<(), Failure> {
    let history = journal.history();
    let text = format!(
        "The journal proves itself\n  {}\n  vault         {}\n  \
         born          {}\n  entries       {}\n  transactions  {}\n  head          {}{}",
        journal.key(),
        journal.vault(),
        born(history.birth()),
        journal.counter(),
        history.transactions(),
        journal.head(),
        moves_text(journal),
    );
    let value = serde_json::json!({
        "journal": journal.key(),
        "vault": journal.vault(),
        "birth": history.birth(),
        "counter": journal.counter(),
        "transactions": history.transactions(),
        "head": journal.head(),
        "moved_from": journal.moves().iter().map(|one| one.statement.from).collect::<Vec<_>>(),
        "moved_to": history.moved_to(),
    });
    context.terminal.answer(&text, &value)
}

fn moves_text(journal: &Journal) -> String {
    let from = journal.moves().iter();
    let from = from.map(|one| format!("\n  moved from\n    {}", one.statement.from));
    let to = journal.history().moved_to();
    let to = to.map(|key| format!("\n  moved to\n    {key}"));
    from.chain(to).collect()
}

/// A home that keeps no journal, where a verb needs one.
pub(super) fn no_signer() -> Failure {
    Failure::because(
        Class::Usage,
        "NOT_A_SIGNER",
        "this home is no signer of its policy",
    )
    .hinted("use the home of a signer: only signers keep a journal")
}
