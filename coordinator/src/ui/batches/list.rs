//! The list of a vault's batches.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::{UnixTime, VaultId};

use crate::service::Right;
use crate::service::batch_lines::{BatchLine, page_of_batches};
use crate::ui::Ui;
use crate::ui::attempts::filters::{Filters, ListQuery};
use crate::ui::attempts::{counted, counted_of, purpose, short};
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::{Query as _, file_of, page_of, reading};
use crate::ui::posted::{Asked, Named};
use crate::ui::show::{Ago, Moment, Money, Outside, State as Chip, Unit};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "batches/list.html")]
struct ListPage {
    frame: Frame,
    vault: VaultId,
    filters: Filters,
    rows: Vec<Row>,
    may_batch: bool,
}

struct Row {
    href: String,
    short: String,
    purpose: String,
    made: Moment,
    ago: Ago,
    by: Outside,
    pays: String,
    asked: Money,
    attempts: String,
    state: Option<Chip>,
    attempt: Option<(String, String)>,
    fee: Option<Money>,
    waits: String,
}

impl Row {
    fn of(line: &BatchLine, unit: Unit, now: UnixTime) -> Self {
        let money = |sat| Money::new(Amount::from_sat(sat), unit);
        let current = line.current.as_ref();
        Self {
            href: format!("/batches/{}", line.batch),
            short: short(&line.batch),
            purpose: purpose(line.purpose).to_owned(),
            made: Moment::new(line.created_at),
            ago: Ago::new(line.created_at, now),
            by: Outside::new(&line.created_by),
            pays: counted_of(line.withdrawals, "withdrawal"),
            asked: money(line.asked_sat),
            attempts: counted(line.attempts, "attempt"),
            state: current.map(|current| Chip::new(current.state)),
            attempt: current
                .map(|current| (format!("/attempts/{}", current.txid), short(&current.txid))),
            fee: current.map(|current| money(current.fee_sat)),
            waits: current.map_or_else(String::new, |current| current.missing.join(", ")),
        }
    }
}

pub(crate) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let (filter, begin, wrong) = query.read();
    let read = reading!(page_of_batches, ui, visitor, vault, filter);
    if query.is_file() {
        return file_of("batches.csv", &HEADER, read, cells).await;
    }
    let path = format!("/vaults/{vault}/batches");
    let (lines, around) = page_of(&path, &query, begin, read).await?;
    let (place, typed) = ((vault, path), (query, wrong));
    let now = ui.service.now();
    page(&ListPage {
        frame: visitor.frame("Batches", Place::Vault(vault, Tab::Batches)),
        vault,
        filters: Filters::of(&ui, &visitor, place, typed, around).await?,
        rows: (lines.iter())
            .map(|line| Row::of(line, visitor.unit, now))
            .collect(),
        may_batch: visitor.may(Right::Batch),
    })
}

const HEADER: [&str; 11] = [
    "batch",
    "purpose",
    "made",
    "made_by",
    "withdrawals",
    "asked_sat",
    "attempts",
    "txid",
    "state",
    "fee_sat",
    "waits_for",
];

fn cells(line: &BatchLine) -> Vec<String> {
    let current = line.current.as_ref();
    let of = |text: Option<String>| text.unwrap_or_default();
    vec![
        line.batch.to_string(),
        line.purpose.to_owned(),
        line.created_at.to_string(),
        line.created_by.clone(),
        line.withdrawals.to_string(),
        line.asked_sat.to_string(),
        line.attempts.to_string(),
        of(current.map(|current| current.txid.to_string())),
        of(current.map(|current| current.state.to_owned())),
        of(current.map(|current| current.fee_sat.to_string())),
        of(current.map(|current| current.missing.join(" "))),
    ]
}
