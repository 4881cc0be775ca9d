//! `list`: what a person says of open lists of destinations, and what a signer takes down of it.

use super::{Context, person};
use crate::failure::{Class, Failure};
use crate::home::KeyName;
use crate::keystore::{Kind, durable};
use crate::listing::{
    Draft, MAX_BYTES, NewEntry, about_entry, add, check, entitled, read, read_all, sign, words,
};
use crate::pin::Pinned;
use crate::succeeding::opened;
use crate::terminal::read_input;
use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use policies::words::statement_text;
use policies::{Statement, Subject, UnixTime};
use std::path::PathBuf;

/// A year, how long an entry stays on its list unless said otherwise.
const YEAR: u64 = 365 * 86_400;

/// Propose, approve, remove and confirm destinations of open lists; take down what others said
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana list approve entry.json -o entry.json\n\
\x20 countersign-signer --home alice list note statements.json")]
pub(super) struct ListVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Propose a destination, with your own approval
    #[command(override_usage = "\
countersign-signer list add [OPTIONS] --list <NAME>\n       --address <ADDRESS> --label <LABEL>")]
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana list add --list counterparties --label Bank \\\n\
\x20   --address bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080 -o entry.json")]
    Add(Add),
    /// Approve a statement that another person made, or several of one file
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home erin list approve entry.json -o entry.json")]
    Approve {
        /// The file that it was written to, or a page's file of several, or - for standard input
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Remove a destination, for ever: one person suffices
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana list remove entry.json -o removal.json")]
    Remove {
        /// The file that added it, or the entry's 64 hex digits
        entry: String,
        #[command(flatten)]
        by: By,
    },
    /// Confirm that the first, small payment to a destination arrived
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home dana list confirm entry.json -o confirmation.json")]
    Confirm {
        /// The file that added it, or - for standard input
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// On a signer's machine: journal what enough persons signed; the cooling-off runs from there
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice list note entry.json")]
    Note {
        /// A statement's file or what the coordinator's `statement list --json` printed, or -
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The open list's name in the policy
    #[arg(long, value_name = "NAME")]
    list: String,
    /// The address to be paid
    #[arg(long, value_name = "ADDRESS")]
    address: Address<NetworkUnchecked>,
    /// Who that is, at most 64 characters
    #[arg(long)]
    label: String,
    /// When it begins, as 2026-11-23T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    not_before: Option<UnixTime>,
    /// When it ends [default: a year after it begins]
    #[arg(long, value_name = "TIME")]
    expires: Option<UnixTime>,
    #[command(flatten)]
    by: By,
}

/// By whom, and where to.
#[derive(Debug, clap::Args)]
struct By {
    /// Which approval key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// Write the statement with its signatures to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask: it was read before
    #[arg(long)]
    yes: bool,
}

impl ListVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.what {
            What::Add(wish) => {
                let now = context.now()?;
                let not_before = wish.not_before.unwrap_or(now);
                let new = NewEntry {
                    list: wish.list,
                    address: wish.address,
                    label: wish.label,
                    not_before,
                    expires: wish.expires.unwrap_or(not_before.saturating_add(YEAR)),
                };
                let pinned = Pinned::load(&context.home()?)?;
                let draft = add(pinned.policy(), new)?;
                say(context, &pinned, draft, wish.by)
            }
            What::Approve { file, by } => {
                let pinned = Pinned::load(&context.home()?)?;
                let mut drafts = read_all(&read_input(&file, MAX_BYTES)?)?;
                match (drafts.pop(), drafts.is_empty()) {
                    (Some(only), true) => say(context, &pinned, only, by),
                    (Some(last), false) => {
                        drafts.push(last);
                        say_all(context, &pinned, drafts, by)
                    }
                    (None, _) => Err(nothing()),
                }
            }
            What::Remove { entry, by } => {
                let pinned = Pinned::load(&context.home()?)?;
                say(context, &pinned, removal(&entry)?, by)
            }
            What::Confirm { file, by } => {
                let pinned = Pinned::load(&context.home()?)?;
                let draft = read(&read_input(&file, MAX_BYTES)?)?;
                let draft = about_entry(draft, |entry| Statement::ListConfirm { entry })?;
                say(context, &pinned, draft, by)
            }
            What::Note { file } => note(context, &read_input(&file, MAX_BYTES)?),
        }
    }
}

fn removal(entry: &str) -> Result<Draft, Failure> {
    let remove = |entry| Statement::ListRemove { entry };
    if let Ok(subject) = entry.parse::<Subject>() {
        return Ok(Draft {
            statement: remove(subject),
            add: None,
            approvals: Vec::new(),
        });
    }
    let draft = read(&read_input(&PathBuf::from(entry), MAX_BYTES)?)?;
    Ok(about_entry(draft, remove)?)
}

/// A file of several statements has none.
fn nothing() -> Failure {
    Failure::because(
        Class::Usage,
        "NOT_A_STATEMENT_FILE",
        "no statement is in it",
    )
    .hinted("give what `list add` or the coordinator's page wrote")
}

