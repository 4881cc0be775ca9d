//! Signing in by passkey, and signing out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::ceremony::{self, Browser, Sent, Told};
use super::fault::Fault;
use super::frame::{Frame, page, see_other};
use super::posted::Asked;
use super::routes::{Needs, Table};
use super::visitor::Visitor;
use crate::service::people::AssertionAnswer;
use crate::service::people::{sessions, signing_in};

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    frame: Frame,
    to: String,
    origin: String,
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
struct To {
    #[serde(default)]
    to: String,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/sign-in", Needs::Nobody, show)
        .post("/sign-in/begin", Needs::Nobody, begin)
        .post("/sign-in/finish", Needs::Nobody, finish)
        .post("/sign-out", Needs::Person, sign_out)
}

async fn show(State(ui): State<Ui>, Asked(query): Asked<To>) -> Result<Response, Fault> {
    page(&SignInPage {
        frame: Frame::without_visitor("Sign in"),
        to: ceremony::own_path(&query.to).to_owned(),
        origin: ui.public.origin().to_owned(),
    })
}

async fn begin(State(ui): State<Ui>, browser: Browser) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    let former = browser.session.as_deref();
    let asked = signing_in::begin_sign_in(&ui.service, &browser.from, &site, former).await?;
    Ok(ceremony::answer(&asked))
}

async fn finish(
    State(ui): State<Ui>,
    browser: Browser,
    Sent(answer): Sent<AssertionAnswer>,
) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    let session = signing_in::finish_sign_in(
        &ui.service,
        &site,
        &answer,
        (browser.session.as_deref(), &browser.agent),
    )
    .await?;
    let mut response = ceremony::go_to("/");
    ceremony::set_session(&mut response, &ui.public, &session);
    Ok(response)
}

async fn sign_out(State(ui): State<Ui>, _: Visitor, browser: Browser) -> Result<Response, Fault> {
    if let Some(secret) = &browser.session {
        sessions::sign_out(&ui.service, secret).await?;
    }
    let mut response = see_other("/sign-in");
    ceremony::forget_session(&mut response, &ui.public);
    Ok(response)
}
