//! Making, renaming and revoking the person's own passkeys and page keys.

use axum::extract::State;
use axum::response::Response;

use super::super::Ui;
use super::super::ceremony::{self, Sent, Told};
use super::super::fault::Fault;
use super::super::frame::see_other_saying;
use super::super::people::absences::AbsenceForm;
use super::super::posted::{Posted, Wrong};
use super::super::routes::{Needs, Table};
use super::super::visitor::Visitor;
use super::{Which, draw, visit_of};
use crate::service::ServiceError;
use crate::service::people::{RegistrationAnswer, keys};

pub(super) fn routes(table: Table) -> Table {
    table
        .post("/account/passkeys/begin", Needs::Person, begin_passkey)
        .post("/account/passkeys/finish", Needs::Person, finish_passkey)
        .post("/account/passkeys/rename", Needs::Person, rename_passkey)
        .post("/account/passkeys/revoke", Needs::Person, revoke_passkey)
        .post("/account/page-keys/begin", Needs::Person, begin_page_key)
        .post("/account/page-keys/finish", Needs::Person, finish_page_key)
        .post("/account/page-keys/revoke", Needs::Person, revoke_page_key)
}

async fn begin_passkey(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    let asked = keys::begin_passkey(&ui.service, &visit_of(&visitor), &site).await?;
    Ok(ceremony::answer(&asked))
}

async fn finish_passkey(
    State(ui): State<Ui>,
    visitor: Visitor,
    Sent(answer): Sent<RegistrationAnswer>,
) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    keys::finish_passkey(&ui.service, &visit_of(&visitor), &site, &answer).await?;
    Ok(ceremony::go_to("/account"))
}

async fn begin_page_key(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    let asked = keys::begin_page_key(&ui.service, &visit_of(&visitor), &site).await?;
    Ok(ceremony::answer(&asked))
}

async fn finish_page_key(
    State(ui): State<Ui>,
    visitor: Visitor,
    Sent(answer): Sent<RegistrationAnswer>,
) -> Result<Response, Told> {
    let site = ceremony::site(&ui.public);
    keys::finish_page_key(&ui.service, &visit_of(&visitor), &site, &answer).await?;
    Ok(ceremony::go_to("/account#page-keys"))
}

/// Says what became of a form of the account, on the account's own page where it was refused.
async fn told(
    ui: &Ui,
    visitor: &Visitor,
    done: Result<(), ServiceError>,
    words: &str,
) -> Result<Response, Fault> {
    match done.map_err(Fault::from) {
        Ok(()) => Ok(see_other_saying("/account", words)),
        Err(fault) if fault.status().is_client_error() => {
            let (form, wrong) = (AbsenceForm::default(), Wrong::default());
            draw(ui, visitor, form, wrong, Some(&fault)).await
        }
        Err(fault) => Err(fault),
    }
}

async fn rename_passkey(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<Which>,
) -> Result<Response, Fault> {
    let visit = visit_of(&visitor);
    let done = keys::rename_passkey(&ui.service, &visit, &form.id, &form.label).await;
    told(&ui, &visitor, done, "The passkey has its new name.").await
}

async fn revoke_passkey(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<Which>,
) -> Result<Response, Fault> {
    let done = keys::revoke_passkey(&ui.service, &visit_of(&visitor), &form.id).await;
    let words = "The passkey is revoked. It signs nobody in any more.";
    told(&ui, &visitor, done, words).await
}

async fn revoke_page_key(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<Which>,
) -> Result<Response, Fault> {
    let done = keys::revoke_page_key(&ui.service, &visit_of(&visitor), &form.id).await;
    let words = "The page key is revoked here. A policy that names it still counts it until its next version.";
    told(&ui, &visitor, done, words).await
}
