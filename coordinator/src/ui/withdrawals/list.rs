//! The list of withdrawals, with its filters.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::{UnixTime, VaultId};
use serde::Deserialize;

use super::{href, root, words};
use crate::service::Right;
use crate::service::paging::{Cursor, PAGE};
use crate::service::withdrawal_list::{Wanted, WithdrawalLine, find_withdrawals};
use crate::session::withdrawal::WithdrawalState;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::{Pager, csv, link};
use crate::ui::posted::{Asked, Named, Wrong};
use crate::ui::show::{self, Address, Ago, Moment, Money, Outside};
use crate::ui::visitor::Visitor;

/// The rows of a page of the CSV file.
const CSV_PAGE: u32 = 1_000;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// What the list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    state: Vec<String>,
    requester: String,
    text: String,
    from: String,
    to: String,
    since: String,
    until: String,
    waits: String,
    after: String,
    format: String,
}

struct Choice {
    name: &'static str,
    chosen: bool,
}

struct Row {
    href: String,
    intent: String,
    id: Outside,
    requester: Outside,
    reference: Outside,
    amount: Money,
    address: Address,
    state: show::State,
    mine: bool,
    waits: String,
    submitted: Moment,
    age: Ago,
    can_choose: bool,
}

#[derive(Template)]
#[template(path = "withdrawals/list.html")]
struct ListPage {
    frame: Frame,
    root: String,
    query: Query,
    wrong: Wrong,
    states: Vec<Choice>,
    filtered: bool,
    may_submit: bool,
    may_approve: bool,
    rows: Vec<Row>,
    pager: Pager,
    csv: String,
    mine: String,
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<Query>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let wanted = wanted(&query, &visitor, &mut wrong);
    if query.format == "csv" {
        return as_csv(ui, visitor, vault, wanted).await;
    }
    let after = match query.after.as_str() {
        "" => None,
        text => Some(Cursor::decode(text)?),
    };
    let service = &ui.service;
    let found = find_withdrawals(
        service,
        &visitor.actor,
        Some(vault),
        &wanted,
        after.as_ref(),
        PAGE,
    )
    .await?;
    let root = root(vault);
    let filters = filters(&query);
    let now = service.now();
    let rows = found.items.iter().map(|line| row(line, &visitor, now));
    let with = |more: (&str, &str)| link(&root, &filters, &[more]);
    let (csv, mine) = (
        with(("format", "csv")),
        link(&root, &[], &[("waits", "me")]),
    );
    let after = Some(query.after.as_str()).filter(|after| !after.is_empty());
    page(&ListPage {
        frame: visitor.frame("Withdrawals", Place::Vault(vault, Tab::Withdrawals)),
        states: (WithdrawalState::NAMES.into_iter())
            .map(|name| Choice {
                name,
                chosen: query.state.iter().any(|state| state == name),
            })
            .collect(),
        filtered: !filters.is_empty(),
        may_submit: visitor.may(Right::Submit),
        may_approve: visitor.may(Right::Approve),
        rows: rows.collect(),
        pager: Pager::new(&root, &filters, after, found.next.as_ref()),
        csv,
        mine,
        root,
        wrong,
        query,
    })
}

/// What is asked for, as far as it can be read; the rest is told beside its field.
fn wanted(query: &Query, visitor: &Visitor, wrong: &mut Wrong) -> Wanted {
    let mut states = Vec::new();
    for state in query.state.iter().filter(|state| !state.is_empty()) {
        if WithdrawalState::NAMES.contains(&state.as_str()) {
            states.push(state.clone());
        } else {
            wrong.add("state", "There is no such state; the others are shown.");
        }
    }
    Wanted {
        states,
        requester: query.requester.clone(),
        text: query.text.clone(),
        from: amount("from", &query.from, wrong),
        to: amount("to", &query.to, wrong),
        since: day("since", &query.since, wrong),
        until: day("until", &query.until, wrong).map(|day| day.saturating_add(DAY - 1)),
        waits_for: (query.waits == "me").then(|| visitor.person.clone()),
    }
}

fn amount(field: &'static str, text: &str, wrong: &mut Wrong) -> Option<Amount> {
    if text.trim().is_empty() {
        return None;
    }
    wrong.amount(field, text)
}

/// A day as browsers write it, at its beginning in UTC.
fn day(field: &'static str, text: &str, wrong: &mut Wrong) -> Option<UnixTime> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let day = format!("{text}T00:00:00Z").parse().ok();
    if day.is_none() {
        wrong.add(field, "A day such as 2026-01-31.");
    }
    day
}

/// The filters that say something, for links that keep them.
fn filters(query: &Query) -> Vec<(&str, &str)> {
    let states = query.state.iter().map(|state| ("state", state.as_str()));
    let others = [
        ("requester", query.requester.as_str()),
        ("text", query.text.as_str()),
        ("from", query.from.as_str()),
        ("to", query.to.as_str()),
        ("since", query.since.as_str()),
        ("until", query.until.as_str()),
        ("waits", query.waits.as_str()),
    ];
    states
        .chain(others)
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn row(line: &WithdrawalLine, visitor: &Visitor, now: UnixTime) -> Row {
    let waits = match (&line.needs, &line.denied) {
        (Some(needs), _) => words::waits(needs),
        (None, Some(_)) => "No rule of the policy allows it now.".to_owned(),
        (None, None) => String::new(),
    };
    Row {
        href: href(line.vault, &line.requester, &line.id),
        intent: line.intent.to_string(),
        id: Outside::new(line.id.as_str()),
        requester: Outside::new(line.requester.as_str()),
        reference: Outside::new(&line.reference),
        amount: Money::new(line.amount, visitor.unit),
        address: Address::new(line.address.as_deref().unwrap_or(&line.script)),
        state: show::State::new(line.state),
        mine: line.awaits(&visitor.person),
        waits,
        submitted: Moment::new(line.submitted_at),
        age: Ago::new(line.submitted_at, now),
        can_choose: matches!(line.state, "requested" | "approved"),
    }
}

async fn as_csv(
    ui: Ui,
    visitor: Visitor,
    vault: VaultId,
    wanted: Wanted,
) -> Result<Response, Fault> {
    let read = move |after: Option<Cursor>| {
        let (ui, visitor, wanted) = (ui.clone(), visitor.clone(), wanted.clone());
        async move {
            let actor = &visitor.actor;
            let page = find_withdrawals(
                &ui.service,
                actor,
                Some(vault),
                &wanted,
                after.as_ref(),
                CSV_PAGE,
            );
            page.await.map_err(Fault::from)
        }
    };
    let row = |line: &WithdrawalLine| line.cells().to_vec();
    csv("withdrawals.csv", &WithdrawalLine::HEADER, read, row).await
}
