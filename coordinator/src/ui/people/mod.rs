//! Persons: who is here as what, who is away, and what waits for a second operator.

pub(super) mod absences;
mod inviting;
mod person;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::UnixTime;
use serde::Deserialize;

use super::Ui;
use super::fault::Fault;
use super::frame::{Frame, Place, page_with};
use super::listing::{csv, link};
use super::posted::{Asked, Wrong};
use super::routes::{Needs, Table};
use super::show::{Ago, Moment};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::paging::Paged;
use crate::service::people::PersonRole;
use crate::service::people::invitations::InvitationView;
use crate::service::people::roles::RoleChangeView;
use crate::service::people::view::{self, PeopleView, PersonView};
use absences::{AbsenceForm, AbsenceLine};
use inviting::InviteForm;

pub(super) fn routes(table: Table) -> Table {
    let table = table.get("/people", Needs::Right(Right::Read), show);
    absences::routes(person::routes(inviting::routes(table)))
}

/// What a role is, in a sentence.
pub(super) const fn what_it_is(role: PersonRole) -> &'static str {
    match role {
        PersonRole::Operator => "Operators run the treasury: batches, attempts, people, tokens.",
        PersonRole::Approver => "Approvers read, approve, and hand in signatures.",
        PersonRole::Requester => "Requesters ask for addresses and withdrawals.",
        PersonRole::Auditor => "Auditors read everything and change nothing.",
    }
}

/// What somebody is in a policy.
pub(super) struct Part {
    pub(super) what: String,
    pub(super) vault: String,
    pub(super) href: String,
}

pub(super) fn parts_of(person: &PersonView) -> Vec<Part> {
    let parts = person.parts.iter().map(|part| Part {
        what: part.what.clone(),
        vault: part.vault_name.clone(),
        href: format!("/vaults/{}/policy", part.vault),
    });
    parts.collect()
}

/// A person in the list.
struct PersonLine {
    name: String,
    role: &'static str,
    vault: Option<String>,
    parts: Vec<Part>,
    passkeys: usize,
    page_keys: usize,
    seen: Option<Ago>,
    away: Option<Moment>,
    ended: Option<Moment>,
}

/// A change of role, or an invitation, that waits or is open.
pub(super) struct ChangeLine {
    pub(super) id: String,
    pub(super) words: String,
    pub(super) by: String,
    pub(super) at: Moment,
    /// Whether it is the visitor's own proposal.
    pub(super) mine: bool,
    /// Whether the visitor may say the second word.
    pub(super) decides: bool,
}

impl ChangeLine {
    pub(super) fn of(change: RoleChangeView, visitor: &Visitor) -> Self {
        let words = if change.to == "ended" {
            format!("revoke {}, who is {}", change.person, change.from)
        } else {
            format!(
                "make {} {}, who is {}",
                change.person, change.to, change.from
            )
        };
        let mine = change.proposed_by == visitor.person;
        Self {
            id: change.id,
            words,
            by: change.proposed_by,
            at: Moment::new(change.proposed_at),
            mine,
            decides: !mine && visitor.may(Right::People),
        }
    }
}

/// An open invitation.
struct InvitationLine {
    id: String,
    person: String,
    role: &'static str,
    by: String,
    until: Moment,
    over: bool,
    waits: bool,
    mine: bool,
}

impl InvitationLine {
    fn of(invitation: InvitationView, visitor: &Visitor) -> Self {
        Self {
            id: invitation.id,
            person: invitation.person,
            role: invitation.role.name(),
            mine: invitation.created_by == visitor.person,
            by: invitation.created_by,
            until: Moment::new(invitation.expires),
            over: invitation.expired,
            waits: invitation.waits_for_second,
        }
    }
}

#[derive(Template)]
#[template(path = "people/people.html")]
struct PeoplePage {
    frame: Frame,
    manages: bool,
    people: Vec<PersonLine>,
    names: Vec<String>,
    filter: PeopleQuery,
    filtered: bool,
    csv: String,
    changes: Vec<ChangeLine>,
    invitations: Vec<InvitationLine>,
    absences: Vec<AbsenceLine>,
    roles: Vec<(&'static str, &'static str)>,
    vaults: Vec<(String, String)>,
    invite: InviteForm,
    form: AbsenceForm,
    wrong: Wrong,
    refused: Option<String>,
}

/// Which persons are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PeopleQuery {
    /// A role, or nothing for all.
    #[serde(default)]
    role: String,
    /// `active` (also where nothing is said), `away` or `revoked`.
    #[serde(default)]
    state: String,
    /// Part of a name.
    #[serde(default)]
    text: String,
    #[serde(default)]
    format: String,
}

