//! The one search box: where one thing is named, its page; else all that was found.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::Ui;
use super::events::short;
use super::fault::Fault;
use super::frame::{Frame, Place, page, see_other};
use super::posted::Asked;
use super::routes::{Needs, Table};
use super::show::{Money, Outside};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::search::{Hit, MAX_HITS, only_exact, search};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SearchQuery {
    q: String,
    all: String,
}

#[derive(Debug)]
struct Line {
    kind: &'static str,
    href: String,
    title: Outside,
    whole: String,
    detail: Outside,
    amount: Option<Money>,
    exact: bool,
}

#[derive(Template)]
#[template(path = "books/search.html")]
struct SearchPage {
    frame: Frame,
    text: String,
    asked: Outside,
    rows: Vec<Line>,
    full: bool,
}

pub(super) fn routes(table: Table) -> Table {
    table.get("/search", Needs::Right(Right::Read), find)
}

pub(super) async fn find(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(query): Asked<SearchQuery>,
) -> Result<Response, Fault> {
    let text = query.q.trim();
    let hits = search(&ui.service, &visitor.actor, text).await?;
    if query.all.is_empty()
        && let Some(only) = only_exact(&hits)
    {
        return Ok(see_other(&only.href));
    }
    page(&found(&visitor, text, &hits))
}

fn found(visitor: &Visitor, text: &str, hits: &[Hit]) -> SearchPage {
    let shown: String = text.chars().take(200).collect();
    let rows = hits.iter().map(|hit| Line {
        kind: hit.kind,
        href: hit.href.clone(),
        title: Outside::new(&short(&hit.title)),
        whole: Outside::new(&hit.title).text(),
        detail: Outside::new(&hit.detail),
        amount: hit.amount.map(|amount| Money::new(amount, visitor.unit)),
        exact: hit.exact,
    });
    SearchPage {
        frame: visitor.frame("Search", Place::Elsewhere),
        asked: Outside::new(&shown),
        rows: rows.collect(),
        full: hits.len() >= MAX_HITS,
        text: shown,
    }
}
