//! `journal export`: the journal for those who keep books, with its own key's word on where it ends.

use super::{no_signer, read_own};
use crate::command::Context;
use crate::failure::Failure;
use crate::keystore::durable;
use policies::journal::ExportStatement;
use std::path::Path;

pub(super) fn answer(context: &mut Context, out: &Path) -> Result<(), Failure> {
    let (pinned, journal, lines) = read_own(context)?;
    let owner = pinned.journal().ok_or_else(no_signer)?;
    let key = context.journal_key()?;
    let statement = ExportStatement::of(&journal, context.now()?);
    durable::write_new(out, &statement.export(&lines, key.secret(), owner.vault))?;
    let transactions = journal.history().transactions();
    let text = format!(
        "Exported: it shows what was signed, and no key\n  file          {}\n  entries       {}\n  \
         transactions  {transactions}\n  journal\n    {}",
        out.display(),
        journal.counter(),
        journal.key(),
    );
    let value = serde_json::json!({
        "file": out,
        "journal": journal.key(),
        "counter": journal.counter(),
        "head": journal.head(),
        "transactions": transactions,
    });
    context.terminal.answer(&text, &value)
}
