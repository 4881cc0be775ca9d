//! A vault's own page: what waits in it, what it holds, how that went, the ledger, and the proof against the chain.

#[cfg(test)]
mod tests;

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::Ui;
use super::drawing::Drawing;
use super::fault::Fault;
use super::frame::{Frame, Place, Tab, page, see_other_saying};
use super::listing::{Pager, csv};
use super::overview::seen::{Choice, VaultCard, card, charts, spans};
use super::posted::{Asked, Named};
use super::routes::{Needs, Table};
use super::show::{
    Ago, Moment, Money, Outside, StopBanner, TxidText, Unit, Waiting, stop_banner, waiting_line,
};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::agenda::{Viewer, absent_now, of_vault};
use crate::service::books::{EntryView, request_reconciliation, show_reconciliation};
use crate::service::figures::{Span, figures, latest_entries, series};
use crate::service::paging::{Cursor, PAGE, Paged};
use crate::service::stop_view::stops_in_force;

/// How many entries a page of a CSV file is read by.
const CSV_PAGE: u32 = 1_000;

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table.get("/vaults/{vault}", read, show).post(
        "/vaults/{vault}/reconcile",
        Needs::Right(Right::Reconcile),
        reconcile,
    )
}

/// How far back charts go, from where on the ledger is shown, and whether as a file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BalanceQuery {
    days: String,
    after: String,
    format: String,
}

#[derive(Template)]
#[template(path = "balance/show.html")]
struct BalancePage {
    frame: Frame,
    banner: StopBanner,
    path: String,
    waiting: Vec<Waiting>,
    card: VaultCard,
    spans: Vec<Choice>,
    charts: Vec<Drawing>,
    first_page: bool,
    entries: Vec<EntryRow>,
    pager: Pager,
    csv: String,
    proof: Option<ProofRow>,
    may_reconcile: bool,
}

struct EntryRow {
    number: u64,
    at: Moment,
    debit: Outside,
    credit: Outside,
    amount: Money,
    cause: Outside,
}

/// The last comparison of books, tracker and node.
struct ProofRow {
    class: &'static str,
    words: String,
    ledger: Money,
    tracker: Money,
    node: Money,
    coins: u32,
    height: u32,
    block: TxidText,
    at: Ago,
}

async fn show(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<BalanceQuery>,
) -> Result<Response, Fault> {
    draw(&ui, &visitor, named.vault()?, &query).await
}

async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    query: &BalanceQuery,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    if query.format == "csv" {
        return as_csv(ui, visitor, vault).await;
    }
    let now = service.now();
    let absent = absent_now(service).await?;
    let viewer = Viewer {
        actor,
        person: &visitor.person,
        absent: &absent,
    };
    let waiting = of_vault(service, &viewer, vault).await?;
    let held = figures(service, actor, vault).await?;
    let span = Span::of_days(&query.days).unwrap_or_default();
    let after = (!query.after.is_empty()).then_some(query.after.as_str());
    let entries = ledger_page(ui, visitor, vault, after.map(Cursor::decode).transpose()?).await?;
    let stops = stops_in_force(service, actor, vault).await?;
    let latest = show_reconciliation(service, actor, vault).await?;
    let unit = visitor.unit;
    let path = format!("/vaults/{vault}");
    let days = span.days().to_string();
    page(&BalancePage {
        frame: visitor.frame(&held.name, Place::Vault(vault, Tab::Balance)),
        banner: stop_banner(vault, &stops),
        waiting: (waiting.iter())
            .map(|line| waiting_line(line).unit(unit).at(now))
            .collect(),
        card: card(&held, unit, now),
        spans: spans(span),
        charts: charts(&series(service, actor, vault, span).await?, unit),
        first_page: after.is_none(),
        entries: entries.items.iter().map(|one| row(one, unit)).collect(),
        pager: Pager::new(&path, &[("days", &days)], after, entries.next.as_ref()),
        csv: format!("{path}?format=csv"),
        proof: latest.map(|latest| ProofRow {
            class: if latest.agrees {
                "notice notice-good"
            } else {
                "notice notice-bad"
            },
            words: if latest.agrees {
                "Books, tracker and node agree.".to_owned()
            } else {
                format!("They differ: {}", latest.detail)
            },
            ledger: Money::signed(latest.ledger_sat, unit),
            tracker: money(latest.tracker_sat, unit),
            node: money(latest.node_sat, unit),
            coins: latest.coins,
            height: latest.height,
            block: TxidText::of(&latest.block),
            at: Ago::new(latest.at, now),
        }),
        may_reconcile: actor.require(Right::Reconcile, vault).is_ok(),
        path,
    })
}

fn money(sat: u64, unit: Unit) -> Money {
    Money::signed(i64::try_from(sat).unwrap_or(i64::MAX), unit)
}

fn row(entry: &EntryView, unit: Unit) -> EntryRow {
    EntryRow {
        number: entry.number,
        at: Moment::new(entry.at),
        debit: Outside::new(&entry.debit),
        credit: Outside::new(&entry.credit),
        amount: money(entry.amount_sat, unit),
        cause: Outside::new(&entry.cause),
    }
}

/// The entries after a place, newest first.
async fn entries_after(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Paged<EntryView>, Fault> {
    let before = match after.as_ref().map(Cursor::parts).as_deref() {
        None => None,
        Some([number]) => Some(number.parse().map_err(|_| Fault::nothing_here())?),
        Some(_) => return Err(Fault::nothing_here()),
    };
    let (service, actor) = (&ui.service, &visitor.actor);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let asked = limit.saturating_add(1);
    let mut items = latest_entries(service, actor, vault, before, asked).await?;
    let more = items.len() > most;
    items.truncate(most);
    let last = items.last().filter(|_| more);
    let next = last.map(|last| Cursor::of(&[&last.number.to_string()]));
    Ok(Paged { items, next })
}

async fn ledger_page(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    after: Option<Cursor>,
) -> Result<Paged<EntryView>, Fault> {
    entries_after(ui, visitor, vault, after, PAGE).await
}

async fn as_csv(ui: &Ui, visitor: &Visitor, vault: VaultId) -> Result<Response, Fault> {
    let header = [
        "number",
        "time_utc",
        "debit",
        "credit",
        "amount_sat",
        "cause",
    ];
    let (ui, visitor) = (ui.clone(), visitor.clone());
    let read = move |after: Option<Cursor>| {
        let (ui, visitor) = (ui.clone(), visitor.clone());
        async move { entries_after(&ui, &visitor, vault, after, CSV_PAGE).await }
    };
    let row = |entry: &EntryView| {
        vec![
            entry.number.to_string(),
            entry.at.to_string(),
            entry.debit.clone(),
            entry.credit.clone(),
            entry.amount_sat.to_string(),
            entry.cause.clone(),
        ]
    };
    csv("ledger.csv", &header, read, row).await
}

async fn reconcile(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    request_reconciliation(&ui.service, &visitor.actor, vault).await?;
    let words = "The watchtower compares books and chain now. The result appears on this page.";
    Ok(see_other_saying(&format!("/vaults/{vault}"), words))
}
