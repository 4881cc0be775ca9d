//! Pairing these pages with the person's own tool on the same computer.
//!
//! The pages only pass hashes to it: the tool fetches the bytes itself, shows them, and signs.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::Ui;
use super::super::fault::Fault;
use super::super::frame::{Frame, Place, page_with, see_other, see_other_saying};
use super::super::guard::bridged;
use super::super::posted::{Posted, Wrong};
use super::super::routes::{Needs, Table};
use super::super::visitor::Visitor;
use super::visit_of;
use crate::service::people::sessions;

/// Where the tool listens unless told otherwise.
const PORT: u16 = 7543;
/// Ports below are for the system's own programs.
const FIRST_PORT: u16 = 1024;

#[derive(Template)]
#[template(path = "account/bridge.html")]
struct BridgePage {
    frame: Frame,
    paired: Option<u16>,
    port: String,
    back: String,
    origin: String,
    wrong: Wrong,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/account/bridge", Needs::Person, show)
        .post("/account/bridge", Needs::Person, choose)
        .post("/account/bridge/forget", Needs::Person, forget)
}

async fn show(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    let port = visitor.bridge.unwrap_or(PORT).to_string();
    draw(&ui, &visitor, port, Wrong::default())
}

fn draw(ui: &Ui, visitor: &Visitor, port: String, wrong: Wrong) -> Result<Response, Fault> {
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let template = BridgePage {
        frame: visitor.frame("Your own tool", Place::Account),
        paired: visitor.bridge,
        port,
        back: ui.public.url("/account/bridge"),
        origin: ui.public.origin().to_owned(),
        wrong,
    };
    Ok(bridged(page_with(status, &template)?, visitor.bridge))
}

/// The port that the tool says.
#[derive(Debug, Default, Deserialize)]
struct PortForm {
    #[serde(default)]
    port: String,
}

async fn choose(
    State(ui): State<Ui>,
    visitor: Visitor,
    Posted(form): Posted<PortForm>,
) -> Result<Response, Fault> {
    let port = form.port.trim().parse().ok();
    let Some(port) = port.filter(|port| *port >= FIRST_PORT) else {
        let mut wrong = Wrong::default();
        wrong.add(
            "port",
            "A number from 1024 to 65535: the tool prints it when it starts.",
        );
        return draw(&ui, &visitor, form.port, wrong);
    };
    sessions::set_bridge(&ui.service, &visit_of(&visitor), Some(port)).await?;
    Ok(see_other("/account/bridge"))
}

async fn forget(State(ui): State<Ui>, visitor: Visitor) -> Result<Response, Fault> {
    sessions::set_bridge(&ui.service, &visit_of(&visitor), None).await?;
    Ok(see_other_saying(
        "/account/bridge",
        "These pages do not know your tool any more.",
    ))
}
