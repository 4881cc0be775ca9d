//! `stop` and `go`: stop a vault, take stops in, release them, and let automatic co-signers sign.

use super::{Context, person};
use crate::failure::{Failure, reason};
use crate::home::KeyName;
use crate::journal_file::{JournalFile, JournalFileError};
use crate::keystore::{Kind, durable};
use crate::listing::{MAX_BYTES, entitled};
use crate::moving::moves;
use crate::pin::Pinned;
use crate::stopping::{Spoken, StoppingError, new_go, new_stop, read_go, read_release};
use crate::succeeding::{SucceedingError, opened};
use crate::terminal::read_input;
use policies::journal::Heard;
use policies::rules::Entitlement;
use policies::words::statement_text;
use policies::{Statement, UnixTime};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Stop a vault: no signer that hears of it pays anybody until a quorum releases it
///
/// Signed with this home's journal key, or an approver's. Nothing is stopped until the file arrives: bring it
/// to the coordinator and into the signers' inboxes. Whoever withholds it cannot undo it where it arrived.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana stop --reason stolen -o stop.json\n\
\x20 countersign-signer --home alice stop take stop.json\n\
\x20 countersign-signer --home dana stop release stop.json -o release.json")]
pub(super) struct StopVerb {
    #[command(subcommand)]
    what: Option<What>,
    /// Why, in at most 200 letters; everybody reads it
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// On a signer's machine: journal stops and releases that others signed
    #[command(after_help = "\
Example:\n\
\x20 countersign-signer --home alice stop take stop.json")]
    Take {
        /// A file that `stop` wrote, or the coordinator's statements, or -
        file: PathBuf,
    },
    /// Release a stop, for ever: sign the release, beside those who did before
    #[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana stop release stop.json -o release.json\n\
\x20 countersign-signer --home erin stop release release.json -o release.json")]
    Release {
        /// The stop's file, or the release that others signed, or -
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
}

/// Let the automatic co-signers sign for as long as the policy says
///
/// Where the policy has `[go]`, they sign nothing without one of its quorum, and none that was said before
/// a stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home dana go -o go.json\n\
\x20 countersign-signer --home erin go go.json -o go.json")]
pub(super) struct GoVerb {
    /// A go that others signed, to sign as well, or -
    file: Option<PathBuf>,
    #[command(flatten)]
    by: By,
}

/// By whom, and where to.
#[derive(Debug, clap::Args)]
struct By {
    /// Which approval key, if this home holds several
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
    /// Write it with its signatures to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask: it was read before
    #[arg(long)]
    yes: bool,
}

impl StopVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self.what {
            None => {
                let stop = new_stop(&self.reason.unwrap_or_default(), context.now()?)?;
                say_stop(context, stop, &self.by)
            }
            Some(What::Take { file }) => take(context, &read_input(&file, MAX_BYTES)?),
            Some(What::Release { file, by }) => {
                let pinned = Pinned::load(&context.home()?)?;
                let release = read_release(&read_input(&file, MAX_BYTES)?)?;
                release.check_vault(pinned.versions())?;
                if say(context, &pinned, release, &by, "Release it?")? {
                    let file = by.output.as_deref();
                    context.terminal.talk(&what_comes_next_after_release(file));
                }
                Ok(())
            }
        }
    }
}

impl GoVerb {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let pinned = Pinned::load(&context.home()?)?;
        let go = match &self.file {
            Some(file) => read_go(&read_input(file, MAX_BYTES)?)?,
            None => new_go(pinned.policy(), context.now()?)?,
        };
        say(context, &pinned, go, &self.by, "Let them sign?").map(drop)
    }
}

