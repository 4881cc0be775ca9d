//! The command line of `countersign-coordinator`, one verb a file.
//!
//! Verbs about a running coordinator speak to its JSON API with a token, so that the command line
//! can do nothing that the API would refuse; `run`, `init`, `rebuild`, `migrate`, `openapi`, `config`, most of
//! `policy` and `person … --config FILE` work locally. Data goes to standard output, talk to standard error.
//! Exit status: 0 done, 1 refused, 2 usage, 3 connection, 255 bug.

mod address;
mod alarm;
mod answer;
mod api;
mod approval;
mod attempt;
mod balancing;
mod batch;
mod book;
mod ceremony;
mod chain;
mod coin;
mod consolidation;
mod customer;
mod daemon;
mod deposits;
mod error;
mod event;
mod fees;
mod init;
mod journal;
mod ladder;
mod layout;
mod list;
mod notification;
mod opening;
mod output;
mod own_spend;
mod person;
mod policy;
mod progress;
mod queue;
mod rebuild;
mod reconcile;
mod recovery;
mod renewal;
mod scan;
mod self_spend;
mod status;
mod token;
mod token_file;
mod txid;
mod usage;
mod vault;
mod version;
mod webhook;
mod withdrawal;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use error::CliError;

/// Builds PSBTs from approved withdrawals, collects signatures and finalizes.
#[derive(Debug, Parser)]
#[command(name = "countersign-coordinator", version, about, max_term_width = layout::WIDTH)]
struct Cli {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

/// Where a running coordinator is, and as whom to speak to it.
#[derive(Debug, Clone, Args)]
struct Connection {
    /// Base address of the coordinator.
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7540",
        value_name = "URL"
    )]
    url: String,
    /// File that holds the bearer token.
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    token_file: Option<PathBuf>,
    /// Vault to act on; may be left out when the coordinator has only one.
    #[arg(
        long,
        global = true,
        env = "COUNTERSIGN_VAULT",
        hide_env_values = true,
        value_name = "ID"
    )]
    vault: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve the API and do the jobs until told to stop.
    Run(daemon::Run),
    /// Make a database, its tables, a first operator's token and invitation.
    Init(init::Init),
    /// Make a lost database anew from policy, chain, papers and journals.
    Rebuild(rebuild::Rebuild),
    /// Bring the tables up to this version.
    Migrate(daemon::Migrate),
    /// Print an example of the configuration file.
    #[command(subcommand)]
    Config(daemon::Config),
    /// Print the API's OpenAPI document.
    #[command(after_help = "Example:\n  countersign-coordinator openapi > openapi.json")]
    Openapi,
    /// Compile, show, check, compare and replay policies; propose, list and adopt their versions.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Mark signers who are gone, and show who can still sign.
    #[command(subcommand)]
    Signer(version::Signer),
    /// Add and show vaults.
    #[command(subcommand)]
    Vault(vault::Vault),
    /// Set up a vault, or replace a signer, with each person in an own place.
    #[command(subcommand)]
    Ceremony(ceremony::Ceremony),
    /// Keep vaults between their marks by transfers from one to another.
    #[command(subcommand)]
    Balancing(balancing::Balancing),
    /// Issue and list deposit addresses.
    #[command(subcommand)]
    Address(address::Address),
    /// List deposits with their confirmations.
    #[command(subcommand)]
    Deposit(chain::Deposit),
    /// List alarms with what to do, and end those that were looked into.
    #[command(subcommand)]
    Alarm(alarm::Alarm),
    /// List coins, freeze, thaw and label them.
    #[command(subcommand)]
    Coin(coin::Coin),
    /// Show what the vault holds: settled, pending, reserved.
    #[command(after_help = "Example:\n  countersign-coordinator balance")]
    Balance,
    /// Show accounts and entries of the ledger.
    Ledger(chain::Ledger),
    /// Show the books by account and reference, and write statements of a period.
    #[command(subcommand)]
    Book(book::Book),
    /// Say whether references are accounts, and which of them are below 0.
    #[command(subcommand)]
    Customer(customer::Customer),
    /// Read blocks of the chain again, and show how far that is.
    #[command(subcommand)]
    Chain(scan::Chain),
    /// Compare ledger, tracker and node now, and show the result.
    Reconcile(reconcile::Reconcile),
    /// Submit, list, show, cancel and pay again withdrawals.
    #[command(subcommand)]
    Withdrawal(withdrawal::Withdrawal),
    /// Show which withdrawals go, which wait and why, and answer a held queue.
    #[command(subcommand)]
    Queue(queue::Queue),
    /// Say from which amount deposits are credited, and which are a nuisance.
    #[command(subcommand)]
    Deposits(deposits::Deposits),
    /// Say how fast the vault pays, and what happens to what is stuck.
    #[command(subcommand)]
    Fees(fees::Fees),
    /// Show which coins are worth joining, before they are.
    #[command(subcommand)]
    Consolidate(consolidation::Consolidate),
    /// Hand in approvals and rejections, made with the approver's tool.
    #[command(subcommand)]
    Approval(approval::Approval),
    /// Show lists of destinations and the entries of open ones.
    #[command(subcommand)]
    List(list::List),
    /// Hand in stops, releases, goes, and what persons say of open lists.
    #[command(subcommand)]
    Statement(list::Statement),
    /// Show the signers' journals, and hand in that one moved.
    #[command(subcommand)]
    Journal(journal::Journal),
    /// Pay approved withdrawals together; plan, merge, split and cancel batches.
    #[command(subcommand)]
    Batch(batch::Batch),
    /// Join coins, or renew their age, by spending them to the vault itself.
    #[command(subcommand)]
    SelfSpend(self_spend::SelfSpend),
    /// Spend coins that are old enough to where the policy says.
    #[command(subcommand)]
    Recovery(recovery::Recovery),
    /// Transactions out for signing: list, fetch the PSBT, hand in signatures, replace.
    #[command(subcommand)]
    Attempt(attempt::Attempt),
    /// Read the sequenced events and check their chain.
    #[command(subcommand)]
    Event(event::Event),
    /// Make, list and revoke API tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// Invite, list and revoke the persons who use the pages.
    #[command(subcommand)]
    Person(person::Person),
    /// Show and set what persons are told by mail, and when.
    #[command(subcommand)]
    Notification(notification::Notification),
    /// Add, list, test and remove webhooks, which tell programs of every event.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Say whether all is well, and what to do where it is not.
    #[command(after_help = "Example:\n  countersign-coordinator status")]
    Status,
}

