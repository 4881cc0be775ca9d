//! A person's own seat: the link that opens it once, and what there is to do on it. Nobody needs to be signed in.

use askama::Template;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use crate::service::ServiceError;
use crate::service::ceremonies::filling::HandIn;
use crate::service::ceremonies::sitting::{self, Compared, Ready, SittingView};
use crate::service::ceremonies::view::Step;
use crate::ui::ceremony::Browser;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, again, page, page_with, see_other};
use crate::ui::guard::set_cookie;
use crate::ui::listing::attachment;
use crate::ui::posted::{Named, Posted, Uploaded};
use crate::ui::routes::{Needs, Table};
use crate::ui::show::Moment;
use crate::ui::{Public, Ui};

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/seats/{secret}", Needs::Nobody, link)
        .post("/seats/{secret}", Needs::Nobody, sit)
        .get("/seat", Needs::Nobody, show)
        .get("/seat/policy.toml", Needs::Nobody, document)
        .post("/seat/record", Needs::Nobody, record)
        .post("/seat/comparison", Needs::Nobody, compared)
        .post("/seat/readiness", Needs::Nobody, ready)
}

/// The cookie of a sitting.
fn cookie(public: &Public) -> &'static str {
    if public.is_secure() {
        "__Host-countersign-seat"
    } else {
        "countersign-seat"
    }
}

fn secret_of(ui: &Ui, jar: &CookieJar) -> String {
    jar.get(cookie(&ui.public))
        .map(|cookie| cookie.value().to_owned())
        .unwrap_or_default()
}

#[derive(Template)]
#[template(path = "ceremonies/invitation.html")]
struct InvitationPage {
    frame: Frame,
    path: String,
    person: String,
    seat: String,
    ceremony: String,
    by: String,
    expires: Moment,
}

#[derive(Template)]
#[template(path = "ceremonies/seat.html")]
struct SeatPage {
    frame: Frame,
    seat: SittingView,
    until: Moment,
    form: HandIn,
    compare: CompareForm,
    refused: Option<Fault>,
}

impl SeatPage {
    /// Whether the key may still be handed in.
    fn hands_in(&self) -> bool {
        let open = matches!(self.seat.step, Step::Gathering | Step::Drafting);
        open && !self.seat.seat.keeps && self.seat.draft.is_none()
    }

    fn confirms(&self) -> bool {
        matches!(self.seat.step, Step::Confirming | Step::Confirmed)
    }

    fn has_compared(&self) -> bool {
        self.seat.seat.compared_at.is_some()
    }

    fn is_ready(&self) -> bool {
        self.seat.seat.ready_at.is_some()
    }
}

