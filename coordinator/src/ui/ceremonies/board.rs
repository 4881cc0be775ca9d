//! The list of ceremonies, and the board of one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::service::Right;
use crate::service::ceremonies::operating;
use crate::service::ceremonies::view::{CeremonyView, SeatView, Step};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, page_with};
use crate::ui::posted::Named;
use crate::ui::routes::{Needs, Table};
use crate::ui::show::Moment;
use crate::ui::visitor::Visitor;

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table
        .get("/ceremonies", read, list)
        .get("/ceremonies/{ceremony}", read, show)
}

/// What is typed to begin a ceremony.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct BeginForm {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) vault: String,
    #[serde(default)]
    pub(super) seats: String,
}

#[derive(Template)]
#[template(path = "ceremonies/list.html")]
struct ListPage {
    frame: Frame,
    lines: Vec<Line>,
    leads: bool,
    vaults: Vec<(String, String)>,
    form: BeginForm,
    refused: Option<Fault>,
}

/// A ceremony in the list.
struct Line {
    id: String,
    name: String,
    step: &'static str,
    is_open: bool,
    next: String,
    since: Moment,
    by: String,
}

async fn list(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    draw_list(&ui, &visitor, BeginForm::default(), None).await
}

/// The list, with what was refused about the form.
pub(super) async fn draw_list(
    ui: &Ui,
    visitor: &Visitor,
    form: BeginForm,
    refused: Option<Fault>,
) -> Result<Response, Fault> {
    let all = operating::list(&ui.service, &visitor.actor).await?;
    let line = |one: CeremonyView| Line {
        step: one.step.name(),
        is_open: one.ended_at.is_none(),
        id: one.id,
        name: one.name,
        next: one.next,
        since: Moment::new(one.created_at),
        by: one.created_by,
    };
    let status = refused.as_ref().map_or(StatusCode::OK, Fault::status);
    let vaults = visitor.vaults.iter();
    let template = ListPage {
        frame: visitor.frame("Ceremonies", Place::Ceremonies),
        lines: all.into_iter().map(line).collect(),
        leads: visitor.may(Right::AddVault),
        vaults: vaults
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect(),
        form,
        refused,
    };
    page_with(status, &template)
}

#[derive(Template)]
#[template(path = "ceremonies/board.html")]
struct BoardPage {
    frame: Frame,
    board: CeremonyView,
    step: Step,
    seats: Vec<SeatLine>,
    since: Moment,
    leads: bool,
    /// Whether signers are replaced, so that the document is written from the records.
    replaces: bool,
    records: String,
    refused: Option<Fault>,
}

/// A seat on the board.
struct SeatLine {
    seat: SeatView,
    link_until: Option<Moment>,
    sat: Option<Moment>,
    filled: Option<Moment>,
    ready: Option<Moment>,
}

impl SeatLine {
    fn of(seat: SeatView) -> Self {
        Self {
            link_until: seat.link_until.map(Moment::new),
            sat: seat.sat_at.map(Moment::new),
            filled: seat.filled_at.map(Moment::new),
            ready: seat.ready_at.map(Moment::new),
            seat,
        }
    }

    fn chip(&self) -> &'static str {
        match self.seat.state.as_str() {
            "ready" => "chip-good",
            "empty" => "chip-bad",
            _ => "chip-warn",
        }
    }
}

async fn show(State(ui): State<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    draw(&ui, &visitor, named.text("ceremony")?, None).await
}

/// The board, with what was refused.
pub(super) async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    id: &str,
    refused: Option<Fault>,
) -> Result<Response, Fault> {
    let mut board = operating::show(&ui.service, &visitor.actor, id).await?;
    let status = refused.as_ref().map_or(StatusCode::OK, Fault::status);
    let records: Vec<String> = board
        .seats
        .iter()
        .filter_map(|seat| seat.record.clone())
        .collect();
    let seats = std::mem::take(&mut board.seats);
    let template = BoardPage {
        frame: visitor.frame(&format!("Ceremony {}", board.name), Place::Ceremonies),
        step: board.step,
        since: Moment::new(board.created_at),
        leads: visitor.may(Right::AddVault) && board.ended_at.is_none(),
        replaces: board.vault.is_some(),
        seats: seats.into_iter().map(SeatLine::of).collect(),
        records: records.join("\n"),
        board,
        refused,
    };
    page_with(status, &template)
}
