//! The statement of a period: on a page, on paper, and as files.
//!
//! The figures and movements are [`crate::account_statement`]'s; here they are only drawn.

mod printed;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::Amount;
use policies::VaultId;
use serde::Deserialize;

pub(crate) use self::printed::Printed;
use super::Ui;
use super::export;
use super::fault::Fault;
use super::filters;
use super::frame::{Frame, Place, Tab, page};
use super::listing::link;
use super::posted::{Asked, Named, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Money, Outside, TxidText, Unit};
use super::visitor::Visitor;
use crate::account_statement::csv::Csv;
use crate::account_statement::hledger::Hledger;
use crate::account_statement::text::Text;
use crate::account_statement::{AccountStatement, Layout, Movement, Period, Prices, btc};
use crate::service::account_books::{list_movements, period_of, show_statement};
use crate::service::paging::{Cursor, PAGE, Paged};
use crate::service::{Actor, MAX_LIMIT, Right, Service, ServiceError};

/// The most movements on one paper; files have any number.
const ON_PAPER: u64 = 5_000;

/// Which period is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeriodQuery {
    from: String,
    to: String,
    after: String,
    format: String,
    all: String,
}

#[derive(Template)]
#[template(path = "books/statement.html")]
struct StatementPage {
    frame: Frame,
    vault: Outside,
    from: String,
    to: String,
    wrong: Wrong,
    shown: Option<Shown>,
}

/// A statement as it is drawn.
struct Shown {
    id: String,
    first: String,
    last: String,
    provisional: bool,
    accounts: Vec<Figures>,
    references: Vec<Figures>,
    count: u64,
    movements: Vec<Line>,
    files: Vec<(&'static str, String)>,
    paper: Option<String>,
    beginning: Option<String>,
    next: Option<String>,
}

/// Four figures of an account or reference.
struct Figures {
    name: Outside,
    figures: [Money; 4],
}

struct Line {
    number: u64,
    at: Moment,
    words: String,
    debit: Outside,
    credit: Outside,
    amount: Money,
    txid: Option<TxidText>,
    withdrawal: Option<Outside>,
}

pub(super) fn routes(table: Table) -> Table {
    let read = Needs::Right(Right::Read);
    table.get("/vaults/{vault}/statement", read, show).get(
        "/vaults/{vault}/statement/file",
        read,
        file,
    )
}

pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<PeriodQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let path = format!("/vaults/{vault}/statement");
    let month_before = Period::month_before(ui.service.now());
    let from = Some(query.from.trim()).filter(|from| !from.is_empty());
    let from = from.unwrap_or(&month_before).to_owned();
    let mut drawn = StatementPage {
        frame: visitor.frame("Statement", Place::Vault(vault, Tab::Balance)),
        vault: Outside::new(&visitor.name_of(vault)),
        from: from.clone(),
        to: query.to.trim().to_owned(),
        wrong: Wrong::default(),
        shown: None,
    };
    let period = match period_of(&ui.service, Some(&from), Some(&query.to)) {
        Ok(period) => period,
        Err(error @ ServiceError::Books(_)) => {
            drawn.wrong.add("from", error.to_string());
            return page(&drawn);
        }
        Err(error) => return Err(error.into()),
    };
    let (service, actor) = (&ui.service, &visitor.actor);
    let statement = show_statement(service, actor, vault, period).await?;
    let whole = query.all == "yes" && statement.movements <= ON_PAPER;
    let reading = Reading {
        service: service.clone(),
        actor: actor.clone(),
        vault,
        period,
    };
    let begin = filters::after(&query.after)?;
    let (mut movements, mut next) = (Vec::new(), begin.clone());
    loop {
        let most = if whole { MAX_LIMIT } else { PAGE };
        let more = reading.page(next.as_ref(), most).await?;
        movements.extend(more.items);
        next = more.next;
        if !whole || next.is_none() {
            break;
        }
    }
    let given = [("from", from.as_str()), ("to", query.to.trim())];
    let with = |more: &[(&str, &str)]| link(&path, &given, more);
    let file = |format| link(&format!("{path}/file"), &given, &[("format", format)]);
    let unit = visitor.unit;
    drawn.shown = Some(Shown {
        id: vault.to_string(),
        first: crate::account_statement::period::day(statement.from),
        last: crate::account_statement::period::day(statement.until.saturating_sub(1)),
        provisional: statement.provisional,
        accounts: accounts(&statement, unit),
        references: references(&statement, unit),
        count: statement.movements,
        movements: movements.iter().map(|one| line(one, unit)).collect(),
        files: vec![
            ("CSV", file("csv")),
            ("hledger", file("hledger")),
            ("Text", file("text")),
        ],
        paper: (!whole && statement.movements <= ON_PAPER).then(|| with(&[("all", "yes")])),
        beginning: begin.map(|_| with(&[])),
        next: next.map(|next| with(&[("after", &next.encode())])),
    });
    page(&drawn)
}

