//! What a version would have asked of the withdrawals of the last 90 days.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use policies::{PolicyId, VaultId};
use serde::Deserialize;

use super::shown::Shown;
use crate::service::paging::Paged;
use crate::service::policy_review::{ReplayView, ReplayedView, replay_version};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::csv;
use crate::ui::posted::{Asked, Named};
use crate::ui::show::State as Chip;
use crate::ui::visitor::Visitor;

/// Rows of a list that are shown; all are in the CSV.
const SHOWN: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplayQuery {
    #[serde(default)]
    format: String,
}

#[derive(Template)]
#[template(path = "policy/replay.html")]
struct ReplayPage {
    frame: Frame,
    show: Shown,
    vault: VaultId,
    version: PolicyId,
    replay: ReplayView,
}

#[expect(clippy::unused_self, reason = "templates call these on a value")]
impl ReplayPage {
    fn shown<'a>(&self, rows: &'a [ReplayedView]) -> &'a [ReplayedView] {
        rows.get(..SHOWN.min(rows.len())).unwrap_or_default()
    }

    fn more(&self, rows: &[ReplayedView]) -> usize {
        rows.len().saturating_sub(SHOWN)
    }

    fn chip(&self, row: &ReplayedView) -> Chip {
        Chip::new(row.outcome)
    }
}

/// Shows the replay.
pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<ReplayQuery>,
) -> Result<Response, Fault> {
    let (vault, version) = (named.vault()?, named.get("id")?);
    let replay = replay_version(&ui.service, &visitor.actor, vault, version).await?;
    if query.format == "csv" {
        return as_csv(replay).await;
    }
    page(&draw(&visitor, vault, version, replay))
}

fn draw(visitor: &Visitor, vault: VaultId, version: PolicyId, replay: ReplayView) -> ReplayPage {
    ReplayPage {
        frame: visitor.frame("Replay", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        vault,
        version,
        replay,
    }
}

async fn as_csv(replay: ReplayView) -> Result<Response, Fault> {
    let rows: Vec<ReplayedView> = replay.differing.into_iter().chain(replay.alike).collect();
    let read = move |_| {
        let items = rows.clone();
        async move { Ok(Paged { items, next: None }) }
    };
    let row = |one: &ReplayedView| {
        vec![
            one.requester.clone(),
            one.id.clone(),
            one.amount.to_sat().to_string(),
            one.paid_at.to_string(),
            one.outcome.to_owned(),
            one.says.clone(),
            one.said.clone(),
        ]
    };
    let header = [
        "requester",
        "id",
        "amount_sat",
        "paid_at",
        "outcome",
        "under_this_version",
        "in_force",
    ];
    csv("replay.csv", &header, read, row).await
}

#[cfg(test)]
pub(super) fn drawn(visitor: &Visitor, vault: VaultId, replay: ReplayView) -> String {
    let version = replay.version.0;
    draw(visitor, vault, version, replay)
        .render()
        .expect("a page")
}
