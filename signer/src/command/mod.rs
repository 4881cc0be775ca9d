//! The command line: one file a verb, each from parsed arguments to one answer.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 refused, 2 usage,
//! 3 device or connection, 255 a bug.

mod approve;
#[cfg(feature = "online")]
mod bridge;
mod dating;
#[cfg(feature = "devices")]
mod device;
mod drill;
mod import;
mod init;
mod journal;
mod keygen;
mod list;
mod maintain;
#[cfg(feature = "online")]
mod on_page;
mod person;
mod policy;
mod qr;
mod request;
mod review;
#[cfg(feature = "online")]
mod serve;
mod sign;
mod stop;
#[cfg(feature = "online")]
mod token;
mod usage;
mod void;
mod xpub;

use crate::clock::{Clock, Today};
use crate::failure::{Class, Failure};
use crate::home::{Home, KeyName};
use crate::keystore::{Kind, Passphrase, PersonKey};
use crate::terminal::Terminal;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reviews, journals and signs; the approver's and requester's own tool
#[derive(Debug, Parser)]
#[command(
    name = "countersign-signer",
    version,
    arg_required_else_help = true,
    max_term_width = 80,
    after_help = "Each verb says more, with examples: countersign-signer sign --help"
)]
struct CommandLine {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// The home folder: keys, pinned policy, journal
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_SIGNER_HOME",
        hide_env_values = true,
        value_name = "DIR"
    )]
    home: Option<PathBuf>,
    /// Read the passphrase from this file instead of asking
    #[arg(long, global = true, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The date and time now, in UTC, where this machine's clock is not to be
    /// trusted: 2026-11-27T10:00Z; a day alone is its beginning
    #[arg(long, global = true, value_name = "DATE")]
    today: Option<Today>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Keygen(keygen::Keygen),
    Import(import::Import),
    Xpub(xpub::Xpub),
    #[cfg(feature = "devices")]
    Devices(device::devices::Devices),
    #[cfg(feature = "devices")]
    Register(device::register::Register),
    #[cfg(feature = "devices")]
    Address(device::address::AddressVerb),
    Init(init::Init),
    Review(review::ReviewVerb),
    Sign(sign::Sign),
    Drill(drill::Drill),
    #[cfg(feature = "online")]
    Serve(serve::Serve),
    #[cfg(feature = "online")]
    Bridge(bridge::BridgeVerb),
    Approve(approve::Approve),
    Reject(approve::Reject),
    Maintain(maintain::Maintain),
    Request(request::Request),
    List(list::ListVerb),
    Stop(stop::StopVerb),
    Go(stop::GoVerb),
    Void(void::VoidVerb),
    Journal(journal::JournalVerb),
    Policy(policy::PolicyVerb),
    Qr(qr::QrVerb),
}

/// What a verb works with.
struct Context {
    common: Common,
    terminal: Terminal,
    /// What tells the time, once it was asked for.
    clock: Option<Clock>,
    /// Whether the system's clock is not to be trusted, which is said just now.
    no_clock: bool,
}

impl Context {
    fn home(&self) -> Result<Home, Failure> {
        self.common.home.clone().map(Home::at).ok_or_else(|| {
            Failure::because(Class::Usage, "NO_HOME", "no home folder named")
                .hinted("give --home DIR or set COUNTERSIGN_SIGNER_HOME")
        })
    }

    /// Refuses a home that is not there, as when its stick is not: nobody is told to make new keys then.
    fn expect_home(&self) -> Result<(), Failure> {
        let home = self.home()?;
        if home.folder().is_dir() {
            return Ok(());
        }
        let message = format!("there is no home at {}", home.folder().display());
        Err(
            Failure::because(Class::Usage, "HOME_MISSING", message).hinted(
                "put in and mount the stick that holds it, or name its folder with --home; a new home begins \
                 with keygen or import",
            ),
        )
    }

    fn passphrase(&mut self) -> Result<Passphrase, Failure> {
        let file = self.common.passphrase_file.as_deref();
        Ok(self.terminal.passphrase(file, false)?)
    }

    /// Opens a person's key; nobody is asked for the passphrase of one that is not here.
    fn person_key(&mut self, kind: Kind, name: Option<&KeyName>) -> Result<PersonKey, Failure> {
        let home = self.home()?;
        home.expect_person_key(kind, name)?;
        let passphrase = self.passphrase()?;
        Ok(home.open_person_key(kind, name, &passphrase)?)
    }

    /// Opens the journal's key; nobody is asked for the passphrase of one that is not here.
    fn journal_key(&mut self) -> Result<PersonKey, Failure> {
        let home = self.home()?;
        home.sealed(Kind::Journal, None)?;
        let passphrase = self.passphrase()?;
        Ok(home.open_journal_key(&passphrase)?)
    }

    fn new_passphrase(&mut self) -> Result<Passphrase, Failure> {
        let file = self.common.passphrase_file.as_deref();
        Ok(self.terminal.passphrase(file, true)?)
    }
}