/// What is typed about the words.
#[derive(Debug, Clone, Default, Deserialize)]
struct CompareForm {
    #[serde(default)]
    policy: String,
    #[serde(default)]
    with: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
    #[serde(default)]
    same_address: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ReadyForm {
    #[serde(default)]
    policy: String,
}

async fn link(State(ui): State<Ui>, browser: Browser, named: Named) -> Result<Response, Fault> {
    let secret = named.text("secret")?;
    let invitation = sitting::look_at_link(&ui.service, &browser.from, secret).await?;
    page(&InvitationPage {
        frame: Frame::without_visitor("Your seat"),
        path: format!("/seats/{secret}"),
        person: invitation.person,
        seat: invitation.seat,
        ceremony: invitation.ceremony,
        by: invitation.created_by,
        expires: Moment::new(invitation.expires),
    })
}

async fn sit(State(ui): State<Ui>, browser: Browser, named: Named) -> Result<Response, Fault> {
    let secret = named.text("secret")?;
    let begun = sitting::sit(&ui.service, &browser.from, secret).await?;
    let mut response = see_other("/seat");
    let kept = (cookie(&ui.public), begun.secret.as_str());
    set_cookie(&mut response, &ui.public, kept, begun.max_age);
    Ok(response)
}

async fn show(State(ui): State<Ui>, jar: CookieJar, headers: HeaderMap) -> Result<Response, Fault> {
    let secret = secret_of(&ui, &jar);
    let says =
        |name: &str, value: &[u8]| headers.get(name).is_some_and(|one| one.as_bytes() == value);
    let from_elsewhere =
        says("sec-fetch-site", b"cross-site") && says("sec-fetch-mode", b"navigate");
    if secret.is_empty() && from_elsewhere {
        // A link from elsewhere comes without the cookie, which is for this site alone: the page asks for itself.
        return Ok(again());
    }
    draw(&ui, &secret, Drawn::default(), None).await
}

/// What was typed, so that it stands there again.
#[derive(Default)]
struct Drawn {
    form: HandIn,
    compare: CompareForm,
}

async fn draw(
    ui: &Ui,
    secret: &str,
    drawn: Drawn,
    refused: Option<Fault>,
) -> Result<Response, Fault> {
    let seat = sitting::show_sitting(&ui.service, secret).await?;
    let status = refused.as_ref().map_or(StatusCode::OK, Fault::status);
    let template = SeatPage {
        frame: Frame::without_visitor("Your seat"),
        until: Moment::new(seat.until),
        seat,
        form: drawn.form,
        compare: drawn.compare,
        refused,
    };
    page_with(status, &template)
}

/// Back to the seat, or the page again with what was refused.
async fn told(
    (ui, secret): (&Ui, &str),
    done: Result<SittingView, ServiceError>,
    drawn: Drawn,
) -> Result<Response, Fault> {
    match done {
        Ok(_) => Ok(see_other("/seat")),
        Err(error) => draw(ui, secret, drawn, Some(Fault::from(error))).await,
    }
}

async fn document(State(ui): State<Ui>, jar: CookieJar) -> Result<Response, Fault> {
    let seat = sitting::show_sitting(&ui.service, &secret_of(&ui, &jar)).await?;
    let draft = seat.draft.ok_or_else(Fault::nothing_here)?;
    let kind = "text/plain; charset=utf-8";
    let name = format!("{}.toml", seat.name);
    Ok(attachment(&name, kind, draft.document))
}

async fn record(State(ui): State<Ui>, jar: CookieJar, request: Request) -> Result<Response, Fault> {
    let secret = secret_of(&ui, &jar);
    // Nothing is read of whoever has no seat.
    sitting::show_sitting(&ui.service, &secret).await?;
    let uploaded = Uploaded::from_request(request, &ui).await?;
    let brought = uploaded
        .files("file")
        .first()
        .map(|file| file.bytes.clone());
    let text = |name: &str| uploaded.text(name).trim().to_owned();
    let typed = HandIn {
        record: brought.map_or_else(
            || uploaded.text("pasted").to_owned(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        ),
        journal: text("journal"),
        kind: text("kind"),
        firmware: text("firmware"),
        seed_created: text("seed_created"),
    };
    let done = sitting::hand_in(&ui.service, &secret, &typed).await;
    let is_private = done
        .as_ref()
        .is_err_and(|error| error.code() == "private_key_given");
    let drawn = Drawn {
        // What must not be anywhere is not written into the page again.
        form: if is_private { HandIn::default() } else { typed },
        ..Drawn::default()
    };
    told((&ui, &secret), done, drawn).await
}

async fn compared(
    State(ui): State<Ui>,
    jar: CookieJar,
    Posted(form): Posted<CompareForm>,
) -> Result<Response, Fault> {
    let secret = secret_of(&ui, &jar);
    let asked = Compared {
        policy: form.policy.parse().map_err(|_| Fault::nothing_here())?,
        with: form.with.clone(),
        first_word: form.first.clone(),
        last_word: form.last.clone(),
        same_address: form.same_address == "yes",
    };
    let done = sitting::compare(&ui.service, &secret, &asked).await;
    let drawn = Drawn {
        compare: form,
        ..Drawn::default()
    };
    told((&ui, &secret), done, drawn).await
}

async fn ready(
    State(ui): State<Ui>,
    jar: CookieJar,
    Posted(form): Posted<ReadyForm>,
) -> Result<Response, Fault> {
    let secret = secret_of(&ui, &jar);
    let policy = form.policy.parse().map_err(|_| Fault::nothing_here())?;
    let done = sitting::ready(&ui.service, &secret, &Ready { policy }).await;
    told((&ui, &secret), done, Drawn::default()).await
}