/// Runs the command line of this process and says how it ended.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) if watchtower::command_line::is_help(&error) => return output::help(&error),
        Err(error) => {
            let json = arguments.iter().any(|argument| argument == "--json");
            return output::failure(&usage::error(&error, &arguments), json);
        }
    };
    let json = cli.json;
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error, json),
    }
}

fn dispatch(cli: Cli) -> Result<(), CliError> {
    let out = output::Output::new(cli.json);
    let api = || api::Api::connect(&cli.connection);
    match cli.verb {
        Verb::Run(verb) => daemon::run(&verb),
        Verb::Init(verb) => init::run(&verb, &out),
        Verb::Rebuild(verb) => rebuild::run(&verb, &out),
        Verb::Migrate(verb) => daemon::migrate(&verb, &out),
        Verb::Config(verb) => daemon::config(&verb, &out),
        Verb::Openapi => daemon::openapi(&out),
        Verb::Policy(verb) => policy::run(&verb, api, &out),
        Verb::Signer(verb) => version::run(&verb, &api()?, &out),
        Verb::Vault(verb) => vault::run(&verb, &api()?, &out),
        Verb::Ceremony(verb) => ceremony::run(&verb, &cli.connection, &out),
        Verb::Balancing(verb) => balancing::run(&verb, &api()?, &out),
        Verb::Address(verb) => address::run(&verb, &api()?, &out),
        Verb::Deposit(chain::Deposit::List) => chain::deposits(&api()?, &out),
        Verb::Alarm(verb) => alarm::run(&verb, &api()?, &out),
        Verb::Coin(verb) => coin::run(&verb, &api()?, &out),
        Verb::Balance => chain::balance(&api()?, &out),
        Verb::Ledger(verb) => chain::ledger(&verb, &api()?, &out),
        Verb::Book(verb) => book::run(&verb, &api()?, &out),
        Verb::Customer(verb) => customer::run(&verb, &api()?, &out),
        Verb::Reconcile(verb) => reconcile::run(&verb, &api()?, &out),
        Verb::Chain(verb) => scan::run(&verb, &api()?, &out),
        Verb::Withdrawal(verb) => withdrawal::run(&verb, &api()?, &out),
        Verb::Queue(verb) => queue::run(&verb, &api()?, &out),
        Verb::Consolidate(verb) => consolidation::run(&verb, &api()?, &out),
        Verb::Deposits(verb) => deposits::run(&verb, &api()?, &out),
        Verb::Fees(verb) => fees::run(&verb, &api()?, &out),
        Verb::Approval(verb) => approval::run(&verb, &api()?, &out),
        Verb::List(verb) => list::run(&verb, &api()?, &out),
        Verb::Statement(verb) => list::statement(&verb, &api()?, &out),
        Verb::Journal(verb) => journal::run(&verb, &api()?, &out),
        Verb::Batch(verb) => batch::run(&verb, &api()?, &out),
        Verb::SelfSpend(verb) => self_spend::run(&verb, &api()?, &out),
        Verb::Recovery(verb) => recovery::run(&verb, &api()?, &out),
        Verb::Attempt(verb) => attempt::run(&verb, &api()?, &out),
        Verb::Event(verb) => event::run(&verb, &api()?, &out),
        Verb::Token(verb) => token::run(&verb, &api()?, &out),
        Verb::Person(verb) => person::run(&verb, api, &out),
        Verb::Notification(verb) => notification::run(&verb, &api()?, &out),
        Verb::Webhook(verb) => webhook::run(&verb, &api()?, &out),
        Verb::Status => status::run(&api()?, &out),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command, with the way to it.
    fn commands() -> Vec<(String, clap::Command)> {
        let mut root = Cli::command();
        root.build();
        let mut open = vec![(root.get_name().to_owned(), root)];
        let mut all = Vec::new();
        while let Some((way, command)) = open.pop() {
            for below in command
                .get_subcommands()
                .filter(|below| below.get_name() != "help")
            {
                open.push((format!("{way} {}", below.get_name()), below.clone()));
            }
            all.push((way, command));
        }
        all
    }

    #[test]
    fn every_verb_shows_an_example_of_itself_that_is_understood() {
        for (way, command) in commands() {
            if command.has_subcommands() {
                continue;
            }
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let example = help
                .strip_prefix("Example:\n  ")
                .unwrap_or_else(|| panic!("{way}: {help}"));
            assert!(example.starts_with(&way), "{way}: {example}");
            assert!(
                example.lines().all(|line| line.len() < layout::WIDTH - 1),
                "{way}: {example} is wrapped"
            );
            let shell = example
                .replace("\\\n", " ")
                .split(" > ")
                .next()
                .unwrap_or_default()
                .replace('\'', "");
            if let Err(error) = Cli::try_parse_from(shell.split_whitespace()) {
                panic!("{example}: {error}");
            }
        }
    }

    #[test]
    fn no_help_shows_what_the_environment_holds() {
        for (way, command) in commands() {
            for argument in command.get_arguments() {
                let hides = argument.get_env().is_none() || argument.is_hide_env_values_set();
                assert!(hides, "{way}: {}", argument.get_id());
            }
        }
    }

    #[test]
    fn every_help_fits_eighty_columns() {
        for (way, mut command) in commands() {
            let help = command.render_long_help().to_string();
            let widest = help.lines().map(|line| line.chars().count()).max();
            assert!(
                widest.is_some_and(|widest| widest <= layout::WIDTH),
                "{way}:\n{help}"
            );
        }
    }
}