fn accounts(statement: &AccountStatement, unit: Unit) -> Vec<Figures> {
    let sat = |sat: u64| Money::new(Amount::from_sat(sat), unit);
    (statement.accounts.iter())
        .map(|one| Figures {
            name: Outside::new(&one.account.to_string()),
            figures: [
                Money::signed(one.opening_sat, unit),
                sat(one.debit_sat),
                sat(one.credit_sat),
                Money::signed(one.closing_sat, unit),
            ],
        })
        .collect()
}

fn references(statement: &AccountStatement, unit: Unit) -> Vec<Figures> {
    let figures = |(reference, one): (String, crate::account_statement::ReferenceLine)| {
        let name = if reference.is_empty() {
            "(without a reference)"
        } else {
            &reference
        };
        Figures {
            name: Outside::new(name),
            figures: [
                one.opening_sat,
                one.deposits_sat,
                one.payments_sat,
                one.closing_sat,
            ]
            .map(|sat| Money::signed(sat, unit)),
        }
    };
    statement.references().into_iter().map(figures).collect()
}

fn line(movement: &Movement, unit: Unit) -> Line {
    Line {
        number: movement.number,
        at: Moment::new(movement.at),
        words: movement.words(),
        debit: Outside::new(&movement.debit.to_string()),
        credit: Outside::new(&movement.credit.to_string()),
        amount: Money::new(Amount::from_sat(movement.amount_sat), unit),
        txid: movement.txid.as_deref().map(TxidText::of),
        withdrawal: movement.withdrawal.as_deref().map(Outside::new),
    }
}

/// Reads the movements of a period page by page.
#[derive(Clone)]
struct Reading {
    service: Service,
    actor: Actor,
    vault: VaultId,
    period: Period,
}

impl Reading {
    async fn page(&self, after: Option<&Cursor>, most: u32) -> Result<Paged<Movement>, Fault> {
        let after = match after.map(Cursor::parts).as_deref() {
            None => 0,
            Some([number]) => number.parse().map_err(|_| malformed())?,
            Some(_) => return Err(malformed()),
        };
        let more = most.saturating_add(1).min(MAX_LIMIT);
        let (service, actor) = (&self.service, &self.actor);
        let rows =
            list_movements(service, actor, self.vault, self.period, after, Some(more)).await?;
        Ok(Paged::from_rows(
            rows,
            more.saturating_sub(1),
            |row: &Movement| Cursor::of(&[&row.number.to_string()]),
        ))
    }
}

fn malformed() -> Fault {
    Fault::plain(
        StatusCode::BAD_REQUEST,
        "This is not the mark of a page of this list.",
    )
}

/// What a file is written of: movements, and the end behind the last one.
enum Part {
    Movement(Movement),
    End,
}

pub(super) async fn file(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<PeriodQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let period = period_of(&ui.service, Some(&query.from), Some(&query.to))?;
    let statement = show_statement(&ui.service, &visitor.actor, vault, period).await?;
    let (layout, ending, kind): (fn() -> Box<dyn Layout>, _, _) = match query.format.as_str() {
        "csv" => (
            || Box::new(Csv::new(Prices::default())),
            "csv",
            "text/csv; charset=utf-8",
        ),
        "hledger" => (
            || Box::new(Hledger::new(Prices::default())),
            "journal",
            "text/plain; charset=utf-8",
        ),
        _ => (
            || Box::new(Text::new(Prices::default())),
            "txt",
            "text/plain; charset=utf-8",
        ),
    };
    let first = crate::account_statement::period::day(statement.from);
    let last = crate::account_statement::period::day(statement.until.saturating_sub(1));
    let name = format!("statement-{first}-{last}.{ending}");
    let reading = Reading {
        service: ui.service.clone(),
        actor: visitor.actor.clone(),
        vault,
        period,
    };
    let read = move |after: Option<Cursor>| {
        let reading = reading.clone();
        async move {
            let page = reading.page(after.as_ref(), MAX_LIMIT).await?;
            let mut items: Vec<Part> = page.items.into_iter().map(Part::Movement).collect();
            if page.next.is_none() {
                items.push(Part::End);
            }
            Ok::<_, Fault>(Paged {
                items,
                next: page.next,
            })
        }
    };
    let written = move |statement: &AccountStatement, parts: &[Part]| {
        let mut layout = layout();
        // What a layout knows of the whole it learns from its beginning.
        let head = layout.begin(statement);
        let mut text = String::new();
        for part in parts {
            text.push_str(&match part {
                Part::Movement(movement) => layout.movement(movement),
                Part::End => layout.end(statement),
            });
        }
        (head, text)
    };
    // The first page is read before anything is answered, so that a refusal is one.
    let page = read(None).await?;
    let (head, text) = written(&statement, &page.items);
    let next = page.next;
    let begun = format!("{head}{text}").into_bytes();
    Ok(export::file(
        (name.as_str(), kind),
        (begun, next),
        read,
        move |parts: &[Part]| written(&statement, parts).1.into_bytes(),
    ))
}

/// An amount of a printed page, in bitcoin.
fn plain(sat: i64) -> String {
    btc(sat)
}
