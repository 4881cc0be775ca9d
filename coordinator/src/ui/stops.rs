//! Stops of a vault: stop it, see which are in force, and who still has to sign a release.

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use policies::{Subject, VaultId};
use serde::Deserialize;

use super::Ui;
use super::address_book::any_of;
use super::fault::Fault;
use super::frame::{Frame, Place, Tab, page};
use super::guard::bridged;
use super::listing::{Pager, attachment};
use super::posted::{Asked, Named};
use super::routes::{Needs, Table};
use super::show::{Ask, Command, Moment, Outside, TxidText, Waiting, waiting_line};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::agenda::{absent_now, of_stop};
use crate::service::paging::Cursor;
use crate::service::stop_view::{StopEntry, StopState, list_stops, releasers, show_stop};

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table.get("/vaults/{vault}/stops", read, list).get(
        "/vaults/{vault}/stops/{stop}/stop.json",
        read,
        file,
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StopsQuery {
    after: String,
}

#[derive(Template)]
#[template(path = "stops/list.html")]
struct StopsPage {
    frame: Frame,
    vault: VaultId,
    here: String,
    stopped: bool,
    may_hand_in: bool,
    releasers: String,
    ask: Ask,
    command: Command,
    stops: Vec<StopRow>,
    pager: Pager,
}

struct StopRow {
    id: TxidText,
    state: &'static str,
    class: &'static str,
    created: Moment,
    signed: Vec<Outside>,
    reason: Outside,
    says: bool,
    since: Option<Moment>,
    file: String,
    release: Option<ReleaseRow>,
}

struct ReleaseRow {
    over: Option<Moment>,
    signed: String,
    needed: u32,
    missing: String,
    waiting: Option<Waiting>,
    ask: Option<Ask>,
    command: Option<Command>,
}

async fn list(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<StopsQuery>,
) -> Result<Response, Fault> {
    draw(&ui, &visitor, named.vault()?, &query).await
}

async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    query: &StopsQuery,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let after = (!query.after.is_empty())
        .then(|| Cursor::decode(&query.after))
        .transpose()?;
    let found = list_stops(service, actor, vault, after.as_ref()).await?;
    let here = format!("/vaults/{vault}/stops");
    let back = ui.public.url(&here);
    let may_release = releasers(service, actor, vault).await?;
    let after = (!query.after.is_empty()).then_some(query.after.as_str());
    let ask = Ask::new(
        visitor.bridge,
        vault,
        "stop",
        back.clone(),
        "Stop this vault now",
    );
    let absent = absent_now(service).await?;
    let viewer = visitor.viewer(&absent);
    let mut stops = Vec::new();
    for stop in &found.items {
        let mut row = row(visitor, vault, stop, &back);
        let line = of_stop(service, &viewer, vault, stop.stop).await?;
        if let Some(release) = &mut row.release {
            release.waiting = line.map(|line| waiting_line(&line).at(service.now()));
        }
        stops.push(row);
    }
    let answer = page(&StopsPage {
        frame: visitor.frame("Stops", Place::Vault(vault, Tab::Stops)),
        vault,
        stopped: !visitor.stops_of(vault).is_empty(),
        may_hand_in: visitor.may(Right::Approve),
        releasers: may_release.map_or_else(
            || "nobody: the policy names no persons for it, under [stop] or [change]".to_owned(),
            |release| {
                let group = release.group.as_deref().unwrap_or("the approvers");
                format!(
                    "{} of {group}: {}",
                    release.needed,
                    release.could.join(", ")
                )
            },
        ),
        ask: ask
            .typed("reason", "Why, for everybody to read")
            .dangerous(),
        command: Command::new([
            "countersign-signer",
            "--home",
            "HOME",
            "stop",
            "--reason",
            "REASON",
            "-o",
            "stop.json",
        ]),
        stops,
        pager: Pager::new(&here, &[], after, found.next.as_ref()),
        here,
    })?;
    Ok(bridged(answer, visitor.bridge))
}

/// A stop with its signatures and those of its release, as `countersign-signer stop release` reads it.
async fn file(Given(ui): Given<Ui>, visitor: Visitor, named: Named) -> Result<Response, Fault> {
    let (vault, stop) = (named.vault()?, named.get::<Subject>("stop")?);
    let found = show_stop(&ui.service, &visitor.actor, vault, stop).await?;
    Ok(attachment("stop.json", "application/json", found.file))
}

fn row(visitor: &Visitor, vault: VaultId, stop: &StopEntry, back: &str) -> StopRow {
    let class = match stop.state {
        StopState::Unsigned => "",
        StopState::InForce => "chip-bad",
        StopState::Released => "chip-good",
    };
    StopRow {
        id: TxidText::of(&stop.stop.to_string()),
        state: stop.state.words(),
        class,
        created: Moment::new(stop.created),
        signed: (stop.signed.iter())
            .map(|one| Outside::new(&one.approver))
            .collect(),
        reason: Outside::new(&stop.reason),
        says: !stop.reason.is_empty(),
        since: stop.since.map(Moment::new),
        file: format!("/vaults/{vault}/stops/{}/stop.json", stop.stop),
        release: release(visitor, vault, stop, back),
    }
}

fn release(visitor: &Visitor, vault: VaultId, stop: &StopEntry, back: &str) -> Option<ReleaseRow> {
    let release = stop.release.as_ref()?;
    let open = stop.state == StopState::InForce;
    let mine = release.could.contains(&visitor.person);
    let ask = (open && mine).then(|| {
        let button = "Release it with my own tool";
        Ask::new(visitor.bridge, vault, "release", back.to_owned(), button)
            .with("hash", &stop.stop.to_string())
    });
    let command = open.then(|| {
        Command::new([
            "countersign-signer",
            "--home",
            "HOME",
            "stop",
            "release",
            "stop.json",
            "-o",
            "release.json",
        ])
    });
    let missing = match release.missing() {
        0 => String::new(),
        missing => format!("{missing} more must sign, of {}", any_of(&release.could)),
    };
    Some(ReleaseRow {
        over: release.since.map(Moment::new),
        signed: match release.approved_by.as_slice() {
            [] => "nobody".to_owned(),
            persons => persons.join(", "),
        },
        needed: release.needed,
        missing,
        waiting: None,
        ask,
        command,
    })
}

#[cfg(test)]
mod tests;
