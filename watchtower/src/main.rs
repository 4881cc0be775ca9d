//! The watchtower as a process of its own.

mod terminal;
mod verbs;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use watchtower::command_line;
use watchtower::configuration::{ConfigError, ConfigFile, EXAMPLE};
use watchtower::own::OwnError;
use watchtower::store;
use watchtower::store::database::{self, Database, DatabaseError};

#[derive(Parser)]
#[command(
    name = "countersign-watchtower",
    version,
    about,
    max_term_width = 80,
    after_help = "\
Examples:\n\
\x20 countersign-watchtower config example > watchtower.toml\n\
\x20 countersign-watchtower run --config watchtower.toml"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Follow the chain until told to stop.
    #[command(after_help = "Example:\n  countersign-watchtower run --config watchtower.toml")]
    Run {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Watch a policy by yourself, with a database and a node of your own.
    #[command(
        after_help = "Example:\n  countersign-watchtower watch --config own.toml --policy p.toml --from 840000"
    )]
    Watch {
        /// The configuration file, which names a database of your own.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The policy, as you reviewed it.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// The height from which blocks are read.
        #[arg(long, value_name = "HEIGHT")]
        from: u32,
    },
    /// Say that you know of transactions: they raise no alarm, and are not broadcast.
    #[command(
        after_help = "Example:\n  countersign-watchtower expect --config own.toml transfer.psbt"
    )]
    Expect {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Transfers (PSBT) or transactions, as bytes, hex or base64.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// List the alarms that are not over; exit status 1 if there are any, or if nobody looks.
    #[command(after_help = "Example:\n  countersign-watchtower alarms --config own.toml")]
    Alarms {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// End an alarm that does not end by itself, with what was found out.
    #[command(
        after_help = "Example:\n  countersign-watchtower end --config own.toml 7 --why \"a gift of ours\""
    )]
    End {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The alarm's number, as `alarms` lists it.
        #[arg(value_name = "NUMBER")]
        id: u64,
        /// What was found out; it stays in the log.
        #[arg(long, value_name = "TEXT", value_parser = said)]
        why: String,
    },
    /// Show what is watched, how far the chain is followed, and how the nodes are.
    #[command(after_help = "Example:\n  countersign-watchtower status --config own.toml")]
    Status {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Make or update the watchtower's tables.
    #[command(after_help = "Example:\n  countersign-watchtower migrate --config owner.toml")]
    Migrate {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Another database URL than the file's: that of the owner's role.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
    },
    /// Print an example of the configuration file.
    #[command(subcommand)]
    Config(ConfigVerb),
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Print an example with every field explained.
    #[command(after_help = "Example:\n  countersign-watchtower config example > watchtower.toml")]
    Example,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Config { path: PathBuf, source: ConfigError },
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the database has {0} outstanding migrations")]
    NotMigrated(usize),
    #[error(transparent)]
    Daemon(#[from] watchtower::DaemonError),
    #[error("{path}: {source}")]
    Own {
        path: PathBuf,
        source: Box<OwnError>,
    },
    #[error("{0} {noun} not over", noun = if *.0 == 1 { "alarm is" } else { "alarms are" })]
    Alarmed(usize),
    #[error("no alarm means nothing: {0}")]
    Blind(String),
    #[error("there is no alarm {0} that is not over")]
    NoAlarm(u64),
    #[error("alarm {id} ends by itself, once {once}")]
    EndsByItself { id: u64, once: &'static str },
    #[error("cannot listen for signals: {0}")]
    Signal(std::io::Error),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage { .. } | Self::Read { .. } | Self::Config { .. } => 2,
            Self::Database(DatabaseError::Connect(_)) => 3,
            Self::Database(_)
            | Self::NotMigrated(_)
            | Self::Daemon(_)
            | Self::Own { .. }
            | Self::Alarmed(_)
            | Self::Blind(_)
            | Self::NoAlarm(_)
            | Self::EndsByItself { .. } => 1,
            Self::Signal(_) | Self::Runtime(_) => 255,
        })
    }

    /// The word for its kind and its stable code, as our other programs have them.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Usage { .. } => ("Error", "usage"),
            Self::Read { .. } => ("Error", "file"),
            Self::Config { .. } => ("Error", "configuration"),
            Self::Database(DatabaseError::Connect(_)) => ("Unavailable", "database_unavailable"),
            Self::Database(_) => ("Refused", "database"),
            Self::NotMigrated(_) => ("Refused", "not_migrated"),
            Self::Daemon(_) => ("Refused", "failed"),
            Self::Own { .. } => ("Refused", "not_watched"),
            Self::Alarmed(_) => ("Refused", "alarms"),
            Self::Blind(_) => ("Refused", "not_looking"),
            Self::NoAlarm(_) => ("Refused", "unknown_alarm"),
            Self::EndsByItself { .. } => ("Refused", "ends_by_itself"),
            Self::Signal(_) | Self::Runtime(_) => ("Bug", "system"),
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } => Some(hint),
            Self::Read { .. } => Some("is the path right, and may this user read it?"),
            Self::Database(DatabaseError::Connect(_)) => {
                Some("is the database running, and is `database` of the configuration its address?")
            }
            Self::NotMigrated(_) => Some("run `countersign-watchtower migrate --config FILE`"),
            Self::Config { .. } => {
                Some("`countersign-watchtower config example` shows every field")
            }
            Self::Alarmed(_) => Some(
                "each says what to do, the grave ones first; `end` ends what does not end by itself",
            ),
            Self::Blind(_) => Some(
                "`countersign-watchtower watch` says what is watched, and `run` looks: let it run",
            ),
            Self::NoAlarm(_) => Some("`countersign-watchtower alarms` lists them"),
            Self::EndsByItself { .. } => Some("see to its cause, as it says"),
            Self::Database(_)
            | Self::Daemon(_)
            | Self::Own { .. }
            | Self::Signal(_)
            | Self::Runtime(_) => None,
        }
    }
}

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) if command_line::is_help(&error) => error.exit(),
        Err(error) => return fail(&wrong(&error, &given)),
    };
    terminal::start_log();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)
        .and_then(|runtime| runtime.block_on(perform(arguments.verb)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    terminal::error(failure.kind(), failure, failure.hint());
    failure.exit_code()
}

async fn perform(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Config(ConfigVerb::Example) => {
            terminal::print(EXAMPLE);
            Ok(())
        }
        Verb::Migrate { config, database } => {
            let file = read(&config)?;
            let database = Database::open(database.as_ref().unwrap_or(&file.database)).await?;
            store::migrate(&database).await?;
            database.close().await;
            terminal::print("The database is up to date.\n");
            Ok(())
        }
        Verb::Watch {
            config,
            policy,
            from,
        } => verbs::watch(&config, &policy, from).await,
        Verb::Expect { config, files } => verbs::expect(&config, &files).await,
        Verb::Alarms { config, json } => verbs::alarms(&config, json).await,
        Verb::End { config, id, why } => verbs::end(&config, id, &why).await,
        Verb::Status { config, json } => verbs::status(&config, json).await,
        Verb::Run { config } => {
            let file = read(&config)?;
            let shutdown = shutdown()?;
            let database = open(&file).await?;
            Box::pin(watchtower::run(database.clone(), file.watchtower, shutdown)).await?;
            database.close().await;
            Ok(())
        }
    }
}

