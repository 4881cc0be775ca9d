//! What operators do on a board.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::board::{BeginForm, draw, draw_list};
use crate::service::Right;
use crate::service::ServiceError;
use crate::service::ceremonies::activating::activate;
use crate::service::ceremonies::drafting::{SetDraft, set_draft};
use crate::service::ceremonies::operating::{self, NewCeremony, NewSeat};
use crate::service::ceremonies::view::{CeremonyView, Step};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, page_with, see_other, see_other_saying};
use crate::ui::posted::{Named, Posted, Uploaded};
use crate::ui::routes::{Needs, Table};
use crate::ui::show::Moment;
use crate::ui::visitor::Visitor;

pub(super) fn routes(table: Table) -> Table {
    let leads = Needs::Right(Right::AddVault);
    table
        .post("/ceremonies", leads, begin)
        .post("/ceremonies/{ceremony}/seats/{seat}/link", leads, invite)
        .post("/ceremonies/{ceremony}/seats/{seat}/empty", leads, empty)
        .post("/ceremonies/{ceremony}/draft", leads, draft)
        .post("/ceremonies/{ceremony}/activate", leads, make_active)
        .post("/ceremonies/{ceremony}/end", leads, end)
}

#[derive(Template)]
#[template(path = "ceremonies/link.html")]
struct LinkPage {
    frame: Frame,
    ceremony: String,
    person: String,
    seat: String,
    url: String,
    until: Moment,
}

async fn begin(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<BeginForm>,
) -> Result<Response, Fault> {
    let vault = match form.vault.as_str() {
        "" => None,
        text => match text.parse() {
            Ok(vault) => Some(vault),
            Err(_) => return Err(Fault::nothing_here()),
        },
    };
    let request = NewCeremony {
        name: form.name.trim().to_owned(),
        vault,
        seats: form.seats.lines().filter_map(seat_of).collect(),
    };
    match operating::begin(&ui.service, &visitor.actor, &request).await {
        Ok(begun) => Ok(see_other(&format!("/ceremonies/{}", begun.id))),
        Err(error) => draw_list(&ui, &visitor, form, Some(Fault::from(error))).await,
    }
}

/// A line `alice` or `alice = person`; nothing for an empty one.
fn seat_of(line: &str) -> Option<NewSeat> {
    let (name, person) = match line.split_once('=') {
        Some((name, person)) => (name.trim(), Some(person.trim().to_owned())),
        None => (line.trim(), None),
    };
    (!name.is_empty()).then(|| NewSeat {
        name: name.to_owned(),
        person: person.filter(|person| !person.is_empty()),
    })
}

async fn invite(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let (ceremony, seat) = (named.text("ceremony")?, named.text("seat")?);
    match operating::invite(&ui.service, &visitor.actor, ceremony, seat).await {
        Ok(link) => {
            let template = LinkPage {
                frame: visitor.frame("A link to a seat", Place::Ceremonies),
                ceremony: ceremony.to_owned(),
                person: link.person,
                seat: link.seat,
                url: ui.public.url(&format!("/seats/{}", link.secret)),
                until: Moment::new(link.expires),
            };
            page_with(StatusCode::CREATED, &template)
        }
        Err(error) => draw(&ui, &visitor, ceremony, Some(Fault::from(error))).await,
    }
}

/// Back to the board, with what was done or what was refused.
async fn told(
    (ui, visitor, ceremony): (&Ui, &Visitor, &str),
    done: Result<CeremonyView, ServiceError>,
    words: &str,
) -> Result<Response, Fault> {
    match done {
        Ok(_) => Ok(see_other_saying(&format!("/ceremonies/{ceremony}"), words)),
        Err(error) => draw(ui, visitor, ceremony, Some(Fault::from(error))).await,
    }
}

async fn empty(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let (ceremony, seat) = (named.text("ceremony")?, named.text("seat")?);
    let emptied = operating::empty_seat(&ui.service, &visitor.actor, ceremony, seat).await;
    let words = "The seat is empty. What others confirmed of the document with its key is void.";
    told((&ui, &visitor, ceremony), emptied, words).await
}

async fn draft(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    form: Uploaded,
) -> Result<Response, Fault> {
    let ceremony = named.text("ceremony")?;
    let brought = form.files("file").first().map(|file| file.bytes.to_vec());
    // A browser's line ends are no document's.
    let typed = form.text("document").replace("\r\n", "\n");
    let document = match brought {
        Some(bytes) => Some(String::from_utf8(bytes).map_err(|_| {
            Fault::plain(
                StatusCode::UNPROCESSABLE_ENTITY,
                "The document is not UTF-8 text.",
            )
        })?),
        None => Some(typed).filter(|typed| !typed.trim().is_empty()),
    };
    let request = SetDraft {
        document,
        despite_devices: form.text("despite_devices") == "yes",
    };
    let set = set_draft(&ui.service, &visitor.actor, ceremony, &request).await;
    let words = "The document is set. Each person compares its words now.";
    told((&ui, &visitor, ceremony), set, words).await
}

async fn make_active(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let ceremony = named.text("ceremony")?;
    let active = activate(&ui.service, &visitor.actor, ceremony).await;
    let active = active.map(|active| active.ceremony);
    let words = match &active {
        Ok(board) if board.step == Step::Added => "The vault is added.",
        Ok(_) | Err(_) => "The version is proposed. Its approvers approve it with their own tools.",
    };
    told((&ui, &visitor, ceremony), active, words).await
}

async fn end(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let ceremony = named.text("ceremony")?;
    let ended = operating::end(&ui.service, &visitor.actor, ceremony).await;
    let words = "The ceremony is ended. Nothing came of it.";
    told((&ui, &visitor, ceremony), ended, words).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_read_a_line_each() {
        let text = "alice\n\n bob = robert \ncarol =\n";
        let seats: Vec<NewSeat> = text.lines().filter_map(seat_of).collect();
        let read: Vec<(&str, Option<&str>)> = seats
            .iter()
            .map(|seat| (seat.name.as_str(), seat.person.as_deref()))
            .collect();
        assert_eq!(
            read,
            [("alice", None), ("bob", Some("robert")), ("carol", None)]
        );
    }
}
