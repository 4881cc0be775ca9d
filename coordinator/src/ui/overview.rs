//! The overview: what waits for me and for others, what vaults hold, how everything is doing, what happened last.

mod happened;
pub(super) mod seen;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use self::happened::{HappenedRow, happened};
use self::seen::{Choice, Lines, VaultCard, card, charts, spans};
use super::Ui;
use super::drawing::Drawing;
use super::fault::Fault;
use super::frame::{Frame, Place, page};
use super::posted::Asked;
use super::routes::{Needs, Table};
use super::show::Ago;
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::agenda::{AgendaLine, absent_now, agenda};
use crate::service::figures::{Span, all_figures, series};
use crate::service::health::show_health;

pub(super) fn routes(table: Table) -> Table {
    table.get("/", Needs::Right(Right::Read), show)
}

/// Which vault the charts are of, and how far back they go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OverviewQuery {
    vault: String,
    days: String,
}

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    frame: Frame,
    mine: Lines,
    others: Lines,
    alone: Lines,
    cards: Vec<VaultCard>,
    health: HealthLine,
    happened: Vec<HappenedRow>,
    vaults: Vec<Choice>,
    spans: Vec<Choice>,
    charts: Vec<Drawing>,
}

/// How everything is doing, in one line.
struct HealthLine {
    class: &'static str,
    words: String,
    tip: Option<(u32, Option<Ago>)>,
}

async fn show(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    Asked(query): Asked<OverviewQuery>,
) -> Result<Response, Fault> {
    draw(&ui, &visitor, &query).await
}

async fn draw(ui: &Ui, visitor: &Visitor, query: &OverviewQuery) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let now = service.now();
    let absent = absent_now(service).await?;
    let viewer = visitor.viewer(&absent);
    let lines = agenda(service, &viewer, Vec::new()).await?;
    let shown = |id: &'static str, wanted: fn(&AgendaLine) -> bool| {
        let lines = lines.iter().filter(|line| wanted(line));
        Lines::of(id, lines, visitor.unit, now)
    };
    let figures = all_figures(service, actor).await?;
    let chosen: Option<VaultId> = (query.vault.parse().ok())
        .filter(|vault| figures.iter().any(|one| one.vault == *vault))
        .or_else(|| figures.first().map(|one| one.vault));
    let span = Span::of_days(&query.days).unwrap_or_default();
    let charts = match chosen {
        Some(vault) => charts(&series(service, actor, vault, span).await?, visitor.unit),
        None => Vec::new(),
    };
    let health = show_health(service, actor).await?;
    let grave = health.alarms.iter().any(|alarm| alarm.grave);
    page(&OverviewPage {
        frame: visitor.frame("Overview", Place::Overview),
        mine: shown("mine", |line| line.mine),
        others: shown("others", |line| !line.mine && !line.is_by_itself()),
        alone: shown("alone", |line| !line.mine && line.is_by_itself()),
        cards: (figures.iter())
            .map(|one| card(one, visitor.unit, now))
            .collect(),
        health: HealthLine {
            class: match (health.alarms.is_empty(), grave) {
                (true, _) => "notice notice-good",
                (false, false) => "notice notice-warn",
                (false, true) => "notice notice-bad",
            },
            words: match health.alarms.as_slice() {
                [] => "Everything is well.".to_owned(),
                [only] => only.what.clone(),
                [first, rest @ ..] => format!("{} And {} more.", first.what, rest.len()),
            },
            tip: (health.status.height)
                .map(|height| (height, health.tip_time.map(|at| Ago::new(at.min(now), now)))),
        },
        happened: happened(service, actor, now).await?,
        vaults: (figures.iter())
            .map(|one| Choice {
                value: one.vault.to_string(),
                words: one.name.clone(),
                chosen: chosen == Some(one.vault),
            })
            .collect(),
        spans: spans(span),
        charts,
    })
}