/// Opens the database; on SQLite its tables are brought up to date, elsewhere they must be.
async fn open(file: &ConfigFile) -> Result<Database, Failure> {
    let database = Database::open(&file.database).await?;
    match database.engine() {
        database::Engine::Sqlite => store::migrate(&database).await?,
        database::Engine::Postgres => {
            let pending = database::pending_migrations(&database, store::OWNER).await?;
            if pending > 0 {
                return Err(Failure::NotMigrated(pending));
            }
        }
    }
    Ok(database)
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    ConfigFile::parse(&text).map_err(|source| Failure::Config {
        path: path.to_owned(),
        source,
    })
}

/// Resolves at SIGTERM or SIGINT.
fn shutdown() -> Result<impl Future<Output = ()> + Send, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signal)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// Words that say something.
fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say what was found out".to_owned()),
        said => Ok(said.to_owned()),
    }
}

fn wrong(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let (message, hint) = command_line::told(error, &Arguments::command(), arguments);
    Failure::Usage { message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_help_shows_what_the_environment_holds() {
        let mut open = vec![Arguments::command()];
        while let Some(command) = open.pop() {
            for argument in command.get_arguments() {
                let hides = argument.get_env().is_none() || argument.is_hide_env_values_set();
                assert!(hides, "{}: {}", command.get_name(), argument.get_id());
            }
            open.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn a_wrong_command_line_is_told_as_any_other_failure() {
        let arguments = ["countersign-watchtower", "run", "--confg", "w.toml"].map(OsString::from);
        let wrong = Arguments::try_parse_from(&arguments)
            .err()
            .expect("is wrong");
        let told = super::wrong(&wrong, &arguments);
        assert_eq!(told.kind(), ("Error", "usage"));
        assert_eq!(told.to_string(), "unexpected argument '--confg' found");
        assert_eq!(
            told.hint(),
            Some(
                "a similar argument exists: '--config'; `countersign-watchtower run --help` shows what it takes"
            )
        );
    }
}
