//! The list of a vault's attempts.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::UnixTime;

use super::filters::{Choice, ListQuery};
use super::{counted_of, purpose, short};
use crate::service::Right;
use crate::service::attempt_lines::{AttemptLine, page_of_attempts, signers_of};
use crate::service::paging::PAGE;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::{Pager, csv, link};
use crate::ui::posted::{Asked, Named, Wrong};
use crate::ui::show::{Ago, Moment, Money, State as Chip, Unit};
use crate::ui::visitor::Visitor;

/// The most rows that a file is read by at a time.
const ROWS: u32 = 1_000;

#[derive(Template)]
#[template(path = "attempts/list.html")]
struct ListPage {
    frame: Frame,
    path: String,
    upload: &'static str,
    query: ListQuery,
    wrong: Wrong,
    states: Vec<Choice>,
    purposes: Vec<Choice>,
    signers: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    file: String,
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
    let (filter, after, wrong) = query.read();
    let (service, actor) = (ui.service.clone(), visitor.actor.clone());
    if query.format == "csv" {
        let read = move |after| {
            let (service, actor, filter) = (service.clone(), actor.clone(), filter.clone());
            async move {
                let after: Option<crate::service::paging::Cursor> = after;
                let page =
                    page_of_attempts(&service, &actor, vault, &filter, after.as_ref(), ROWS).await;
                page.map_err(Fault::from)
            }
        };
        return csv("attempts.csv", &HEADER, read, cells).await;
    }
    let found = page_of_attempts(&service, &actor, vault, &filter, after.as_ref(), PAGE).await?;
    let names = signers_of(&service, &actor, vault).await?;
    let path = format!("/vaults/{vault}/attempts");
    let now = service.now();
    let shown_after = after.as_ref().map(|_| query.after.as_str());
    page(&ListPage {
        frame: visitor.frame("Attempts", Place::Vault(vault, Tab::Attempts)),
        upload: "/attempts/files",
        states: query.states(),
        purposes: query.purposes(),
        signers: query.signers(&names),
        rows: (found.items.iter())
            .map(|line| Row::of(line, visitor.unit, now))
            .collect(),
        pager: Pager::new(&path, &query.pairs(), shown_after, found.next.as_ref()),
        file: link(&path, &query.pairs(), &[("format", "csv")]),
        may_sign: visitor.may(Right::Sign),
        path,
        query,
        wrong,
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