impl PeopleQuery {
    fn takes(&self, person: &PersonView) -> bool {
        let of_state = match self.state.as_str() {
            "revoked" => person.ended_at.is_some(),
            "away" => person.ended_at.is_none() && person.away_until.is_some(),
            _ => person.ended_at.is_none(),
        };
        let of_role = self.role.is_empty() || self.role == person.role.name();
        of_state && of_role && person.name.contains(self.text.trim())
    }
}

async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(query): Asked<PeopleQuery>,
) -> Result<Response, Fault> {
    if query.format == "csv" {
        return as_csv(&ui, &visitor, query).await;
    }
    let drawn = Drawn {
        query,
        ..Drawn::default()
    };
    draw(&ui, &visitor, drawn, None).await
}

/// What is typed on the page, and what is wrong with it.
#[derive(Debug, Default)]
struct Drawn {
    query: PeopleQuery,
    pub(super) invite: InviteForm,
    pub(super) form: AbsenceForm,
    pub(super) wrong: Wrong,
}

/// The page, with what is wrong about a form that was sent.
async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    drawn: Drawn,
    refused: Option<&Fault>,
) -> Result<Response, Fault> {
    let seen = view::list_people(&ui.service, &visitor.actor).await?;
    let status = match refused {
        Some(fault) => fault.status(),
        None if drawn.wrong.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let template = template(visitor, seen, ui.service.now(), drawn, refused);
    page_with(status, &template)
}

fn template(
    visitor: &Visitor,
    seen: PeopleView,
    now: UnixTime,
    drawn: Drawn,
    refused: Option<&Fault>,
) -> PeoplePage {
    let query = drawn.query;
    let people = seen.people.iter().filter(|person| query.takes(person));
    let active = seen.people.iter().filter(|one| one.ended_at.is_none());
    let filters = [
        ("role", query.role.as_str()),
        ("state", &query.state),
        ("text", &query.text),
    ];
    PeoplePage {
        frame: visitor.frame("People", Place::People),
        manages: visitor.may(Right::People),
        people: people
            .map(|person| PersonLine {
                name: person.name.clone(),
                role: person.role.name(),
                vault: person.vault.map(|vault| visitor.name_of(vault)),
                parts: parts_of(person),
                passkeys: person.passkeys,
                page_keys: person.page_keys,
                seen: person.seen_at.map(|at| Ago::new(at, now)),
                away: person.away_until.map(Moment::new),
                ended: person.ended_at.map(Moment::new),
            })
            .collect(),
        names: active.map(|person| person.name.clone()).collect(),
        filtered: filters.iter().any(|(_, value)| !value.is_empty()),
        csv: link("/people", &filters, &[("format", "csv")]),
        filter: query,
        changes: seen
            .changes
            .into_iter()
            .map(|change| ChangeLine::of(change, visitor))
            .collect(),
        invitations: seen
            .invitations
            .into_iter()
            .map(|invitation| InvitationLine::of(invitation, visitor))
            .collect(),
        absences: AbsenceLine::all(seen.absences, visitor),
        roles: PersonRole::ALL
            .map(|role| (role.name(), what_it_is(role)))
            .to_vec(),
        vaults: visitor
            .vaults
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
        invite: drawn.invite,
        form: drawn.form,
        wrong: drawn.wrong,
        refused: refused.map(|fault| {
            let hint = fault.hint().unwrap_or_default();
            format!("{} {}", fault.words(), super::fault::sentence(hint))
        }),
    }
}

async fn as_csv(ui: &Ui, visitor: &Visitor, query: PeopleQuery) -> Result<Response, Fault> {
    let seen = view::list_people(&ui.service, &visitor.actor).await?;
    let people: Vec<PersonView> = seen
        .people
        .into_iter()
        .filter(|person| query.takes(person))
        .collect();
    let people = Arc::new(people);
    let time = |at: Option<UnixTime>| at.map_or_else(String::new, |at| Moment::new(at).text());
    csv(
        "people.csv",
        &[
            "name",
            "role",
            "vault",
            "joined",
            "invited_by",
            "passkeys",
            "page_keys",
            "seen",
            "away_until",
            "revoked",
        ],
        move |_| {
            let items = Vec::clone(&people);
            async move { Ok(Paged { items, next: None }) }
        },
        move |person: &PersonView| {
            vec![
                person.name.clone(),
                person.role.name().to_owned(),
                person
                    .vault
                    .map_or_else(String::new, |vault| vault.to_string()),
                time(Some(person.created_at)),
                person.created_by.clone(),
                person.passkeys.to_string(),
                person.page_keys.to_string(),
                time(person.seen_at),
                time(person.away_until),
                time(person.ended_at),
            ]
        },
    )
    .await
}
