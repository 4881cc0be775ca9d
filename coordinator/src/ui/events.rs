//! The event log: filtered, exported as CSV and as lines of JSON, and how to verify that nobody rewrote it.

mod lines;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;
use watchtower::store::pages::log::EventFilter;

use super::Ui;
use super::fault::Fault;
use super::filters::{self, after, since, until};
use super::frame::{Frame, Place, page};
use super::listing::{Pager, csv, link};
use super::posted::{Asked, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Outside};
use super::visitor::Visitor;
use crate::service::browsing::log::{list_log, show_head};
use crate::service::browsing::span;
use crate::service::events::{ChainHead, EventView, begin_export, verify_events};
use crate::service::paging::PAGE;
use crate::service::{MAX_LIMIT, Right, ServiceError};

/// The columns of the CSV file.
const HEADER: [&str; 10] = [
    "number",
    "at",
    "kind",
    "object_kind",
    "object_id",
    "vault",
    "actor",
    "reason",
    "body",
    "hash",
];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct EventsQuery {
    vault: String,
    kind: String,
    object: String,
    actor: String,
    since: String,
    until: String,
    after: String,
    format: String,
}

impl EventsQuery {
    fn read(&self, wrong: &mut Wrong) -> EventFilter {
        EventFilter {
            vault: self.vault.parse().ok(),
            kind: self.kind.trim().to_owned(),
            object: self.object.trim().to_owned(),
            actor: self.actor.trim().to_owned(),
            happened: span(since(wrong, &self.since), until(wrong, &self.until)),
        }
    }

