//! `journal`: shows, verifies and moves what this home signed.

mod moving;
mod show;

use super::Context;
use crate::clock;
use crate::failure::{Class, Failure};
use crate::journal_file::{JournalFile, JournalFileError, read_bytes};
use crate::pin::Pinned;
use crate::terminal::read_input;
use policies::{Journal, UnixTime};
use std::path::PathBuf;

/// The most bytes of a journal that are read from a file.
const MAX_BYTES: u64 = 1 << 30;

/// A day, over which `status` sums up.
const DAY: u64 = 86_400;

/// Show, verify or move the journal
#[derive(Debug, clap::Args)]
pub(super) struct JournalVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the entries after verifying all of them; with --json the lines as they are
    Show,
    /// Verify the chain of entries from the birth to the last
    Verify {
        /// Another journal's file, or - for standard input [default: this home's]
        file: Option<PathBuf>,
    },
    /// Say where the journal stands, and what it granted in the last day
    Status,
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
                let bytes = read_input(&file, MAX_BYTES)?;
                let journal = Journal::read(&bytes)
                    .map_err(|error| JournalFileError::Tampered(Box::new(error)))?;
                verified(context, &journal)
            }
            What::Status => {
                let (pinned, journal) = own(context)?;
                status(context, &pinned, &journal, clock::now())
            }
            What::Move(verb) => verb.run(context),
        }
    }
}

/// The home's pin and its journal, verified.
fn own(context: &Context) -> Result<(Pinned, Journal), Failure> {
    let home = context.home()?;
    let pinned = Pinned::load(&home)?;
    let path = home.journal_file();
    let owner = pinned
        .journal()
        .ok_or_else(|| JournalFileError::Missing(path.clone()))?;
    let journal = JournalFile::read(&path, owner)?;
    Ok((pinned, journal))
}

fn show(context: &mut Context) -> Result<(), Failure> {
    own(context)?;
    let bytes = read_bytes(&context.home()?.journal_file())?;
    let complete = Journal::complete_lines(&bytes);
    let lines = bytes.get(..complete).unwrap_or_default();
    if context.terminal.is_json() {
        return context.terminal.data(lines);
    }
    let entries =
        Journal::entries(lines).map_err(|error| JournalFileError::Tampered(Box::new(error)))?;
    context.terminal.data(show::table(&entries).as_bytes())
}

fn verified(context: &mut Context, journal: &Journal) -> Result<(), Failure> {
    let history = journal.history();
    let text = format!(
        "The journal proves itself\n  journal       {}\n  vault         {}\n  \
         born          {}\n  entries       {}\n  transactions  {}\n  head          {}{}",
        journal.key(),
        journal.vault(),
        history.birth(),
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
    let from = from.map(|one| format!("\n  moved from    {}", one.statement.from));
    let to = journal.history().moved_to();
    let to = to.map(|key| format!("\n  moved to      {key}"));
    from.chain(to).collect()
}

fn status(
    context: &mut Context,
    pinned: &Pinned,
    journal: &Journal,
    clock: UnixTime,
) -> Result<(), Failure> {
    let history = journal.history();
    let now = journal.now(clock);
    let since = now.saturating_sub(DAY);
    let (fees, (self_fees, self_count)) = (
        history.fees_since(since),
        history.self_spends_in_window(since),
    );
    let rules = pinned.policy().rules.iter();
    let rules: Vec<(&str, u64)> = rules
        .map(|rule| {
            let granted = history.windows().spent(&rule.name, since);
            (rule.name.as_str(), granted.to_sat())
        })
        .collect();
    let mut text = format!(
        "Journal of {}\n  born          {}\n  entries       {}\n  transactions  {}{}\n\
         In the 24 hours before {now}\n  fees          at most {} sat\n  \
         self-spends   {self_count}, fees {} sat",
        journal.key(),
        history.birth(),
        journal.counter(),
        history.transactions(),
        moves_text(journal),
        show::grouped(fees.to_sat()),
        show::grouped(self_fees.to_sat()),
    );
    for (rule, sat) in &rules {
        let sat = show::grouped(*sat);
        text.extend(["\n  granted       ", &sat, " sat by rule ", rule]);
    }
    let granted: Vec<_> = rules
        .iter()
        .map(|(rule, sat)| serde_json::json!({ "rule": rule, "sat": sat }))
        .collect();
    let value = serde_json::json!({
        "journal": journal.key(),
        "birth": history.birth(),
        "counter": journal.counter(),
        "transactions": history.transactions(),
        "moved_to": history.moved_to(),
        "now": now,
        "since": since,
        "fees_sat": fees.to_sat(),
        "self_spends": { "count": self_count, "fees_sat": self_fees.to_sat() },
        "granted": granted,
    });
    context.terminal.answer(&text, &value)
}

/// A home that keeps no journal, where a verb needs one.
fn no_signer() -> Failure {
    Failure::because(
        Class::Usage,
        "NOT_A_SIGNER",
        "this home is no signer of its policy",
    )
    .hinted("use the home of the signer whose journal moves")
}
