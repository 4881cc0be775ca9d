//! `person`: invite, list and revoke the persons who use the pages.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::answer::list as list_of;
use super::api::{self, Api, Body};
use super::daemon::{block_on, from_service};
use super::opening;
use super::output::{self, Output};
use crate::service::people::PersonRole;
use crate::service::people::invitations::{self, NewInvitation};
use crate::service::people::roles;
use crate::service::{Actor, PeopleError, Service, ServiceError};
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
    /// Revoke a person, an operator with the word of a second one; or take back an invitation.
    ///
    /// Of a name that is only invited yet, the invitation is taken back: its link opens nothing any more.
    #[command(after_help = "Example:\n  countersign-coordinator person revoke dana")]
    Revoke {
        /// The name.
        name: String,
        /// Take back only the invitation of the name; a person who is here stays.
        #[arg(long)]
        invitation: bool,
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
        Person::Revoke {
            name,
            invitation,
            config,
        } => {
            let (answer, ended) = match config {
                Some(config) => revoke_here(config, name, *invitation)?,
                None => revoke(&api()?, name, *invitation)?,
            };
            out.told(&answer, || revoked(name, &answer, ended))
        }
    }
}

/// What was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The person, or the word of a second operator is awaited.
    Person,
    /// The invitation.
    Invitation,
}

fn revoked(name: &str, answer: &Value, ended: Ended) -> String {
    let done = answer
        .get("outcome")
        .is_some_and(|outcome| !outcome.is_null());
    match ended {
        Ended::Invitation => {
            format!("Took back the invitation of {name}; its link opens nothing any more.")
        }
        Ended::Person if done => {
            format!("Revoked {name}; every session and passkey of theirs is over.")
        }
        Ended::Person => {
            format!(
                "Proposed to revoke {name}; another operator confirms it on the page of people."
            )
        }
    }
}

/// Revokes a person; of a name that is nobody's yet, the invitation.
fn revoke(api: &Api, name: &str, invitation: bool) -> Result<(Value, Ended), CliError> {
    let person = format!("/people/{}", api::segment(name));
    let take_back = || api.delete(&format!("{person}/invitation"));
    if invitation {
        return Ok((take_back()?, Ended::Invitation));
    }
    match api.delete(&person) {
        Err(unknown) if is(&unknown, "unknown_person") => match take_back() {
            Err(error) if is(&error, "not_invited") => Err(unknown),
            answer => Ok((answer?, Ended::Invitation)),
        },
        answer => Ok((answer?, Ended::Person)),
    }
}

fn is(error: &CliError, code: &str) -> bool {
    error.code() == code
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
    for (title, table) in tables(answer) {
        if !title.is_empty() {
            output::say(title);
        }
        out.text(&table)?;
    }
    Ok(())
}

/// The persons, the open invitations and the changes that wait, each with its title; what is empty is left out.
fn tables(answer: &Value) -> Vec<(&'static str, String)> {
    let columns: [(&str, &str, &[&str]); 3] = [
        (
            "people",
            "",
            &["name", "role", "passkeys", "seen_at", "ended_at"],
        ),
        (
            "invitations",
            "Open invitations",
            &[
                "person",
                "role",
                "expires",
                "waits_for_second",
                "created_by",
            ],
        ),
        (
            "changes",
            "Changes that wait",
            &["id", "person", "from", "to", "proposed_by"],
        ),
    ];
    let mut tables: Vec<_> = columns
        .into_iter()
        .map(|(list, title, columns)| (title, list_of(answer, list), columns))
        .filter(|(_, items, _)| !items.is_empty())
        .map(|(title, items, columns)| (title, output::whole_table(items, columns)))
        .collect();
    if tables.is_empty() {
        let nobody = "Nobody yet: `person invite NAME --role ROLE` invites somebody.";
        tables.push(("", nobody.to_owned()));
    }
    tables
}

