//! One person: role, keys, absences, what was decided, and what an operator can do.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::Ui;
use super::super::account::PageKeyLine;
use super::super::fault::Fault;
use super::super::frame::{Frame, Place, page, see_other_saying};
use super::super::posted::{Named, Posted};
use super::super::routes::{Needs, Table};
use super::super::show::{Ago, Moment, Outside};
use super::super::visitor::Visitor;
use super::absences::AbsenceLine;
use super::{ChangeLine, Part, parts_of, what_it_is};
use crate::service::people::PersonRole;
use crate::service::people::roles::{self, RoleChangeView};
use crate::service::people::view;
use crate::service::{Right, ServiceError};

pub(super) fn routes(table: Table) -> Table {
    let people = Needs::Right(Right::People);
    table
        .get("/people/{name}", Needs::Right(Right::Read), show)
        .post("/people/{name}/role", people, propose)
        .post("/people/{name}/revoke", people, revoke)
        .post("/roles/{id}/decide", people, decide)
        .post("/roles/{id}/withdraw", people, withdraw)
}

/// What was decided about a person.
struct DecidedLine {
    words: String,
    at: Moment,
}

impl DecidedLine {
    fn of(change: &RoleChangeView) -> Option<Self> {
        let at = change.decided_at?;
        let what = if change.to == "ended" {
            "revoked".to_owned()
        } else {
            format!("{} instead of {}", change.to, change.from)
        };
        let by = &change.proposed_by;
        let second = change.decided_by.as_deref().unwrap_or_default();
        let words = match change.outcome.as_deref() {
            Some("confirmed") => format!("{what}, proposed by {by}, confirmed by {second}"),
            Some("rejected") => format!("not {what}: proposed by {by}, rejected by {second}"),
            Some("withdrawn") => format!("not {what}: proposed by {by} and taken back"),
            _ => format!("{what}, by {by} alone"),
        };
        Some(Self {
            words,
            at: Moment::new(at),
        })
    }
}

#[derive(Template)]
#[template(path = "people/person.html")]
struct PersonPage {
    frame: Frame,
    manages: bool,
    name: String,
    role: &'static str,
    means: &'static str,
    vault: Option<String>,
    parts: Vec<Part>,
    joined: Moment,
    invited_by: String,
    seen: Option<Ago>,
    ended: Option<Moment>,
    passkeys: usize,
    page_keys: Vec<PageKeyLine>,
    absences: Vec<AbsenceLine>,
    changes: Vec<ChangeLine>,
    decided: Vec<DecidedLine>,
    roles: Vec<&'static str>,
    tokens: Vec<Outside>,
    tokens_gone: Vec<Outside>,
}

fn names_of(tokens: &[(String, String)]) -> Vec<Outside> {
    let names = tokens.iter().map(|(_, name)| Outside::new(name));
    names.collect()
}

async fn show(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let name = named.text("name")?;
    let seen = view::show_person(&ui.service, &visitor.actor, name).await?;
    let now = ui.service.now();
    let (waiting, decided): (Vec<_>, Vec<_>) = seen
        .changes
        .into_iter()
        .partition(|change| change.outcome.is_none());
    let other = |role: &PersonRole| *role != seen.person.role;
    page(&PersonPage {
        frame: visitor.frame(&seen.person.name, Place::People),
        manages: visitor.may(Right::People),
        role: seen.person.role.name(),
        means: what_it_is(seen.person.role),
        vault: seen.person.vault.map(|vault| visitor.name_of(vault)),
        parts: parts_of(&seen.person),
        joined: Moment::new(seen.person.created_at),
        seen: seen.person.seen_at.map(|at| Ago::new(at, now)),
        ended: seen.person.ended_at.map(Moment::new),
        passkeys: seen.person.passkeys,
        page_keys: seen.page_keys.into_iter().map(PageKeyLine::of).collect(),
        absences: AbsenceLine::all(seen.absences, &visitor),
        changes: waiting
            .into_iter()
            .map(|change| ChangeLine::of(change, &visitor))
            .collect(),
        decided: decided.iter().filter_map(DecidedLine::of).collect(),
        roles: PersonRole::ALL
            .into_iter()
            .filter(other)
            .map(PersonRole::name)
            .collect(),
        tokens: names_of(&seen.tokens),
        tokens_gone: names_of(&seen.tokens_gone),
        invited_by: seen.person.created_by,
        name: seen.person.name,
    })
}

/// A role that is chosen.
#[derive(Debug, Default, Deserialize)]
struct RoleForm {
    #[serde(default)]
    role: String,
}

async fn propose(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<RoleForm>,
) -> Result<Response, Fault> {
    let name = named.text("name")?;
    let role = form.role.parse().map_err(|_| ServiceError::Malformed {
        field: "role",
        expected: "a role of the list",
    })?;
    let change = roles::propose_role(&ui.service, &visitor.actor, name, role).await?;
    Ok(said(&change))
}

async fn revoke(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let name = named.text("name")?;
    let change = roles::revoke_person(&ui.service, &visitor.actor, name).await?;
    Ok(said(&change))
}

/// Says what a proposal became.
fn said(change: &RoleChangeView) -> Response {
    let path = format!("/people/{}", change.person);
    let words = match change.outcome.as_deref() {
        None => "Proposed. It takes effect once another operator confirms it.".to_owned(),
        Some("rejected") => "Rejected. Nothing changes.".to_owned(),
        Some(_) if change.to == "ended" => {
            format!(
                "{} is revoked: all sessions, passkeys and tokens are over.",
                change.person
            )
        }
        Some(_) => format!("{} is {} now and signs in anew.", change.person, change.to),
    };
    see_other_saying(&path, &words)
}

/// The second word.
#[derive(Debug, Default, Deserialize)]
struct DecideForm {
    #[serde(default)]
    word: String,
}

async fn decide(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<DecideForm>,
) -> Result<Response, Fault> {
    let confirm = match form.word.as_str() {
        "confirm" => true,
        "reject" => false,
        _ => {
            return Err(Fault::from(ServiceError::Malformed {
                field: "word",
                expected: "confirm or reject",
            }));
        }
    };
    let id = named.text("id")?;
    let change = roles::decide_change(&ui.service, &visitor.actor, id, confirm).await?;
    Ok(said(&change))
}

async fn withdraw(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    roles::withdraw_change(&ui.service, &visitor.actor, named.text("id")?).await?;
    Ok(see_other_saying("/people", "Taken back. Nothing changes."))
}
