//! The page of an invitation: who is invited as what, and the passkey that opens it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::Ui;
use super::ceremony::{self, Browser, Sent, Told};
use super::fault::Fault;
use super::frame::{Frame, page};
use super::people::what_it_is;
use super::posted::Named;
use super::routes::{Needs, Table};
use super::show::Moment;
use crate::service::people::RegistrationAnswer;
use crate::service::people::joining;

#[derive(Template)]
#[template(path = "sign_in/invitation.html")]
struct InvitationPage {
    frame: Frame,
    path: String,
    person: String,
    role: &'static str,
    means: &'static str,
    by: String,
    expires: Moment,
    origin: String,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/invitations/{secret}", Needs::Nobody, show)
        .post("/invitations/{secret}/begin", Needs::Nobody, begin)
        .post("/invitations/{secret}/finish", Needs::Nobody, finish)
}

async fn show(State(ui): State<Ui>, browser: Browser, named: Named) -> Result<Response, Fault> {
    let secret = named.text("secret")?;
    let invitation = joining::show_invitation(&ui.service, &browser.from, secret).await?;
    page(&InvitationPage {
        frame: Frame::without_visitor("You are invited"),
        path: format!("/invitations/{secret}"),
        person: invitation.person,
        role: invitation.role.name(),
        means: what_it_is(invitation.role),
        by: invitation.created_by,
        expires: Moment::new(invitation.expires),
        origin: ui.public.origin().to_owned(),
    })
}

async fn begin(State(ui): State<Ui>, browser: Browser, named: Named) -> Result<Response, Told> {
    let secret = named.text("secret").map_err(Told)?;
    let site = ceremony::site(&ui.public);
    let asked = joining::begin_joining(&ui.service, &browser.from, &site, secret).await?;
    Ok(ceremony::answer(&asked))
}

async fn finish(
    State(ui): State<Ui>,
    browser: Browser,
    named: Named,
    Sent(answer): Sent<RegistrationAnswer>,
) -> Result<Response, Told> {
    let secret = named.text("secret").map_err(Told)?;
    let site = ceremony::site(&ui.public);
    let session = joining::finish_joining(
        &ui.service,
        &site,
        (secret, &answer),
        (browser.session.as_deref(), &browser.agent),
    )
    .await?;
    let mut response = ceremony::go_to("/");
    ceremony::set_session(&mut response, &ui.public, &session);
    Ok(response)
}
