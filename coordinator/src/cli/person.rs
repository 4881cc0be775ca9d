//! `person`: invite, list and revoke the persons who use the pages.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::api::{self, Api, Body};
use super::daemon;
use super::output::{self, Output};
use crate::service::Service;
use crate::service::people::PersonRole;
use crate::service::people::invitations::{self, NewInvitation};
use crate::service::people::roles;
use watchtower::store::database::Database;

#[derive(Debug, Subcommand)]
pub(super) enum Person {
    /// Invite a person, or one who is here to a new passkey. The link opens once, within two days.
    #[command(
        after_help = "Example:\n  countersign-coordinator person invite dana --role approver > link.txt"
    )]
    Invite {
        /// The name, as policies name the person.
        name: String,
        /// What the person is here.
        #[arg(long, value_enum)]
        role: Role,
        /// At the coordinator's own machine: needs no token and no second operator.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// List persons, and what waits about them.
    #[command(after_help = "Example:\n  countersign-coordinator person list")]
    List,
    /// Revoke a person; an operator with the word of a second one.
    #[command(after_help = "Example:\n  countersign-coordinator person revoke dana")]
    Revoke {
        /// The name.
        name: String,
        /// At the coordinator's own machine: needs no token and no second operator.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// What a person is here.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Manages everything.
    Operator,
    /// Reads, approves and signs.
    Approver,
    /// Reads and asks for withdrawals.
    Requester,
    /// Reads everything, changes nothing.
    Auditor,
}

impl Role {
    const fn role(self) -> PersonRole {
        match self {
            Self::Operator => PersonRole::Operator,
            Self::Approver => PersonRole::Approver,
            Self::Requester => PersonRole::Requester,
            Self::Auditor => PersonRole::Auditor,
        }
    }
}

pub(super) fn run(
    verb: &Person,
    api: impl FnOnce() -> Result<Api, CliError>,
    out: &Output,
) -> Result<(), CliError> {
    match verb {
        Person::Invite { name, role, config } => {
            let request = NewInvitation {
                name: name.clone(),
                role: role.role(),
                vault: None,
            };
            let answer = match config {
                Some(config) => invite_here(config, &request)?,
                None => api()?.post("/people/invitations", Body::Json(json!(request)))?,
            };
            invited(&answer, out)
        }
        Person::List => listed(&api()?.get("/people")?, out),
        Person::Revoke { name, config } => {
            let answer = match config {
                Some(config) => revoke_here(config, name)?,
                None => api()?.delete(&format!("/people/{}", api::segment(name)))?,
            };
            out.told(&answer, || {
                if answer.get("outcome").is_some_and(|outcome| !outcome.is_null()) {
                    format!("Revoked {name}; every session and passkey of theirs is over.")
                } else {
                    format!("Proposed to revoke {name}; another operator confirms it on the page of people.")
                }
            })
        }
    }
}

fn invited(answer: &Value, out: &Output) -> Result<(), CliError> {
    if out.json() {
        return out.record(answer);
    }
    let flag = |name: &str| answer.pointer(name).and_then(Value::as_bool) == Some(true);
    if flag("/invitation/waits_for_second") {
        output::say("another operator must confirm this invitation before it opens");
    }
    // Alone on standard output, so that it can be redirected into a file.
    let url = answer.get("url").and_then(Value::as_str);
    out.text(url.unwrap_or_default())
}

fn listed(answer: &Value, out: &Output) -> Result<(), CliError> {
    if out.json() {
        return out.record(answer);
    }
    let empty = json!([]);
    let people = answer.get("people").unwrap_or(&empty);
    let columns = &["name", "role", "passkeys", "seen_at", "ended_at"];
    out.table(people, columns, "Nobody yet.")?;
    for (list, title) in [
        ("invitations", "Open invitations"),
        ("changes", "Changes that wait"),
    ] {
        let items = answer.get(list).unwrap_or(&empty);
        if !api::items(items).is_empty() {
            output::say(title);
            let columns: &[&str] = match list {
                "invitations" => &["id", "person", "role", "expires", "waits_for_second"],
                _ => &["id", "person", "from", "to", "proposed_by"],
            };
            out.table(items, columns, "None.")?;
        }
    }
    Ok(())
}

/// A service on the coordinator's own machine.
async fn here(config: &Path) -> Result<(Database, Service), CliError> {
    let config = daemon::read(config)?;
    let database = Database::open(&config.database)
        .await
        .map_err(daemon::from_database)?;
    let public = config.public().map_err(|error| CliError::Usage {
        message: error.to_string(),
    })?;
    let service = Service::new(database.clone(), config.network, config.batch_settings())
        .on_signet(config.signet_challenge.clone())
        .at_public_url(Some(public.origin()));
    Ok((database, service))
}

fn invite_here(config: &Path, request: &NewInvitation) -> Result<Value, CliError> {
    daemon::block_on(async {
        let (database, service) = here(config).await?;
        let created = invitations::invite_locally(&service, request).await;
        database.close().await;
        Ok(json!(created.map_err(daemon::from_service)?))
    })
}

fn revoke_here(config: &Path, name: &str) -> Result<Value, CliError> {
    daemon::block_on(async {
        let (database, service) = here(config).await?;
        let change = roles::revoke_person_locally(&service, name).await;
        database.close().await;
        Ok(json!(change.map_err(daemon::from_service)?))
    })
}