/// Runs one command line of the process and gives its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let line = match CommandLine::try_parse_from(&arguments) {
        Ok(line) => line,
        Err(error) if usage::is_help(&error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
        Err(error) => {
            let json = arguments.iter().any(|argument| argument == "--json");
            let failure = usage::failure(&error);
            Terminal::of_process(json).fail(&failure);
            return ExitCode::from(failure.class().exit_code());
        }
    };
    let mut context = Context {
        terminal: Terminal::of_process(line.common.json),
        common: line.common,
        clock: None,
        no_clock: false,
    };
    match line.verb.run(&mut context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = context.by_date(failure);
            context.terminal.fail(&failure);
            ExitCode::from(failure.class().exit_code())
        }
    }
}

impl Verb {
    /// Whether it works in a home that was begun before, and in no other way.
    fn needs_a_home(&self) -> bool {
        match self {
            Self::Xpub(verb) => verb.needs_a_home(),
            Self::Init(_)
            | Self::Review(_)
            | Self::Sign(_)
            | Self::Approve(_)
            | Self::Reject(_)
            | Self::Maintain(_)
            | Self::Void(_) => true,
            #[cfg(feature = "online")]
            Self::Serve(_) | Self::Bridge(_) => true,
            #[cfg(feature = "devices")]
            Self::Register(_) | Self::Address(_) => true,
            #[cfg(feature = "devices")]
            Self::Devices(_) => false,
            Self::Drill(verb) => verb.needs_a_home(),
            Self::Keygen(_)
            | Self::Import(_)
            | Self::Request(_)
            | Self::List(_)
            | Self::Stop(_)
            | Self::Go(_)
            | Self::Journal(_)
            | Self::Policy(_)
            | Self::Qr(_) => false,
        }
    }

    fn run(self, context: &mut Context) -> Result<(), Failure> {
        if self.needs_a_home() {
            context.expect_home()?;
        }
        match self {
            Self::Keygen(verb) => verb.run(context),
            Self::Import(verb) => verb.run(context),
            Self::Xpub(verb) => verb.run(context),
            #[cfg(feature = "devices")]
            Self::Devices(verb) => verb.run(context),
            #[cfg(feature = "devices")]
            Self::Register(verb) => verb.run(context),
            #[cfg(feature = "devices")]
            Self::Address(verb) => verb.run(context),
            Self::Init(verb) => verb.run(context),
            Self::Review(verb) => verb.run(context),
            Self::Sign(verb) => verb.run(context),
            Self::Drill(verb) => verb.run(context),
            #[cfg(feature = "online")]
            Self::Serve(verb) => verb.run(context),
            #[cfg(feature = "online")]
            Self::Bridge(verb) => verb.run(context),
            Self::Approve(verb) => verb.run(context),
            Self::Reject(verb) => verb.run(context),
            Self::Maintain(verb) => verb.run(context),
            Self::Request(verb) => verb.run(context),
            Self::List(verb) => verb.run(context),
            Self::Stop(verb) => verb.run(context),
            Self::Go(verb) => verb.run(context),
            Self::Void(verb) => verb.run(context),
            Self::Journal(verb) => verb.run(context),
            Self::Policy(verb) => verb.run(context),
            Self::Qr(verb) => verb.run(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    /// Every command and subcommand, as its help shows it.
    fn commands() -> Vec<clap::Command> {
        let mut root = CommandLine::command();
        root.build();
        let mut open = vec![root];
        let mut all = Vec::new();
        while let Some(command) = open.pop() {
            let subcommands = command.get_subcommands();
            open.extend(subcommands.filter(|one| one.get_name() != "help").cloned());
            all.push(command);
        }
        all
    }

    /// The words of an example, its lines joined.
    fn words(example: &str) -> Vec<String> {
        let line = example.replace("\\\n", " ");
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_help_fits_80_columns_and_every_verb_has_examples() {
        for mut command in commands() {
            let name = command.get_name().to_owned();
            let example = command.get_after_help().map(ToString::to_string);
            let example = example.unwrap_or_default();
            assert!(example.contains("countersign-signer "), "{name}");
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                let wide = help.lines().find(|line| line.chars().count() > 80);
                assert_eq!(wide, None, "{name}");
            }
        }
    }

    #[test]
    fn every_example_of_a_help_is_a_command_line() {
        let mut found = 0_u32;
        for command in commands() {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            for example in help.split("\n  countersign-signer ").skip(1) {
                found = found.saturating_add(1);
                // A shell's variable stands for a key that only keygen can print.
                if !example.contains('$') {
                    let words = words(&format!("countersign-signer {example}"));
                    let parsed = CommandLine::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{words:?}: {:?}", parsed.err());
                }
            }
        }
        assert!(found > 25, "{found}");
    }

    #[test]
    fn no_help_shows_what_the_environment_holds() {
        for command in commands() {
            for argument in command.get_arguments() {
                let hides = argument.get_env().is_none() || argument.is_hide_env_values_set();
                assert!(hides, "{}: {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn a_passphrase_is_never_an_argument_or_in_the_environment() {
        let mut all = vec![CommandLine::command()];
        while let Some(command) = all.pop() {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                assert!(id != "passphrase", "{}", command.get_name());
                if id.contains("passphrase") {
                    assert!(argument.get_env().is_none(), "{}", command.get_name());
                }
            }
            all.extend(command.get_subcommands().cloned());
        }
    }
}
