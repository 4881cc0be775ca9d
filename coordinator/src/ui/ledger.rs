//! The ledger of a vault: entries that are only ever added, and whether books, tracker and node agree.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::VaultId;
use watchtower::store::pages::entries::EntryFilter;

use super::Ui;
use super::customers::Customers;
use super::fault::Fault;
use super::filters::{self, Choice, choices, since, until};
use super::frame::{Frame, Place, Tab, page, see_other_saying};
use super::listing::{Around, Query as _, file_of, page_of, query, reading};
use super::posted::{Asked, Named, Wrong};
use super::routes::{Needs, Table};
use super::show::{Cause, Moment, Money, Outside, TxidText};
use super::visitor::Visitor;
use crate::service::Right;
use crate::service::books::{EntryView, show_balance};
use crate::service::browsing::entries::list_entries;
use crate::service::browsing::span;
use crate::service::reconciliations::{
    ReconciliationView, RequestedReconciliation, call_off, request_reconciliation, show_deep,
    show_reconciliation,
};

const ACCOUNTS: [(&str, &str); 9] = [
    ("", "Any account"),
    ("coins", "Coins"),
    ("deposits_pending", "Deposits, pending"),
    ("deposits_settled", "Deposits, settled"),
    ("below_minimum", "Deposits, below the minimum"),
    ("clearing", "Clearing"),
    ("withdrawals", "Withdrawals"),
    ("fees", "Fees"),
    ("opening", "Opening balance"),
];

/// The columns of the CSV file.
const HEADER: [&str; 6] = ["number", "at", "debit", "credit", "amount_sat", "cause"];

query! {
    pub(super) struct LedgerQuery { account, q, since, until }
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

/// The last scan of the node's whole UTXO set, or how far it has come.
#[derive(Debug)]
struct Scanned {
    request: u64,
    percent: Option<u32>,
    is_over: bool,
    words: &'static str,
    chip: &'static str,
    count: u32,
    differences: Vec<DifferenceLine>,
}

#[derive(Debug)]
struct DifferenceLine {
    outpoint: Outside,
    height: u32,
    node: Option<Money>,
    books: Option<Money>,
    detail: String,
    todo: String,
}

#[derive(Template)]
#[template(path = "books/ledger.html")]
struct LedgerPage {
    frame: Frame,
    id: VaultId,
    vault: Outside,
    path: String,
    statement: String,
    query: LedgerQuery,
    accounts: Vec<Choice>,
    wrong: Wrong,
    total: Money,
    compared: Option<Compared>,
    scanned: Option<Scanned>,
    customers: Customers,
    may_compare: bool,
    rows: Vec<Line>,
    around: Around,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/vaults/{vault}/ledger", Needs::Right(Right::Read), list)
        .post(
            "/vaults/{vault}/ledger/comparison",
            Needs::Right(Right::Reconcile),
            compare,
        )
        .post(
            "/vaults/{vault}/ledger/scan",
            Needs::Right(Right::Reconcile),
            scan,
        )
        .post(
            "/vaults/{vault}/ledger/scans/{request}/end",
            Needs::Right(Right::Reconcile),
            end_scan,
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
    let read = reading!(list_entries, ui, visitor, vault, wanted);
    if query.is_file() {
        return file_of("ledger.csv", &HEADER, read, cells).await;
    }
    let path = format!("/vaults/{vault}/ledger");
    let (entries, around) = page_of(&path, &query, query.begin()?, read).await?;
    let (service, actor) = (&ui.service, &visitor.actor);
    let balance = show_balance(service, actor, vault).await?;
    let compared = show_reconciliation(service, actor, vault).await?;
    let scanned = show_deep(service, actor, vault).await?;
    page(&LedgerPage {
        frame: visitor.frame("Ledger", Place::Vault(vault, Tab::Balance)),
        id: vault,
        vault: Outside::new(&visitor.name_of(vault)),
        accounts: choices(&ACCOUNTS, &query.account),
        total: Money::signed(balance.total_sat, visitor.unit),
        compared: compared.map(|one| compared_view(&one, &visitor)),
        scanned: scanned.map(|one| scanned_view(one, &visitor)),
        customers: Customers::of(&ui, &visitor, vault).await?,
        may_compare: visitor.may(Right::Reconcile),
        rows: (entries.iter())
            .map(|entry| line_of(entry, &visitor))
            .collect(),
        around,
        statement: format!("/vaults/{vault}/statement"),
        path,
        wrong,
        query,
    })
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

fn scanned_view(one: RequestedReconciliation, visitor: &Visitor) -> Scanned {
    let (words, chip) = match &one.result {
        Some(result) if result.agrees => ("the node has no coin that the books lack", "chip-good"),
        Some(_) => ("they differ", "chip-bad"),
        None if one.aborted => ("called off", "chip-warn"),
        None => ("going on", "chip-warn"),
    };
    let money = |sat: Option<u64>| sat.map(|sat| Money::new(Amount::from_sat(sat), visitor.unit));
    Scanned {
        request: one.request,
        percent: one.progress.map(|progress| progress.done),
        is_over: one.aborted || one.result.is_some(),
        words,
        chip,
        count: one.result.map_or(0, |result| result.differences),
        differences: (one.differences.iter())
            .map(|one| DifferenceLine {
                outpoint: Outside::new(&one.outpoint),
                height: one.height,
                node: money(one.node_sat),
                books: money(one.books_sat),
                detail: one.detail.clone(),
                todo: one.todo.clone(),
            })
            .collect(),
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
    let asked = request_reconciliation(&ui.service, &visitor.actor, vault, false).await?;
    let words = format!(
        "Asked for, as number {}. The result stands here once the watchtower has compared.",
        asked.request
    );
    Ok(see_other_saying(&format!("/vaults/{vault}/ledger"), &words))
}

pub(super) async fn scan(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault: VaultId = named.vault()?;
    let asked = request_reconciliation(&ui.service, &visitor.actor, vault, true).await?;
    let words = format!(
        "Asked for, as number {}. How far it has come, and what it finds, stands here.",
        asked.request
    );
    Ok(see_other_saying(&format!("/vaults/{vault}/ledger"), &words))
}

pub(super) async fn end_scan(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, request) = (named.vault()?, named.get("request")?);
    call_off(&ui.service, &visitor.actor, vault, request).await?;
    let path = format!("/vaults/{vault}/ledger");
    Ok(see_other_saying(&path, "The scan was called off."))
}
