//! The person's own account: passkeys, sessions, page keys, the own tool, the unit of amounts, and being away.

mod bridge;
mod keys;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;
use policies::UnixTime;
use serde::Deserialize;

use super::Ui;
use super::ceremony;
use super::fault::Fault;
use super::frame::{Frame, Place, page_with, see_other, see_other_saying};
use super::people::absences::{AbsenceForm, AbsenceLine};
use super::people::{Part, parts_of, what_it_is};
use super::posted::{Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{Ago, Moment, Outside, Unit};
use super::visitor::Visitor;
use crate::service::people::keys::PageKeyView;
use crate::service::people::view::{self, AccountView};
use crate::service::people::{Visit, sessions};

pub(super) fn routes(table: Table) -> Table {
    let table = table
        .get("/account", Needs::Person, show)
        .post("/account/unit", Needs::Person, set_unit)
        .post("/account/sessions/end", Needs::Person, end_session)
        .post("/account/sessions/end-others", Needs::Person, end_others);
    bridge::routes(keys::routes(table))
}

/// A passkey that signs in.
struct PasskeyLine {
    id: String,
    label: Outside,
    name: String,
    synced: bool,
    made: Moment,
    used: Option<Ago>,
}

/// A session.
struct SessionLine {
    id: String,
    here: bool,
    agent: Outside,
    begun: Moment,
    seen: Ago,
    ends: Moment,
}

/// A page key.
pub(super) struct PageKeyLine {
    pub(super) id: String,
    pub(super) label: Outside,
    pub(super) entry: String,
    pub(super) made: Moment,
}

impl PageKeyLine {
    pub(super) fn of(key: PageKeyView) -> Self {
        Self {
            id: key.id,
            label: Outside::new(&key.label),
            entry: key.entry,
            made: Moment::new(key.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    frame: Frame,
    person: String,
    role: &'static str,
    means: &'static str,
    vault: Option<String>,
    parts: Vec<Part>,
    passkeys: Vec<PasskeyLine>,
    page_keys: Vec<PageKeyLine>,
    sessions: Vec<SessionLine>,
    several: bool,
    absences: Vec<AbsenceLine>,
    form: AbsenceForm,
    wrong: Wrong,
    unit: Unit,
    bridge: Option<u16>,
    refused: Option<String>,
}

/// The visit that the service asks for.
pub(super) fn visit_of(visitor: &Visitor) -> Visit {
    Visit {
        person: visitor.person.clone(),
        role: visitor.role,
        vault: visitor.actor.vault,
        actor: visitor.actor.clone(),
        session: visitor.session.clone(),
        csrf: visitor.csrf.clone(),
        bridge: visitor.bridge,
    }
}

async fn show(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    draw(
        &ui,
        &visitor,
        AbsenceForm::default(),
        Wrong::default(),
        None,
    )
    .await
}

/// The account, with what is wrong about a form that was sent.
pub(super) async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    form: AbsenceForm,
    wrong: Wrong,
    refused: Option<&Fault>,
) -> Result<Response, Fault> {
    let account = view::account(&ui.service, &visit_of(visitor)).await?;
    let status = match refused {
        Some(fault) => fault.status(),
        None if wrong.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let template = template(visitor, account, ui.service.now(), form, wrong, refused);
    page_with(status, &template)
}

fn template(
    visitor: &Visitor,
    account: AccountView,
    now: UnixTime,
    form: AbsenceForm,
    wrong: Wrong,
    refused: Option<&Fault>,
) -> AccountPage {
    let passkeys = account.passkeys.into_iter().map(|key| PasskeyLine {
        id: key.id,
        label: Outside::new(&key.label),
        name: key.label,
        synced: key.synced,
        made: Moment::new(key.created_at),
        used: key.last_used_at.map(|at| Ago::new(at, now)),
    });
    let sessions: Vec<SessionLine> = account
        .sessions
        .into_iter()
        .map(|session| SessionLine {
            here: session.id == visitor.session,
            id: session.id,
            agent: Outside::new(if session.user_agent.is_empty() {
                "a browser that does not say its name"
            } else {
                &session.user_agent
            }),
            begun: Moment::new(session.created_at),
            seen: Ago::new(session.seen_at, now),
            ends: Moment::new(session.expires_at),
        })
        .collect();
    AccountPage {
        frame: visitor.frame("Your account", Place::Account),
        person: visitor.person.clone(),
        role: visitor.role.name(),
        means: what_it_is(visitor.role),
        vault: visitor.actor.vault.map(|vault| visitor.name_of(vault)),
        parts: parts_of(&account.person),
        passkeys: passkeys.collect(),
        page_keys: account.page_keys.into_iter().map(PageKeyLine::of).collect(),
        several: sessions.len() > 1,
        sessions,
        absences: AbsenceLine::all(account.absences, visitor),
        form,
        wrong,
        unit: visitor.unit,
        bridge: visitor.bridge,
        refused: refused.map(|fault| {
            let hint = fault.hint().unwrap_or_default();
            format!("{} {}", fault.words(), super::fault::sentence(hint))
        }),
    }
}

/// The unit of amounts, and the page to go on with.
#[derive(Debug, Default, Deserialize)]
struct UnitForm {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    to: String,
}

async fn set_unit(_: Visitor, Posted(form): Posted<UnitForm>) -> Response {
    let unit = if form.unit == Unit::Satoshi.name() {
        "sat"
    } else {
        "btc"
    };
    let mut response = see_other(ceremony::own_path(&form.to));
    let cookie = format!(
        "{}={unit}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict",
        Unit::COOKIE
    );
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Names one of the person's own things.
#[derive(Debug, Default, Deserialize)]
struct Which {
    #[serde(default)]
    id: String,
    #[serde(default)]
    label: String,
}

async fn end_session(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<Which>,
) -> Result<Response, Fault> {
    sessions::end_session(&ui.service, &visit_of(&visitor), &form.id).await?;
    if form.id == visitor.session {
        let mut response = see_other("/sign-in");
        ceremony::forget_session(&mut response, &ui.public);
        return Ok(response);
    }
    Ok(see_other_saying("/account", "The session is over."))
}

async fn end_others(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    sessions::end_other_sessions(&ui.service, &visit_of(&visitor)).await?;
    Ok(see_other_saying(
        "/account",
        "All your other sessions are over.",
    ))
}
