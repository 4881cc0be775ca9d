//! Inviting somebody, confirming the invitation of an operator, and taking one back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::Ui;
use super::super::fault::Fault;
use super::super::frame::{Frame, Place, page_with, see_other_saying};
use super::super::posted::{Named, Posted, Wrong};
use super::super::routes::{Needs, Table};
use super::super::show::Moment;
use super::super::visitor::Visitor;
use super::{Drawn, draw};
use crate::service::people::PersonRole;
use crate::service::people::invitations::{self, NewInvitation};
use crate::service::{PeopleError, Right, ServiceError};

pub(super) fn routes(table: Table) -> Table {
    let people = Needs::Right(Right::People);
    table
        .post("/invites", people, invite)
        .post("/invites/{id}/confirm", people, confirm)
        .post("/invites/{id}/revoke", people, revoke)
}

/// What is typed about an invitation.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct InviteForm {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) role: String,
    #[serde(default)]
    pub(super) vault: String,
}

#[derive(Template)]
#[template(path = "people/invited.html")]
struct InvitedPage {
    frame: Frame,
    person: String,
    role: &'static str,
    url: String,
    until: Moment,
    waits: bool,
}

async fn invite(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<InviteForm>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let read = read(&form, &mut wrong);
    let again = |wrong| Drawn {
        invite: form.clone(),
        wrong,
        ..Drawn::default()
    };
    let Some(new) = read else {
        return draw(&ui, &visitor, again(wrong), None).await;
    };
    match invitations::invite(&ui.service, &visitor.actor, &new).await {
        Ok(created) => {
            let template = InvitedPage {
                frame: visitor.frame("Invitation", Place::People),
                person: created.invitation.person,
                role: created.invitation.role.name(),
                url: ui.public.url(&format!("/invitations/{}", created.secret)),
                until: Moment::new(created.expires),
                waits: created.invitation.waits_for_second,
            };
            page_with(StatusCode::CREATED, &template)
        }
        Err(error) => {
            let about_name = matches!(
                error,
                ServiceError::People(
                    PeopleError::NameTaken { .. }
                        | PeopleError::AlreadyInvited { .. }
                        | PeopleError::OtherRole { .. }
                )
            );
            let fault = Fault::from(error);
            if about_name {
                let hint = fault.hint().unwrap_or_default();
                let words = format!("{} {}", fault.words(), super::super::fault::sentence(hint));
                wrong.add("name", words);
                return draw(&ui, &visitor, again(wrong), None).await;
            }
            draw(&ui, &visitor, again(wrong), Some(&fault)).await
        }
    }
}

fn read(form: &InviteForm, wrong: &mut Wrong) -> Option<NewInvitation> {
    let name = form.name.trim();
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if !(1..=32).contains(&name.len()) || !name.bytes().all(allowed) {
        wrong.add(
            "name",
            "1 to 32 characters a-z, 0-9 and -, as policies name the person.",
        );
    }
    let role: Option<PersonRole> = form.role.parse().ok();
    if role.is_none() {
        wrong.add("role", "Choose a role.");
    }
    let vault = match form.vault.as_str() {
        "" => None,
        text => {
            let vault = text.parse().ok();
            if vault.is_none() {
                wrong.add("vault", "Choose a vault of the list.");
            }
            vault
        }
    };
    let role = role.filter(|_| wrong.is_empty())?;
    Some(NewInvitation {
        name: name.to_owned(),
        role,
        vault,
    })
}

async fn confirm(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    invitations::confirm_invitation(&ui.service, &visitor.actor, named.text("id")?).await?;
    Ok(see_other_saying(
        "/people",
        "Confirmed. The link opens now.",
    ))
}

async fn revoke(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    invitations::revoke_invitation(&ui.service, &visitor.actor, named.text("id")?).await?;
    Ok(see_other_saying(
        "/people",
        "The invitation is taken back. Its link opens nothing.",
    ))
}