/// Shows several statements one after the other, asks once, and signs all or none.
fn say_all(
    context: &mut Context,
    pinned: &Pinned,
    drafts: Vec<Draft>,
    by: By,
) -> Result<(), Failure> {
    let policy = pinned.policy();
    let now = context.now()?;
    for (number, draft) in (1_usize..).zip(&drafts) {
        let (all, told) = (drafts.len(), words(draft, policy, now));
        context.terminal.talk(&format!("{number} of {all}\n{told}"));
        check(draft, policy, now)?;
    }
    expect_key(context, &by)?;
    if !by.yes {
        let question = format!("Sign these {}?", drafts.len());
        context.terminal.confirm(&question)?;
    }
    let key = person::approval_key(context, by.key.as_ref())?;
    let mut signed = Vec::new();
    for draft in drafts {
        signed.push(sign(draft, policy, key.secret(), now)?);
    }
    hand_out(context, &signed, by.output)
}

/// Shows a statement, asks, signs and hands it out.
fn say(context: &mut Context, pinned: &Pinned, draft: Draft, by: By) -> Result<(), Failure> {
    let policy = pinned.policy();
    let now = context.now()?;
    context.terminal.talk(&words(&draft, policy, now));
    check(&draft, policy, now)?;
    expect_key(context, &by)?;
    if !by.yes {
        context.terminal.confirm("Sign this?")?;
    }
    let key = person::approval_key(context, by.key.as_ref())?;
    let signed = sign(draft, policy, key.secret(), now)?;
    hand_out(context, &signed, by.output)
}

/// Refuses, before anybody is asked, where the key to sign with is not here.
fn expect_key(context: &Context, by: &By) -> Result<(), Failure> {
    let home = context.home()?;
    Ok(home.expect_person_key(Kind::Approval, by.key.as_ref())?)
}

/// Writes signed statements to a file, or to standard output.
fn hand_out(
    context: &mut Context,
    signed: &impl serde::Serialize,
    output: Option<PathBuf>,
) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(signed).expect("a statement is plain JSON");
    match output {
        None => context.terminal.answer(&text, signed),
        Some(output) => {
            durable::replace(&output, format!("{text}\n").as_bytes())?;
            let said = format!("Written to {}", output.display());
            context.terminal.answer(&said, signed)
        }
    }
}

/// Journals what enough persons signed.
fn note(context: &mut Context, bytes: &[u8]) -> Result<(), Failure> {
    let (pinned, journal) = opened(&context.home()?)?;
    let mut journal = journal.ok_or_else(|| {
        Failure::because(
            Class::Usage,
            "NOT_A_SIGNER",
            "this home is no signer of its policy",
        )
        .hinted("note it in the home of a signer: its journal counts the cooling-off")
    })?;
    let clock = context.now()?;
    let statements = entitled(bytes, pinned.policy(), journal.history().now(clock))?;
    if statements.is_empty() {
        let message = "no statement in it was signed by enough persons of its list";
        return Err(Failure::because(Class::Refused, "NOT_ENTITLED", message)
            .hinted("have further persons of the list's group sign it with `list approve`"));
    }
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for heard in statements {
        let at = journal.history().now(clock);
        let statement = &heard.statement;
        let known = journal.history().seen(statement.subject().as_bytes());
        let first = match (known, heard.seen(journal.history(), at)) {
            (Some(first), _) => first,
            (None, Some(seen)) => journal.remember_statement(seen)?,
            (None, None) => {
                let message = "this journal keeps as many stops of that key as it does of any";
                return Err(Failure::because(Class::Refused, "TOO_MANY_STOPS", message)
                    .hinted("have stops that are over released first"));
            }
        };
        lines.push(format!(
            "First seen {first}\n  {}",
            statement_text(statement)
        ));
        values.push(serde_json::json!({
            "subject": statement.subject(),
            "purpose": statement.purpose().to_string(),
            "entry": statement.entry(),
            "first_seen": first,
        }));
    }
    context.terminal.answer(&lines.join("\n"), &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_several_statements_is_read_as_one_of_one_is() {
        let entry = |label: &str| {
            let statement = Statement::ListAdd(policies::ListAdd {
                list: "partners".to_owned(),
                script_pubkey: bitcoin::ScriptBuf::from_bytes(vec![0x51]),
                label: label.to_owned(),
                not_before: UnixTime::ZERO,
                expires: UnixTime::from_secs(YEAR),
            });
            let text = String::from_utf8(statement.encode()).expect("ASCII");
            serde_json::json!({ "statement": text, "approvals": [] })
        };
        let read = |file: &serde_json::Value| -> Vec<String> {
            let drafts = read_all(file.to_string().as_bytes()).expect("statements");
            let labels = drafts.into_iter().filter_map(|draft| draft.add);
            labels.map(|add| add.label).collect()
        };
        assert_eq!(read(&entry("Bank")), ["Bank"]);
        let several = serde_json::json!([entry("Bank"), entry("Trust")]);
        assert_eq!(read(&several), ["Bank", "Trust"]);
        assert_eq!(read(&serde_json::json!([])), [""; 0]);
        let wrong = serde_json::json!([entry("Bank"), { "statement": "{}" }]);
        read_all(wrong.to_string().as_bytes()).expect_err("one is none");
    }
}
