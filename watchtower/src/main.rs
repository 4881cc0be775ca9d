//! The watchtower as a process of its own.

mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use watchtower::configuration::{ConfigError, ConfigFile, EXAMPLE};
use watchtower::store;
use watchtower::store::database::{self, Database, DatabaseError};

#[derive(Parser)]
#[command(name = "countersign-watchtower", version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Follow the chain until told to stop.
    Run {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Make or update the watchtower's tables.
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
    /// Prints an example with every field explained.
    Example,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
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
    #[error("cannot listen for signals: {0}")]
    Signal(std::io::Error),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Read { .. } | Self::Config { .. } => 2,
            Self::Database(DatabaseError::Connect(_)) => 3,
            Self::Database(_) | Self::NotMigrated(_) | Self::Daemon(_) => 1,
            Self::Signal(_) | Self::Runtime(_) => 255,
        })
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotMigrated(_) => Some("run `countersign-watchtower migrate --config FILE`"),
            Self::Config { .. } => {
                Some("`countersign-watchtower config example` shows every field")
            }
            Self::Read { .. }
            | Self::Database(_)
            | Self::Daemon(_)
            | Self::Signal(_)
            | Self::Runtime(_) => None,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    terminal::start_log();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)
        .and_then(|runtime| runtime.block_on(perform(arguments.verb)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::error(&failure, failure.hint());
            failure.exit_code()
        }
    }
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
            Ok(())
        }
        Verb::Run { config } => {
            let file = read(&config)?;
            let shutdown = shutdown()?;
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
            watchtower::run(database.clone(), file.watchtower, shutdown).await?;
            database.close().await;
            Ok(())
        }
    }
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
