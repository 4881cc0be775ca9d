//! The page of a vault's queue: who goes next, who waits and why, and what can be done about it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::Amount;
use policies::{UnixTime, VaultId};
use serde::Deserialize;

use super::Ui;
use super::agreeing::told;
use super::fault::Fault;
use super::fees::{FeesPart, Typed};
use super::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use super::posted::{Named, Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{Ago, Moment, Money, State as Chip, Unit, duration};
use super::visitor::Visitor;
use crate::queue::{Late, Speed};
use crate::service::queue::{
    AllowFeerate, ChangeSpeed, OfferView, QueueView, QueuedView, allow_feerate, change_speed,
    show_queue,
};
use crate::service::{Right, ServiceError};
use crate::store::withdrawals::WithdrawalKey;

pub(super) fn routes(table: Table) -> Table {
    let batch = Needs::Right(Right::Batch);
    table
        .get("/vaults/{vault}/queue", Needs::Right(Right::Read), show)
        .post("/vaults/{vault}/queue/allow", batch, allow)
        .post("/vaults/{vault}/queue/speed", batch, speed)
}

#[derive(Template)]
#[template(path = "queue/queue.html")]
struct QueuePage {
    frame: Frame,
    vault: VaultId,
    here: String,
    make_href: String,
    says: String,
    next: Option<(Moment, Ago)>,
    held: Option<Held>,
    rows: Vec<Row>,
    cap: String,
    most: String,
    fees: FeesPart,
    may_batch: bool,
    wrong: Wrong,
    problem: Option<Fault>,
}

/// A held queue, and the question that it asks.
struct Held {
    feerate: String,
    question: Option<u64>,
    allowed: Option<String>,
    offers: Vec<Offer>,
    typed: String,
}

struct Offer {
    feerate: String,
    words: String,
    names: String,
    possible: bool,
}

struct Row {
    place: usize,
    href: String,
    name: String,
    requester: String,
    id: String,
    amount: Money,
    state: Chip,
    speed: String,
    speeds: Vec<(&'static str, bool)>,
    age: String,
    latest: Option<Moment>,
    late: Option<&'static str>,
    feerate: Option<String>,
    says: String,
    goes: bool,
}

/// What is typed to allow a feerate.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Allowed {
    question: String,
    offer: String,
    feerate: String,
}

/// What is typed to change a speed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Speeded {
    requester: String,
    id: String,
    speed: String,
    latest: String,
}

pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    page(&drawn(&ui, &visitor, vault, "").await?)
}

