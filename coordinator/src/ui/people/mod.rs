//! Persons: who is here as what, who is away, and what waits for a second operator.

pub(super) mod absences;
mod inviting;
mod list;
mod person;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::UnixTime;

use super::Ui;
use super::fault::Fault;
use super::filters::after;
use super::frame::{Frame, Place, page_with};
use super::listing::{Pager, link};
use super::posted::{Asked, Wrong};
use super::routes::{Needs, Table};
use super::show::Moment;
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::paging::PAGE;
use crate::service::people::PersonRole;
use crate::service::people::invitations::InvitationView;
use crate::service::people::listing::{PeoplePage as Seen, show_people};
use crate::service::people::roles::RoleChangeView;
use absences::{AbsenceForm, AbsenceLine};
use inviting::InviteForm;
use list::{PeopleQuery, PersonLine};

pub(super) use list::{Part, parts_of};

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
    pager: Pager,
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

async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(query): Asked<PeopleQuery>,
) -> Result<Response, Fault> {
    if query.format == "csv" {
        return list::as_csv(&ui, &visitor, query).await;
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
    let begin = after(&drawn.query.after)?;
    let wanted = drawn.query.read();
    let (service, actor) = (&ui.service, &visitor.actor);
    let seen = show_people(service, actor, &wanted, begin.as_ref(), PAGE).await?;
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
    seen: Seen,
    now: UnixTime,
    drawn: Drawn,
    refused: Option<&Fault>,
) -> PeoplePage {
    let query = drawn.query;
    let filters = query.filters();
    let marked = Some(query.after.as_str()).filter(|after| !after.is_empty());
    let pager = Pager::new("/people", &filters, marked, seen.next.as_ref());
    let (filtered, csv) = (
        filters.iter().any(|(_, value)| !value.is_empty()),
        link("/people", &filters, &[("format", "csv")]),
    );
    let (names, seen) = (seen.names, seen.view);
    let people = seen.people.iter();
    PeoplePage {
        frame: visitor.frame("People", Place::People),
        manages: visitor.may(Right::People),
        people: people
            .map(|person| PersonLine::of(person, visitor, now))
            .collect(),
        names,
        filtered,
        pager,
        csv,
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
