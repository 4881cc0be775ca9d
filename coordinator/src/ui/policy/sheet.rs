//! A sheet of paper for the safe: what somebody needs who has keys, and no coordinator any more.
//!
//! Black on white, A4. It has no secret on it; it tells whoever reads it what the vault holds and how it is spent.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, UnixTime, VaultId};

use super::shown::Shown;
use crate::service::policy_review::{PolicyReview, review};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::posted::Named;
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "policy/sheet.html")]
struct SheetPage {
    frame: Frame,
    show: Shown,
    review: PolicyReview,
    printed: UnixTime,
}

/// The sheet of the version in force.
pub(super) async fn in_force(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    sheet(&ui, &visitor, named.vault()?, None).await
}

/// The sheet of a version.
pub(super) async fn of_version(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    sheet(&ui, &visitor, named.vault()?, Some(named.get("id")?)).await
}

async fn sheet(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    version: Option<PolicyId>,
) -> Result<Response, Fault> {
    let review = review(&ui.service, &visitor.actor, vault, version).await?;
    page(&draw(visitor, review, ui.service.now()))
}

fn draw(visitor: &Visitor, review: PolicyReview, printed: UnixTime) -> SheetPage {
    SheetPage {
        frame: visitor.frame(
            "Sheet for the safe",
            Place::Vault(review.vault, Tab::Policy),
        ),
        show: Shown { unit: visitor.unit },
        review,
        printed,
    }
}

#[cfg(test)]
pub(super) fn drawn(visitor: &Visitor, review: PolicyReview) -> String {
    draw(visitor, review, UnixTime::from_secs(1_795_400_000))
        .render()
        .expect("a page")
}
