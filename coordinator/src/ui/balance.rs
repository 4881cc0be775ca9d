//! A vault's own page: what waits in it, what it holds, how that went, the last entries of the ledger, and
//! the proof against the chain.

#[cfg(test)]
mod tests;

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;
use watchtower::store::pages::entries::EntryFilter;

use super::Ui;
use super::drawing::Drawing;
use super::fault::Fault;
use super::frame::{Frame, Place, Tab, page};
use super::overview::seen::{Choice, Lines, VaultCard, card, charts, spans};
use super::posted::{Asked, Named};
use super::routes::{Needs, Table};
use super::show::{Ago, Cause, Moment, Money, Outside, TxidText, Unit};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::agenda::{absent_now, of_vault};
use crate::service::books::EntryView;
use crate::service::browsing::entries::list_entries;
use crate::service::figures::{Span, figures, series};
use crate::service::reconciliations::show_reconciliation;

/// How many entries of the ledger are shown; the whole has a page of its own.
const ENTRIES: u32 = 10;

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table.get("/vaults/{vault}", read, show)
}

/// How far back charts go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BalanceQuery {
    days: String,
}

#[derive(Template)]
#[template(path = "balance/show.html")]
struct BalancePage {
    frame: Frame,
    path: String,
    waiting: Lines,
    card: VaultCard,
    spans: Vec<Choice>,
    charts: Vec<Drawing>,
    entries: Vec<EntryRow>,
    proof: Option<ProofRow>,
    may_reconcile: bool,
}

struct EntryRow {
    number: u64,
    at: Moment,
    debit: Outside,
    credit: Outside,
    amount: Money,
    cause: Cause,
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
    let now = service.now();
    let absent = absent_now(service).await?;
    let viewer = visitor.viewer(&absent);
    let waiting = of_vault(service, &viewer, vault).await?;
    let held = figures(service, actor, vault).await?;
    let span = Span::of_days(&query.days).unwrap_or_default();
    let any = EntryFilter::default();
    let entries = list_entries(service, actor, vault, &any, None, ENTRIES).await?;
    let latest = show_reconciliation(service, actor, vault).await?;
    let unit = visitor.unit;
    let path = format!("/vaults/{vault}");
    page(&BalancePage {
        frame: visitor.frame(&held.name, Place::Vault(vault, Tab::Balance)),
        waiting: Lines::of("waiting", waiting.iter(), unit, now),
        card: card(&held, unit, now),
        spans: spans(span),
        charts: charts(&series(service, actor, vault, span).await?, unit),
        entries: entries.items.iter().map(|one| row(one, unit)).collect(),
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
        cause: Cause::new(&entry.cause),
    }
}
