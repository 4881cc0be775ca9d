//! The list of a vault's attempts.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::UnixTime;

use super::filters::{Filters, ListQuery};
use super::{counted_of, purpose, short};
use crate::service::Right;
use crate::service::attempt_lines::{AttemptLine, page_of_attempts};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::{Query as _, file_of, page_of, reading};
use crate::ui::posted::{Asked, Named};
use crate::ui::show::{Ago, Moment, Money, State as Chip, Unit};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "attempts/list.html")]
struct ListPage {
    frame: Frame,
    upload: &'static str,
    filters: Filters,
    rows: Vec<Row>,
    may_sign: bool,
}

/// A line of the list.
pub(crate) struct Row {
    pub(crate) href: String,
    pub(crate) short: String,
    pub(crate) number: u32,
    pub(crate) purpose: String,
    pub(crate) state: Chip,
    pub(crate) built: Moment,
    pub(crate) ago: Ago,
    pub(crate) pays: String,
    pub(crate) paid: Money,
    pub(crate) fee: Money,
    pub(crate) feerate: String,
    pub(crate) signed: String,
    pub(crate) waits: String,
}

impl Row {
    pub(crate) fn of(line: &AttemptLine, unit: Unit, now: UnixTime) -> Self {
        let money = |sat| Money::new(Amount::from_sat(sat), unit);
        Self {
            href: format!("/attempts/{}", line.txid),
            short: short(&line.txid),
            number: line.number,
            purpose: purpose(line.purpose).to_owned(),
            state: Chip::new(line.state),
            built: Moment::new(line.created_at),
            ago: Ago::new(line.created_at, now),
            pays: format!(
                "{} from {}",
                counted_of(line.payments, "withdrawal"),
                counted_of(line.inputs, "coin")
            ),
            paid: money(line.paid_sat),
            fee: money(line.fee_sat),
            feerate: line.feerate_sat_vb.clone(),
            signed: line.signed_by.join(", "),
            waits: line.missing.join(", "),
        }
    }
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let (filter, begin, wrong) = query.read();
    let read = reading!(page_of_attempts, ui, visitor, vault, filter);
    if query.is_file() {
        return file_of("attempts.csv", &HEADER, read, cells).await;
    }
    let path = format!("/vaults/{vault}/attempts");
    let (lines, around) = page_of(&path, &query, begin, read).await?;
    let (place, typed) = ((vault, path), (query, wrong));
    let now = ui.service.now();
    page(&ListPage {
        frame: visitor.frame("Attempts", Place::Vault(vault, Tab::Attempts)),
        upload: "/attempts/files",
        filters: Filters::of(&ui, &visitor, place, typed, around).await?,
        rows: (lines.iter())
            .map(|line| Row::of(line, visitor.unit, now))
            .collect(),
        may_sign: visitor.may(Right::Sign),
    })
}

const HEADER: [&str; 14] = [
    "txid",
    "batch",
    "number",
    "purpose",
    "state",
    "built",
    "inputs",
    "withdrawals",
    "paid_sat",
    "fee_sat",
    "feerate_sat_vb",
    "signed_by",
    "waits_for",
    "height",
];

fn cells(line: &AttemptLine) -> Vec<String> {
    vec![
        line.txid.to_string(),
        line.batch.to_string(),
        line.number.to_string(),
        line.purpose.to_owned(),
        line.state.to_owned(),
        line.created_at.to_string(),
        line.inputs.to_string(),
        line.payments.to_string(),
        line.paid_sat.to_string(),
        line.fee_sat.to_string(),
        line.feerate_sat_vb.clone(),
        line.signed_by.join(" "),
        line.missing.join(" "),
        line.height
            .map_or_else(String::new, |height| height.to_string()),
    ]
}