    fn filters(&self) -> [(&str, &str); 6] {
        [
            ("vault", &self.vault),
            ("kind", &self.kind),
            ("object", &self.object),
            ("actor", &self.actor),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

/// A vault that events may be shown of.
#[derive(Debug)]
struct VaultChoice {
    id: String,
    name: String,
    chosen: bool,
}

#[derive(Debug)]
struct Line {
    number: u64,
    at: Moment,
    kind: String,
    object_kind: String,
    object: Outside,
    whole: String,
    vault: Option<Outside>,
    href: Option<String>,
    actor: Outside,
    reason: Option<Outside>,
    body: Outside,
    hash: String,
}

#[derive(Template)]
#[template(path = "books/events.html")]
struct EventsPage {
    frame: Frame,
    query: EventsQuery,
    vaults: Vec<VaultChoice>,
    wrong: Wrong,
    filtered: bool,
    head: ChainHead,
    may_verify: bool,
    rows: Vec<Line>,
    pager: Pager,
    csv: String,
    lines: String,
}

#[derive(Template)]
#[template(path = "books/verification.html")]
struct VerificationPage {
    frame: Frame,
    head: Option<ChainHead>,
    broken: Option<String>,
}

pub(super) fn routes(table: Table) -> Table {
    table.get("/events", Needs::Right(Right::Read), list).get(
        "/events/verification",
        Needs::Right(Right::Read),
        verify,
    )
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(query): Asked<EventsQuery>,
) -> Result<Response, Fault> {
    let mut wrong = Wrong::default();
    let wanted = query.read(&mut wrong);
    let (service, actor) = (ui.service.clone(), visitor.actor.clone());
    let read = {
        let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
        // Kept until the export ends.
        let export = match query.format.as_str() {
            "csv" | "jsonl" => Some(begin_export(&service, &actor)?),
            _ => None,
        };
        let export = Arc::new(export);
        move |after| {
            let export = Arc::clone(&export);
            let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
            async move {
                let after: Option<crate::service::paging::Cursor> = after;
                let read = list_log(&service, &actor, &wanted, after.as_ref(), MAX_LIMIT).await;
                drop(export);
                Ok(read?)
            }
        }
    };
    match query.format.as_str() {
        "csv" => return csv("events.csv", &HEADER, read, cells).await,
        "jsonl" => return lines::json_lines("events.jsonl", read).await,
        _ => {}
    }
    let begin = after(&query.after)?;
    let paged = list_log(&service, &actor, &wanted, begin.as_ref(), PAGE).await?;
    let filters = query.filters();
    let marked = begin.as_ref().map(|_| query.after.as_str());
    let vaults = visitor.vaults.iter().map(|(id, name)| VaultChoice {
        id: id.to_string(),
        name: Outside::new(name).text(),
        chosen: wanted.vault == Some(*id),
    });
    let template = EventsPage {
        frame: visitor.frame("Events", Place::Events),
        vaults: vaults.collect(),
        filtered: filters.iter().any(|(_, value)| !value.is_empty()),
        head: show_head(&service, &actor).await?,
        may_verify: actor.vault.is_none(),
        rows: (paged.items.iter())
            .map(|event| line_of(event, &visitor))
            .collect(),
        pager: Pager::new("/events", &filters, marked, paged.next.as_ref()),
        csv: link("/events", &filters, &[("format", "csv")]),
        lines: link("/events", &filters, &[("format", "jsonl")]),
        wrong,
        query: query.clone(),
    };
    page(&template)
}

fn line_of(event: &EventView, visitor: &Visitor) -> Line {
    Line {
        number: event.number,
        at: Moment::new(event.at),
        kind: event.kind.clone(),
        object_kind: event.object_kind.clone(),
        object: Outside::new(&short(&event.object_id)),
        whole: Outside::new(&event.object_id).text(),
        vault: event
            .vault
            .map(|vault| Outside::new(&visitor.name_of(vault))),
        href: href_of(&event.object_kind, &event.object_id, event.vault),
        actor: Outside::new(&event.actor),
        reason: (!event.reason.is_empty()).then(|| Outside::new(&event.reason)),
        body: Outside::new(&event.body.to_string()),
        hash: event.hash.clone(),
    }
}

/// The name of what an event is about, without what says the same in every row: each long number keeps its
/// ends, and the vault goes.
pub(super) fn short(id: &str) -> String {
    let is_long = |part: &str| part.len() > 20 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shorter = |part: &str| match (part.get(..8), part.get(part.len().saturating_sub(8)..)) {
        (Some(first), Some(last)) if is_long(part) => format!("{first}…{last}"),
        _ => part.to_owned(),
    };
    let parts: Vec<&str> = id.split('/').collect();
    let named = match parts.as_slice() {
        [vault, rest @ ..] if !rest.is_empty() && is_long(vault) => rest,
        all => all,
    };
    let named: Vec<String> = (named.iter())
        .map(|part| part.split(':').map(shorter).collect::<Vec<_>>().join(":"))
        .collect();
    named.join("/")
}

/// The page of what an event is about, where there is one.
fn href_of(kind: &str, id: &str, vault: Option<VaultId>) -> Option<String> {
    let root = format!("/vaults/{}", vault?);
    match kind {
        "withdrawal" => {
            let (_, of_requester) = id.split_once('/')?;
            Some(format!("{root}/withdrawals/{of_requester}"))
        }
        "attempt" => Some(format!("/attempts/{id}")),
        "batch" => Some(format!("/batches/{id}")),
        "deposit" => Some(format!("{root}/deposits/{id}")),
        "coin" | "change" => Some(format!("{root}/coins/{id}")),
        "address" => Some(format!("{root}/addresses/{id}")),
        "signer" => Some(format!("{root}/signers")),
        "vault" => Some(root),
        _ => None,
    }
}

fn cells(event: &EventView) -> Vec<String> {
    vec![
        event.number.to_string(),
        filters::moment(Some(event.at)),
        event.kind.clone(),
        event.object_kind.clone(),
        event.object_id.clone(),
        event
            .vault
            .map(|vault| vault.to_string())
            .unwrap_or_default(),
        event.actor.clone(),
        event.reason.clone(),
        event.body.to_string(),
        event.hash.clone(),
    ]
}

pub(super) async fn verify(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    let (head, broken) = match verify_events(&ui.service, &visitor.actor).await {
        Ok(head) => (Some(head), None),
        Err(broken @ ServiceError::Event(_)) => (None, Some(broken.to_string())),
        Err(error) => return Err(error.into()),
    };
    let template = VerificationPage {
        frame: visitor.frame("The chain of events", Place::Events),
        head,
        broken,
    };
    page(&template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends_and_lose_their_vault() {
        let id = "0123456789abcdef".repeat(4);
        for (whole, expected) in [
            (format!("{id}/exchange/w-1"), "exchange/w-1"),
            (format!("{id}:3"), "01234567…89abcdef:3"),
            (id, "01234567…89abcdef"),
            ("exchange/w-1".to_owned(), "exchange/w-1"),
            ("bcrt1qxyz".to_owned(), "bcrt1qxyz"),
            ("ü/é".to_owned(), "ü/é"),
        ] {
            assert_eq!(short(&whole), expected);
        }
    }

    #[test]
    fn an_event_leads_to_the_page_of_what_it_is_about() {
        let vault = VaultId::from_bytes([7; 32]);
        let root = format!("/vaults/{vault}");
        let href = |kind, id| href_of(kind, id, Some(vault));
        let withdrawal = format!("{vault}/exchange/w-1");
        assert_eq!(
            href("withdrawal", &withdrawal),
            Some(format!("{root}/withdrawals/exchange/w-1"))
        );
        assert_eq!(href("attempt", "ab"), Some("/attempts/ab".to_owned()));
        assert_eq!(href("job", "x"), None);
        assert_eq!(href_of("attempt", "ab", None), None);
    }
}