/// Signs a stop with the journal's key where this home keeps one, writes it, then journals it.
fn say_stop(context: &mut Context, stop: Spoken, by: &By) -> Result<(), Failure> {
    let home = context.home()?;
    let pinned = Pinned::load(&home)?;
    let Some(owner) = pinned.journal().filter(|_| by.key.is_none()) else {
        say(context, &pinned, stop, by, "Stop it?")?;
        context
            .terminal
            .talk(&what_comes_next(by.output.as_deref()));
        return Ok(());
    };
    let now = context.now()?;
    let moves = moves(&home)?;
    let stop = stop.after_moves(&moves);
    context.terminal.talk(&stop.words(pinned.policy(), now));
    if !by.yes {
        context.terminal.confirm("Stop it?")?;
    }
    let key = context.journal_key()?;
    let signed = stop.sign(pinned.policy(), key.secret(), now)?;
    // A stop is out before anything else can go wrong.
    hand_out(context, &signed, by.output.as_deref())?;
    context.terminal.talk(&if moves.is_empty() {
        what_comes_next(by.output.as_deref())
    } else {
        what_comes_next_after_moves(by.output.as_deref())
    });
    let heard = Heard {
        statement: signed.said.statement.clone(),
        by: vec![owner.key.id()],
    };
    match opened(&home) {
        Ok((_, Some(journal))) if journal.history().moved_to().is_some() => {
            context
                .terminal
                .talk("This journal moved away and signs nothing more: take it where it went.");
        }
        Ok((_, Some(mut journal))) => {
            note(&mut journal, &heard, now)?;
            context
                .terminal
                .talk("It holds here already: this journal keeps it.");
        }
        Err(SucceedingError::Journal(locked @ JournalFileError::Locked(_))) => {
            context.terminal.talk(&format!(
                "NOT YET HERE: {}. Put the file into the inbox of `serve`, or end it and `stop take`.",
                reason(&locked).message
            ));
        }
        Ok((_, None)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Where a stop is to be brought.
fn what_comes_next(file: Option<&Path>) -> String {
    let file = file.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    format!(
        "Nothing is stopped until it arrives:\n  `countersign-coordinator statement submit {file}`,\n  \
         and `stop take {file}` at every signer."
    )
}

/// The same where few know the key.
fn what_comes_next_after_moves(file: Option<&Path>) -> String {
    let file = file.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    format!(
        "This journal moved: the coordinator and others do not know its key.\n\
         Have an approver stop the vault as well, with `stop` in a home of theirs.\n\
         Until then this stop holds only where `stop take {file}` or an inbox takes it."
    )
}

/// Where a release is to be brought, and from when on it counts.
fn what_comes_next_after_release(file: Option<&Path>) -> String {
    let file = file.map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    format!(
        "Each signer pays again once its own journal takes the release down, and if no\n\
         other stop is in force there:\n  \
         `countersign-coordinator statement submit {file}`: signers that serve\n  \
         follow in their next round;\n  \
         `stop take {file}`, or the inbox of `serve`, at every other signer."
    )
}

/// Shows a statement, asks, signs with an approver's key and hands it out; tells whether enough have signed it now.
fn say(
    context: &mut Context,
    pinned: &Pinned,
    spoken: Spoken,
    by: &By,
    question: &str,
) -> Result<bool, Failure> {
    let policy = pinned.policy();
    context
        .home()?
        .expect_person_key(Kind::Approval, by.key.as_ref())?;
    let now = context.now()?;
    context.terminal.talk(&spoken.words(policy, now));
    if !by.yes {
        context.terminal.confirm(question)?;
    }
    let key = person::approval_key(context, by.key.as_ref())?;
    let signed = spoken.sign(policy, key.secret(), now)?;
    let counted = signed.counted(policy, now);
    let is_met = counted.as_ref().is_none_or(Entitlement::is_met);
    if let Some(counted) = counted.filter(|_| !is_met) {
        let (found, needed) = (counted.approved_by.len(), counted.needed);
        context.terminal.talk(&format!(
            "{found} of {needed} signed it; give it to others to sign."
        ));
    }
    hand_out(context, &signed, by.output.as_deref())?;
    Ok(is_met)
}

/// Writes a statement with its signatures to a file, or to standard output.
pub(super) fn hand_out(
    context: &mut Context,
    signed: &Spoken,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let value = signed.to_json();
    let text = serde_json::to_string_pretty(&value).expect("statements are plain JSON");
    match output {
        None => context.terminal.answer(&text, &value),
        Some(output) => {
            durable::replace(output, format!("{text}\n").as_bytes())?;
            let said = format!("Written to {}", output.display());
            context.terminal.answer(&said, &value)
        }
    }
}

/// Journals the stops and releases of a file that count, whatever else it holds.
fn take(context: &mut Context, bytes: &[u8]) -> Result<(), Failure> {
    let (pinned, journal) = opened(&context.home()?)?;
    let mut journal = journal.ok_or_else(super::journal::no_signer)?;
    let clock = context.now()?;
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for heard in entitled(bytes, pinned.policy(), journal.history().now(clock))? {
        if !matches!(
            heard.statement,
            Statement::Stop(_) | Statement::Release { .. }
        ) {
            continue;
        }
        let first = note(&mut journal, &heard, clock)?;
        lines.push(format!(
            "First seen {first}\n  {}",
            statement_text(&heard.statement)
        ));
        values.push(serde_json::json!({
            "subject": heard.statement.subject(),
            "purpose": heard.statement.purpose().to_string(),
            "first_seen": first,
        }));
    }
    if values.is_empty() {
        return Err(StoppingError::NothingCounts.into());
    }
    let left = journal.history().stops_in_force().count();
    lines.push(match left {
        0 => "No stop is in force: this signer pays again.".to_owned(),
        1 => "1 stop is in force: this signer pays nobody.".to_owned(),
        many => format!("{many} stops are in force: this signer pays nobody."),
    });
    let value = serde_json::json!({ "taken": values, "in_force": left });
    context.terminal.answer(&lines.join("\n"), &value)
}

/// Journals one; says when it was first seen here.
fn note(
    journal: &mut JournalFile<File>,
    heard: &Heard,
    clock: UnixTime,
) -> Result<UnixTime, StoppingError> {
    let at = journal.history().now(clock);
    let known = journal.history().seen(heard.statement.subject().as_bytes());
    match (known, heard.seen(journal.history(), at)) {
        (Some(first), _) => Ok(first),
        (None, Some(seen)) => Ok(journal.remember_statement(seen)?),
        (None, None) => Err(StoppingError::TooMany),
    }
}