pub(super) async fn allow(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Allowed>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let feerate = match typed.feerate.trim() {
        "" => typed.offer.trim(),
        own => own,
    };
    let question = typed.question.parse::<u64>();
    let Some(question) = question.ok().filter(|_| !feerate.is_empty()) else {
        let mut shown = drawn(&ui, &visitor, vault, &typed.feerate).await?;
        shown.wrong.add(
            "feerate",
            "Choose a feerate, or type one in sat/vB such as 25.",
        );
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    let request = AllowFeerate {
        question,
        feerate_sat_vb: feerate.to_owned(),
    };
    match allow_feerate(&ui.service, &visitor.actor, vault, &request).await {
        Ok(_) => {
            let words = format!("One batch may pay up to {feerate} sat/vB now.");
            Ok(see_other_saying(&format!("/vaults/{vault}/queue"), &words))
        }
        Err(error) => refused(&ui, &visitor, vault, &typed.feerate, error).await,
    }
}

pub(super) async fn speed(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Speeded>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let latest = match typed.latest.trim() {
        "" => Ok(None),
        text => read_time(text).map(Some).ok_or(()),
    };
    let (Ok(speed), Ok(latest)) = (typed.speed.parse::<Speed>(), latest) else {
        let mut shown = drawn(&ui, &visitor, vault, "").await?;
        shown
            .wrong
            .add("latest", "A time in UTC such as 2026-11-26T18:00, or none.");
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    let (Ok(requester), Ok(id)) = (typed.requester.parse(), typed.id.parse()) else {
        return Err(Fault::nothing_here());
    };
    let key = WithdrawalKey {
        vault,
        requester,
        id,
    };
    match change_speed(
        &ui.service,
        &visitor.actor,
        &key,
        ChangeSpeed { speed, latest },
    )
    .await
    {
        Ok(_) => {
            let words = format!("{}/{} is {speed} now.", key.requester, key.id);
            Ok(see_other_saying(&format!("/vaults/{vault}/queue"), &words))
        }
        Err(error) => refused(&ui, &visitor, vault, "", error).await,
    }
}

/// Reads a time as browsers write it, in UTC.
fn read_time(text: &str) -> Option<UnixTime> {
    let seconds = match text.len() {
        16 => ":00Z",
        19 => "Z",
        _ => "",
    };
    format!("{text}{seconds}").parse().ok()
}

async fn refused(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    typed: &str,
    error: ServiceError,
) -> Result<Response, Fault> {
    let fault = told(error)?;
    let mut shown = drawn(ui, visitor, vault, typed).await?;
    let status = fault.status();
    shown.problem = Some(fault);
    page_with(status, &shown)
}

/// The page with the form of the fee policy as it was typed, what is wrong of it, and why it was refused.
pub(super) async fn shown_again(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    (typed, wrong): (Typed, Wrong),
    (status, problem): (StatusCode, Option<Fault>),
) -> Result<Response, Fault> {
    let mut shown = drawn(ui, visitor, vault, "").await?;
    shown.fees = FeesPart::of(ui, visitor, vault, Some(typed)).await?;
    shown.wrong = wrong;
    shown.problem = problem;
    page_with(status, &shown)
}

async fn drawn(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    typed: &str,
) -> Result<QueuePage, Fault> {
    let queue = show_queue(&ui.service, &visitor.actor, vault).await?;
    let held = queue.held_at_sat_vb.as_ref().map(|feerate| Held {
        feerate: feerate.clone(),
        question: queue.question.as_ref().map(|asked| asked.question),
        allowed: queue
            .question
            .as_ref()
            .and_then(|asked| asked.allowed_sat_vb.clone()),
        offers: queue.offers.iter().map(offer).collect(),
        typed: typed.to_owned(),
    });
    let rows = queue.withdrawals.iter().enumerate();
    Ok(QueuePage {
        frame: visitor.frame("Queue", Place::Vault(vault, Tab::Queue)),
        vault,
        here: format!("/vaults/{vault}/queue"),
        make_href: format!("/vaults/{vault}/batches/new"),
        says: says(&queue),
        next: queue
            .next_at
            .map(|at| (Moment::new(at), Ago::new(at, queue.now))),
        rows: rows
            .map(|(place, one)| row(place, one, vault, visitor.unit))
            .collect(),
        cap: queue.cap_sat_vb.clone(),
        most: queue.most_sat_vb.clone(),
        fees: FeesPart::of(ui, visitor, vault, None).await?,
        may_batch: visitor.may(Right::Batch),
        held,
        wrong: Wrong::default(),
        problem: None,
    })
}

fn says(queue: &QueueView) -> String {
    if let Some(feerate) = &queue.due_at_sat_vb {
        return format!("A batch is due now, at {feerate} sat/vB.");
    }
    let none = queue.withdrawals.is_empty();
    match (queue.automatic, none) {
        (_, true) => "Nothing waits to be paid.".to_owned(),
        (true, false) => "No batch is due yet. Batches are made by themselves.".to_owned(),
        (false, false) => "Batches are made by hand here.".to_owned(),
    }
}

fn offer(offer: &OfferView) -> Offer {
    let names = offer.more.iter();
    let names: Vec<String> = names
        .map(|name| format!("{}/{}", name.requester, name.id))
        .collect();
    Offer {
        feerate: offer.feerate_sat_vb.clone(),
        words: format!(
            "{} sat/vB: {} would go",
            offer.feerate_sat_vb,
            super::attempts::counted(offer.count, "withdrawal")
        ),
        names: names.join(", "),
        possible: offer.possible,
    }
}

fn row(place: usize, one: &QueuedView, vault: VaultId, unit: Unit) -> Row {
    let name = format!("{}/{}", one.requester, one.id);
    Row {
        place: place.saturating_add(1),
        href: format!("/vaults/{vault}/withdrawals/{name}"),
        requester: one.requester.to_string(),
        id: one.id.to_string(),
        amount: Money::new(Amount::from_sat(one.amount_sat), unit),
        state: Chip::new(&one.state),
        speed: if one.speed == one.becomes {
            one.speed.name().to_owned()
        } else {
            format!("{}, by now {}", one.speed.name(), one.becomes.name())
        },
        speeds: Speed::ALL
            .map(|speed| (speed.name(), speed == one.speed))
            .to_vec(),
        age: duration(one.age_s),
        latest: one.latest.map(Moment::new),
        late: one.late.map(|late| match late {
            Late::InDanger => "in danger",
            Late::Passed => "passed",
        }),
        feerate: one.feerate_sat_vb.clone(),
        says: one.says.clone(),
        goes: one.code == "due",
        name,
    }
}
