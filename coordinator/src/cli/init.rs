//! `init`: a database, its tables, a first operator's token and invitation.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::CliError;
use super::daemon::{block_on, from_service};
use super::layout::Lines;
use super::opening::{expect_folder, migrated, open, read, wrong};
use super::output::Output;
use crate::configuration::CoordinatorConfig;
use crate::service::people::invitations::{self, FirstInvitation};
use crate::service::{Actor, PeopleError, Role, Service, ServiceError, tokens};

#[derive(Debug, Args)]
#[command(
    override_usage = "countersign-coordinator init --config <FILE> --operator-token <FILE>",
    after_help = "Example:\n  countersign-coordinator init --config owner.toml --operator-token op.token"
)]
pub(super) struct Init {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where to write the first operator's token, readable by you alone.
    #[arg(long, value_name = "FILE")]
    operator_token: PathBuf,
    /// The first operator, who is invited to the pages.
    #[arg(long, value_name = "NAME", default_value = "operator")]
    operator: String,
    /// Another database URL than the file's: that of the owner's role.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Make another link though one is open: the first opens nothing any more.
    #[arg(long)]
    again: bool,
}

/// What was made.
struct Made {
    token: tokens::CreatedToken,
    invited: Option<FirstInvitation>,
}

pub(super) fn run(verb: &Init, out: &Output) -> Result<(), CliError> {
    let config = read(&verb.config)?;
    // Taken first, so that no token is made that cannot be written.
    let mut file = take(&verb.operator_token)?;
    let unwritable = |source| CliError::File {
        path: verb.operator_token.clone(),
        source,
    };
    let written = block_on(make(verb, &config)).and_then(|made| {
        writeln!(file, "{}", made.token.secret)
            .and_then(|()| file.sync_all())
            .map_err(unwritable)?;
        Ok(made.invited)
    });
    match written {
        Ok(invited) => told(verb, invited.as_ref(), out),
        Err(error) => {
            // Only the empty file that was made above is taken away again.
            fs::remove_file(&verb.operator_token).map_err(unwritable)?;
            Err(error)
        }
    }
}

/// Makes the token's file, which must not be there yet.
fn take(path: &Path) -> Result<File, CliError> {
    expect_folder(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| {
            let path = path.to_owned();
            if source.kind() == ErrorKind::AlreadyExists {
                CliError::TokenFileExists { path }
            } else {
                CliError::File { path, source }
            }
        })
}

async fn make(verb: &Init, config: &CoordinatorConfig) -> Result<Made, CliError> {
    migrated(config, verb.database.as_deref())
        .await?
        .close()
        .await;
    let database = open(&config.database).await?;
    let public = config
        .public()
        .map_err(|error| wrong(&verb.config, error))?;
    let service = Service::new(database, config.network, config.batch_settings())
        .on_signet(config.signet_challenge.clone())
        .at_public_url(Some(public.origin()));
    let invited = invitations::invite_first(&service, &verb.operator, verb.again)
        .await
        .map_err(|error| {
            if let ServiceError::People(PeopleError::AlreadyInvited { name }) = error {
                return CliError::InvitedAlready { name };
            }
            from_service(error)
        })?;
    let new = tokens::NewToken {
        name: "first operator".to_owned(),
        role: Role::Operator,
        vault: None,
    };
    let token = tokens::create_token(&service, &Actor::local(), &new)
        .await
        .map_err(from_service)?;
    Ok(Made { token, invited })
}

fn told(verb: &Init, invited: Option<&FirstInvitation>, out: &Output) -> Result<(), CliError> {
    let url = invited.map(|invited| &invited.created.url);
    let void = invited.is_some_and(|invited| invited.former_is_void);
    let answer = json!({
        "database": "ready",
        "operator_token": verb.operator_token,
        "invitation": url,
        "former_link_is_void": void,
    });
    out.told(&answer, || {
        let mut lines = Lines::default()
            .with(
                "operator's token",
                verb.operator_token.display().to_string(),
            )
            .with(
                "invitation",
                url.map_or_else(String::new, |url| {
                    format!("{url} opens once, within two days, for {}", verb.operator)
                }),
            );
        if void {
            lines = lines.with("first link", "opens nothing any more");
        }
        let lines = lines.with(
            "next",
            "`countersign-coordinator run --config FILE`, then `vault add FILE`",
        );
        format!("The database is ready.\n{}", lines.text())
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::configuration::EXAMPLE;

    struct Desk {
        folder: TempDir,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let desk = Self { folder };
            let database = format!("sqlite://{}/c.db", desk.folder.path().display());
            desk.configure(&database);
            desk
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn configure(&self, database: &str) {
            let old = "sqlite:///var/lib/countersign/countersign.db";
            let text = EXAMPLE.replacen(old, database, 1);
            fs::write(self.path("c.toml"), text).expect("written");
        }

        fn init(&self, token: &str, again: bool) -> Result<(), CliError> {
            let verb = Init {
                config: self.path("c.toml"),
                operator_token: self.path(token),
                operator: "operator".to_owned(),
                database: None,
                again,
            };
            run(&verb, &Output::new(false))
        }
    }

    #[test]
    fn a_second_init_says_that_the_token_is_there_and_does_nothing() {
        let desk = Desk::new();
        fs::write(desk.path("op"), "a token").expect("written");
        let error = desk.init("op", false).expect_err("is refused");
        assert_eq!(
            (error.code(), error.exit_status()),
            ("token_file_exists", 2)
        );
        assert_eq!(fs::read(desk.path("op")).expect("there"), b"a token");
        assert!(!desk.path("c.db").exists());
    }

    #[test]
    fn a_second_link_voids_the_first_only_where_it_is_asked_for() {
        let desk = Desk::new();
        desk.init("first", false).expect("is made");
        let error = desk.init("second", false).expect_err("is refused");
        assert_eq!((error.code(), error.exit_status()), ("invited_already", 2));
        assert!(
            error.hint().is_some_and(|hint| hint.contains("--again")),
            "{error}"
        );
        assert!(!desk.path("second").exists(), "no token is left behind");
        desk.init("second", true).expect("is made");
        assert_eq!(
            fs::read_to_string(desk.path("second"))
                .expect("there")
                .trim()
                .len(),
            64
        );
    }

    #[test]
    fn a_folder_that_is_missing_is_named_and_nothing_is_made() {
        let desk = Desk::new();
        let error = desk.init("missing/op", false).expect_err("is refused");
        assert_eq!((error.code(), error.exit_status()), ("no_folder", 2));
        assert!(
            error.to_string().contains("missing for op"),
            "both are named: {error}"
        );
        assert!(!desk.path("missing").exists());
        desk.configure(&format!(
            "sqlite://{}/data/c.db",
            desk.folder.path().display()
        ));
        let error = desk.init("op", false).expect_err("is refused");
        assert_eq!((error.code(), error.exit_status()), ("no_folder", 2));
        assert!(!desk.path("op").exists(), "no token is left behind");
    }
}