/// A service on the coordinator's own machine.
async fn here(config: &Path) -> Result<(Database, Service), CliError> {
    let read = opening::read(config)?;
    let database = opening::open(&read.database).await?;
    let public = read
        .public()
        .map_err(|error| opening::wrong(config, error))?;
    let service = Service::new(database.clone(), read.network, read.batch_settings())
        .on_signet(read.signet_challenge.clone())
        .at_public_url(Some(public.origin()));
    Ok((database, service))
}

fn invite_here(config: &Path, request: &NewInvitation) -> Result<Value, CliError> {
    block_on(async {
        let (database, service) = here(config).await?;
        let created = invitations::invite_locally(&service, request).await;
        database.close().await;
        Ok(json!(created.map_err(from_service)?))
    })
}

fn revoke_here(config: &Path, name: &str, invitation: bool) -> Result<(Value, Ended), CliError> {
    block_on(async {
        let (database, service) = here(config).await?;
        let ended = revoke_in(&service, name, invitation).await;
        database.close().await;
        ended.map_err(from_service)
    })
}

/// The same as [`revoke`], of the service itself.
async fn revoke_in(
    service: &Service,
    name: &str,
    invitation: bool,
) -> Result<(Value, Ended), ServiceError> {
    let local = Actor::local();
    if invitation {
        let view = invitations::revoke_invitation_of(service, &local, name).await?;
        return Ok((json!(view), Ended::Invitation));
    }
    match roles::revoke_person_locally(service, name).await {
        Err(unknown @ ServiceError::People(PeopleError::UnknownPerson { .. })) => {
            match invitations::revoke_invitation_of(service, &local, name).await {
                Err(ServiceError::People(PeopleError::NotInvited { .. })) => Err(unknown),
                view => Ok((json!(view?), Ended::Invitation)),
            }
        }
        change => Ok((json!(change?), Ended::Person)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::service::tests::world::{NOW, empty};

    fn shown(answer: &Value) -> String {
        let tables = tables(answer);
        let parts: Vec<String> = tables
            .into_iter()
            .map(|(title, table)| format!("{title}\n{table}"))
            .collect();
        parts.join("\n")
    }

    #[test]
    fn nobody_yet_is_said_only_where_nobody_is_invited_either() {
        let mut answer = json!({ "people": [], "invitations": [], "changes": [] });
        assert!(shown(&answer).contains("Nobody yet"));
        answer["invitations"] = json!([{
            "id": "0a", "person": "erin", "role": "approver", "expires": 1_795_660_800,
            "waits_for_second": false, "created_by": "olga",
        }]);
        let invited = shown(&answer);
        assert!(invited.starts_with("Open invitations\n"), "{invited}");
        assert!(
            invited.contains("erin") && !invited.contains("Nobody"),
            "{invited}"
        );
        answer["people"] = json!([{ "name": "olga", "role": "operator", "passkeys": 1 }]);
        let both = shown(&answer);
        assert!(
            both.find("olga") < both.find("Open invitations"),
            "persons come first: {both}"
        );
    }

    #[tokio::test]
    async fn a_name_that_is_only_invited_is_revoked_by_taking_the_invitation_back() {
        let (_folder, service) = empty(&Arc::new(AtomicU64::new(NOW))).await;
        let request = NewInvitation {
            name: "erin".to_owned(),
            role: PersonRole::Approver,
            vault: None,
        };
        let revoke = |invitation| revoke_in(&service, "erin", invitation);
        let code =
            |refused: Result<(Value, Ended), ServiceError>| refused.expect_err("is refused").code();
        for (invitation, nothing) in [(false, "unknown_person"), (true, "not_invited")] {
            assert_eq!(code(revoke(invitation).await), nothing);
            invitations::invite_locally(&service, &request)
                .await
                .expect("invites");
            let (answer, ended) = revoke(invitation).await.expect("is taken back");
            assert_eq!(
                revoked("erin", &answer, ended),
                "Took back the invitation of erin; its link opens nothing any more."
            );
        }
    }
}
