//! The verbs that work on this machine: serve, make the tables, print examples.

use std::future::Future;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use watchtower::store::database::{self, Database, Engine};

use super::CliError;
use super::opening::{from_database, migrated, open, read, wrong};
use super::output::{self, Output};
use crate::configuration::{ConfigError, CoordinatorConfig, EXAMPLE};
use crate::service::notifying::mailing::MailConfig;
use crate::service::notifying::posting::Reach;
use crate::service::{Service, rebuilds};
use crate::ui::Public;
use crate::{http, jobs, store};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign-coordinator run --config coordinator.toml --with-watchtower"
)]
pub(super) struct Run {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Run the watchtower of `[watchtower]` in this process too.
    #[arg(long)]
    with_watchtower: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator migrate --config owner.toml")]
pub(super) struct Migrate {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Another database URL than the file's: that of the owner's role.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print a complete example with every field explained.
    #[command(after_help = "Example:\n  countersign-coordinator config example > coordinator.toml")]
    Example,
}

pub(super) fn run(verb: &Run) -> Result<(), CliError> {
    output::start_log();
    let config = read(&verb.config)?;
    block_on(serve(&verb.config, config, verb.with_watchtower))
}

pub(super) fn migrate(verb: &Migrate, out: &Output) -> Result<(), CliError> {
    let config = read(&verb.config)?;
    block_on(async {
        migrated(&config, verb.database.as_deref())
            .await?
            .close()
            .await;
        Ok(())
    })?;
    out.told(&json!({ "database": "up to date" }), || {
        "The database is up to date.".to_owned()
    })
}

pub(super) fn config(verb: &Config, out: &Output) -> Result<(), CliError> {
    match verb {
        Config::Example => out.text(EXAMPLE),
    }
}

pub(super) fn openapi(out: &Output) -> Result<(), CliError> {
    let document = http::document()
        .to_pretty_json()
        .expect("an OpenAPI document can always be written");
    out.text(&document)
}

async fn serve(
    file: &Path,
    config: CoordinatorConfig,
    with_watchtower: bool,
) -> Result<(), CliError> {
    let tower = match (with_watchtower, config.watchtower.clone()) {
        (false, _) => None,
        (true, Some(tower)) => Some(tower),
        (true, None) => {
            let verb = "--with-watchtower";
            return Err(wrong(file, ConfigError::NoWatchtower { verb }));
        }
    };
    let database = open(&config.database).await?;
    let tower_database = match &config.watchtower_database {
        Some(url) => open(url).await?,
        None => database.clone(),
    };
    match database.engine() {
        Engine::Sqlite => store::migrate(&database).await.map_err(from_database)?,
        Engine::Postgres => expect_migrated(&database).await?,
    }
    let cannot_listen = |error: std::io::Error| CliError::Failed {
        part: format!("cannot listen on {}, which `listen` names", config.listen),
        reason: error.to_string(),
    };
    let service = Service::new(database.clone(), config.network, config.batch_settings())
        .on_signet(config.signet_challenge.clone());
    rebuilds::expect_finished(&service)
        .await
        .map_err(from_service)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    output::say(&format!("listening on http://{address}"));

    let public = match &config.public_url {
        Some(url) => Public::parse(url).map_err(|error| wrong(file, error))?,
        None => Public::of_listener(address),
    };
    let proxies = config.proxies().map_err(|error| wrong(file, error))?;
    let public = public.behind(proxies);
    output::say(&format!("the pages are at {}", public.origin()));
    let mailer = match config.mail.as_ref().map(MailConfig::open) {
        None => None,
        Some(opened) => Some(opened.map_err(|error| wrong(file, error))?),
    };
    let reach = Reach {
        allow_loopback: config.allow_loopback_webhooks,
        ..Reach::default()
    };
    let service = service
        .at_public_url(Some(public.origin()))
        .telling(mailer, reach);

    let (stop, stopping) = watch::channel(false);
    let job_config = jobs::JobsConfig {
        instance: config.instance.clone(),
        poll_interval: std::time::Duration::from_millis(config.poll_interval_ms),
    };
    let api = tokio::spawn(http::serve(
        listener,
        service.clone(),
        public,
        stopped(stopping.clone()),
    ));
    let work = tokio::spawn(jobs::run(service, job_config, stopped(stopping.clone())));
    let tower = tokio::spawn(watch_chain(
        tower_database.clone(),
        tower,
        stopped(stopping),
    ));
    let (api_stop, work_stop, tower_stop) = (
        api.abort_handle(),
        work.abort_handle(),
        tower.abort_handle(),
    );
    let ended = first_end(api, work, tower, &stop).await;
    for task in [api_stop, work_stop, tower_stop] {
        task.abort();
    }
    tower_database.close().await;
    database.close().await;
    ended
}

/// Waits for a signal or for the first part that fails, then lets all parts end.
async fn first_end(
    mut api: tokio::task::JoinHandle<std::io::Result<()>>,
    mut work: tokio::task::JoinHandle<()>,
    mut tower: tokio::task::JoinHandle<Result<(), watchtower::DaemonError>>,
    stop: &watch::Sender<bool>,
) -> Result<(), CliError> {
    let failed = |part: &str, reason: String| CliError::Failed {
        part: part.to_owned(),
        reason,
    };
    let early = tokio::select! {
        signal = shutdown_signal() => signal.err(),
        ended = &mut api => Some(failed("the API", reason_of(ended))),
        ended = &mut work => Some(failed("the jobs", ended.err().map_or_else(|| "ended".to_owned(), |error| error.to_string()))),
        ended = &mut tower => Some(failed("the watchtower", reason_of(ended))),
    };
    stop.send_replace(true);
    if let Some(error) = early {
        return Err(error);
    }
    let (api, (), tower) = tokio::join!(api, async { work.await.unwrap_or_default() }, tower);
    match (api, tower) {
        (Ok(Ok(())), Ok(Ok(()))) => Ok(()),
        (Ok(Ok(())), tower) => Err(failed("the watchtower", reason_of(tower))),
        (api, _) => Err(failed("the API", reason_of(api))),
    }
}

fn reason_of<E: std::fmt::Display>(ended: Result<Result<(), E>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "ended".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

async fn watch_chain(
    database: Database,
    config: Option<watchtower::configuration::Config>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), watchtower::DaemonError> {
    if let Some(config) = config {
        return watchtower::run(database, config, shutdown).await;
    }
    shutdown.await;
    Ok(())
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    if stopping.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("stopping: nobody is left to say so");
    }
}

async fn shutdown_signal() -> Result<(), CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|error| CliError::Failed {
            part: "signals".to_owned(),
            reason: error.to_string(),
        })
    };
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}

async fn expect_migrated(database: &Database) -> Result<(), CliError> {
    for owner in [watchtower::store::OWNER, store::OWNER] {
        let pending = database::pending_migrations(database, owner)
            .await
            .map_err(from_database)?;
        if pending > 0 {
            return Err(CliError::Refused {
                code: "not_migrated".to_owned(),
                detail: format!(
                    "the database has {pending} outstanding migrations of the {}",
                    owner.name
                ),
                problem: None,
                hint: Some(
                    "run `countersign-coordinator migrate --config FILE` as the owner's role"
                        .to_owned(),
                ),
            });
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn from_service(error: crate::service::ServiceError) -> CliError {
    CliError::Refused {
        code: error.code().to_owned(),
        detail: error.to_string(),
        problem: None,
        hint: Some(error.hint().to_owned()),
    }
}

pub(super) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Failed {
            part: "the runtime".to_owned(),
            reason: error.to_string(),
        })?
        .block_on(work)
}
