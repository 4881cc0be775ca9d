//! The ledger of a vault: entries that are only ever added, and whether books, tracker and node agree.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::VaultId;
use serde::Deserialize;
use watchtower::store::pages::entries::EntryFilter;

use super::Ui;
use super::fault::Fault;
use super::filters::{self, Choice, after, choices, since, until};
use super::frame::{Frame, Place, Tab, page, see_other_saying};
use super::listing::{Pager, csv, link};
use super::posted::{Asked, Named, Wrong};
use super::routes::{Needs, Table};
use super::show::{Cause, Moment, Money, Outside, TxidText};
use super::visitor::Visitor;
use crate::service::books::{
    EntryView, ReconciliationView, request_reconciliation, show_balance, show_reconciliation,
};
use crate::service::browsing::entries::list_entries;
use crate::service::browsing::span;
use crate::service::paging::PAGE;
use crate::service::{MAX_LIMIT, Right};

const ACCOUNTS: [(&str, &str); 7] = [
    ("", "Any account"),
    ("coins", "Coins"),
    ("deposits_pending", "Deposits, pending"),
    ("deposits_settled", "Deposits, settled"),
    ("clearing", "Clearing"),
    ("withdrawals", "Withdrawals"),
    ("fees", "Fees"),
];

/// The columns of the CSV file.
const HEADER: [&str; 6] = ["number", "at", "debit", "credit", "amount_sat", "cause"];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct LedgerQuery {
    account: String,
    q: String,
    since: String,
    until: String,
    after: String,
    format: String,
}

impl LedgerQuery {
    fn read(&self, wrong: &mut Wrong) -> EntryFilter {
        let known = ACCOUNTS.iter().any(|(kind, _)| *kind == self.account);
        EntryFilter {
            account: if known {
                self.account.clone()
            } else {
                String::new()
            },
            text: self.q.trim().to_owned(),
            made: span(since(wrong, &self.since), until(wrong, &self.until)),
        }
    }

    fn filters(&self) -> [(&str, &str); 4] {
        [
            ("account", &self.account),
            ("q", &self.q),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

#[derive(Debug)]
struct Line {
    number: u64,
    at: Moment,
    debit: Outside,
    credit: Outside,
    amount: Money,
    cause: Cause,
}

/// The last time when books, tracker and node were compared.
#[derive(Debug)]
struct Compared {
    agrees: bool,
    height: u32,
    block: TxidText,
    at: Moment,
    ledger: Money,
    tracker: Money,
    node: Money,
    detail: Outside,
}

#[derive(Template)]
#[template(path = "books/ledger.html")]
struct LedgerPage {
    frame: Frame,
    vault: Outside,
    path: String,
    query: LedgerQuery,
    accounts: Vec<Choice>,
    wrong: Wrong,
    filtered: bool,
    total: Money,
    compared: Option<Compared>,
    may_compare: bool,
    rows: Vec<Line>,
    pager: Pager,
    csv: String,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/vaults/{vault}/ledger", Needs::Right(Right::Read), list)
        .post(
            "/vaults/{vault}/ledger/comparison",
            Needs::Right(Right::Reconcile),
            compare,
        )
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<LedgerQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let wanted = query.read(&mut wrong);
    let (service, actor) = (ui.service.clone(), visitor.actor.clone());
    if query.format == "csv" {
        return csv(
            "ledger.csv",
            &HEADER,
            move |after| {
                let (service, actor, wanted) = (service.clone(), actor.clone(), wanted.clone());
                async move {
                    let after = after.as_ref();
                    Ok(list_entries(&service, &actor, vault, &wanted, after, MAX_LIMIT).await?)
                }
            },
            cells,
        )
        .await;
    }
    let begin = after(&query.after)?;
    let paged = list_entries(&service, &actor, vault, &wanted, begin.as_ref(), PAGE).await?;
    let balance = show_balance(&service, &actor, vault).await?;
    let compared = show_reconciliation(&service, &actor, vault).await?;
    let path = format!("/vaults/{vault}/ledger");
    let filters = query.filters();
    let marked = begin.as_ref().map(|_| query.after.as_str());
    let template = LedgerPage {
        frame: visitor.frame("Ledger", Place::Vault(vault, Tab::Balance)),
        vault: Outside::new(&visitor.name_of(vault)),
        accounts: choices(&ACCOUNTS, &query.account),
        filtered: filters.iter().any(|(_, value)| !value.is_empty()),
        total: Money::signed(balance.total_sat, visitor.unit),
        compared: compared.map(|one| compared_view(&one, &visitor)),
        may_compare: visitor.may(Right::Reconcile),
        rows: (paged.items.iter())
            .map(|entry| line_of(entry, &visitor))
            .collect(),
        pager: Pager::new(&path, &filters, marked, paged.next.as_ref()),
        csv: link(&path, &filters, &[("format", "csv")]),
        path,
        wrong,
        query: query.clone(),
    };
    page(&template)
}

fn line_of(entry: &EntryView, visitor: &Visitor) -> Line {
    Line {
        number: entry.number,
        at: Moment::new(entry.at),
        debit: Outside::new(&entry.debit),
        credit: Outside::new(&entry.credit),
        amount: Money::new(Amount::from_sat(entry.amount_sat), visitor.unit),
        cause: Cause::new(&entry.cause),
    }
}

fn compared_view(one: &ReconciliationView, visitor: &Visitor) -> Compared {
    let money = |sat: u64| Money::new(Amount::from_sat(sat), visitor.unit);
    Compared {
        agrees: one.agrees,
        height: one.height,
        block: TxidText::of(&one.block),
        at: Moment::new(one.at),
        ledger: Money::signed(one.ledger_sat, visitor.unit),
        tracker: money(one.tracker_sat),
        node: money(one.node_sat),
        detail: Outside::new(&one.detail),
    }
}

fn cells(entry: &EntryView) -> Vec<String> {
    vec![
        entry.number.to_string(),
        filters::moment(Some(entry.at)),
        entry.debit.clone(),
        entry.credit.clone(),
        entry.amount_sat.to_string(),
        entry.cause.clone(),
    ]
}

pub(super) async fn compare(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault: VaultId = named.vault()?;
    let asked = request_reconciliation(&ui.service, &visitor.actor, vault).await?;
    let words = format!(
        "Asked for, as number {}. The result stands here once the watchtower has compared.",
        asked.request
    );
    Ok(see_other_saying(&format!("/vaults/{vault}/ledger"), &words))
}
