//! `journal move`: prepare on the new machine, export on the old one, import on the new one.

use super::{born, no_signer};
use crate::command::Context;
use crate::command::init::MAX_BYTES as MAX_POLICY_BYTES;
use crate::enrolment::identified;
use crate::failure::Failure;
use crate::journal_file::MOST_READ;
use crate::keystore::durable;
use crate::moving;
use crate::pin::Pinned;
use crate::terminal::read_input;
use policies::document::policy_id_from_text;
use policies::{PolicyId, PublicKey};
use std::path::PathBuf;

/// Move the journal to another machine, with its memory and birth
///
/// On the new machine bring the signer's key to a new home with import, then `move prepare`. On the old
/// one `move export --to KEY`: from then on it signs nothing more. On the new one `move import FILE` with
/// the policy and its id, then init.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home new journal move prepare\n\
\x20 countersign-signer --home new journal move import bundle \\\n\
\x20   --policy policy.toml --id \\\n\
\x20   0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")]
pub(super) struct MoveVerb {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// On the new machine: print the fresh journal key to move to
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home new journal move prepare")]
    Prepare,
    /// On the old machine: end this journal and write the bundle for the new one
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home old journal move export --out bundle --to \\\n\
\x20   ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")]
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
    #[command(
        override_usage = "countersign-signer journal move import --policy <FILE> --id <ID> <FILE>",
        after_help = "\
Example:\n\
\x20 countersign-signer --home new journal move import bundle \\\n\
\x20   --policy policy.toml --id \\\n\
\x20   0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    )]
    Import {
        /// The bundle, or - for standard input
        file: PathBuf,
        /// The policy document under which the journal signs
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Its id: 64 hex digits, or its 24 words in one argument
        #[arg(long, value_name = "ID", value_parser = policy_id_from_text)]
        id: PolicyId,
    },
}

impl MoveVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.step {
            Step::Prepare => prepare(context),
            Step::Export { to, out, yes } => export(context, to, &out, yes),
            Step::Import { file, policy, id } => import(context, &file, &policy, id),
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
    let key = context.journal_key()?;
    if !yes {
        context
            .terminal
            .confirm(&format!("Move to {to}? This home will sign nothing more."))?;
    }
    let bundle = moving::export(&home, owner, key.secret(), to, context.now()?)?;
    durable::write_new(out, &bundle)?;
    let text = format!(
        "Moved: this home signs nothing more\n  bundle  {}\n  to\n    {to}",
        out.display()
    );
    let value = serde_json::json!({ "moved_to": to, "bundle": out });
    context.terminal.answer(&text, &value)
}

fn import(
    context: &mut Context,
    file: &std::path::Path,
    policy: &std::path::Path,
    id: PolicyId,
) -> Result<(), Failure> {
    let bundle = read_input(file, MOST_READ)?;
    let document = read_input(policy, MAX_POLICY_BYTES)?;
    let policy = identified(&document, id)?;
    let journal = moving::import(&context.home()?, &bundle, &policy)?;
    let text = format!(
        "The journal goes on here; pin the policy next with init\n  {}\n  \
         vault         {}\n  born          {}\n  transactions  {}",
        journal.key(),
        journal.vault(),
        born(journal.history().birth()),
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
