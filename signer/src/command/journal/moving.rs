//! `journal move`: prepare on the new machine, export on the old one, import on the new one.

use super::no_signer;
use crate::clock;
use crate::command::Context;
use crate::failure::Failure;
use crate::keystore::durable;
use crate::moving;
use crate::pin::Pinned;
use crate::terminal::read_input;
use policies::PublicKey;
use std::path::PathBuf;

/// Move the journal to another machine, with its memory and birth
///
/// On the new machine bring the signer's key to a new home with import, then `move prepare`. On the old
/// one `move export --to KEY`: from then on it signs nothing more. On the new one `move import FILE`, then
/// init.
#[derive(Debug, clap::Args)]
pub(super) struct MoveVerb {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// On the new machine: print the fresh journal key to move to
    Prepare,
    /// On the old machine: end this journal and write the bundle for the new one
    Export {
        /// The key that `move prepare` printed on the new machine
        #[arg(long, value_name = "KEY")]
        to: PublicKey,
        /// The new file to write the bundle to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Do not ask: this home signs nothing more
        #[arg(long)]
        yes: bool,
    },
    /// On the new machine: take the bundle in
    Import {
        /// The bundle, or - for standard input
        file: PathBuf,
    },
}

impl MoveVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.step {
            Step::Prepare => prepare(context),
            Step::Export { to, out, yes } => export(context, to, &out, yes),
            Step::Import { file } => import(context, &file),
        }
    }
}

fn prepare(context: &mut Context) -> Result<(), Failure> {
    let key = moving::prepare(&context.home()?)?;
    let value = serde_json::json!({ "journal": key });
    context
        .terminal
        .talk("On the old machine: journal move export --to KEY --out FILE");
    context.terminal.answer(&key, &value)
}

fn export(
    context: &mut Context,
    to: PublicKey,
    out: &std::path::Path,
    yes: bool,
) -> Result<(), Failure> {
    let home = context.home()?;
    let pinned = Pinned::load(&home)?;
    let owner = pinned.journal().ok_or_else(no_signer)?;
    let passphrase = context.passphrase()?;
    let key = home.open_journal_key(&passphrase)?;
    if !yes {
        context
            .terminal
            .confirm(&format!("Move to {to}? This home will sign nothing more."))?;
    }
    let bundle = moving::export(&home, owner, key.secret(), to, clock::now())?;
    durable::write_new(out, &bundle)?;
    let text = format!(
        "Moved: this home signs nothing more\n  to      {to}\n  bundle  {}",
        out.display()
    );
    let value = serde_json::json!({ "moved_to": to, "bundle": out });
    context.terminal.answer(&text, &value)
}

fn import(context: &mut Context, file: &std::path::Path) -> Result<(), Failure> {
    let bundle = read_input(file, super::MAX_BYTES)?;
    let journal = moving::import(&context.home()?, &bundle)?;
    let text = format!(
        "The journal goes on here; pin the policy next with init\n  journal       {}\n  \
         vault         {}\n  born          {}\n  transactions  {}",
        journal.key(),
        journal.vault(),
        journal.history().birth(),
        journal.history().transactions(),
    );
    let value = serde_json::json!({
        "journal": journal.key(),
        "vault": journal.vault(),
        "birth": journal.history().birth(),
        "transactions": journal.history().transactions(),
    });
    context.terminal.answer(&text, &value)
}
