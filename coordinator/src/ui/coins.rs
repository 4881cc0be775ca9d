//! The coins of a vault: which are frozen and why, how they are called, and when they can be recovered.

pub(super) mod calendar;
pub(super) mod marks;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::OutPoint;
use policies::VaultId;

use super::Ui;
use super::addresses::keychain_of;
use super::deposits::{Row, STATES, address_of, nothing_where_unknown, spender, state_of};
use super::fault::Fault;
use super::filters::{self, Choice, amount, choices, yes_or_no};
use super::frame::{Frame, Place, Tab, page};
use super::listing::{Around, Query as _, file_of, page_of, query, reading};
use super::posted::{Asked, Named, Wrong};
use super::routes::{Needs, Table};
use super::show::{Moment, Money, Outside, TxidText};
use super::visitor::Visitor;
use crate::service::books::{CoinView, show_balance};
use crate::service::browsing::coins::{CoinQuery, list_coins, show_coin};
use crate::service::{Right, Service};

const SPENT: [(&str, &str); 3] = [("", "Unspent"), ("yes", "Spent"), ("any", "Spent or not")];
const FROZEN: [(&str, &str); 3] = [
    ("", "Frozen or not"),
    ("yes", "Frozen"),
    ("no", "Not frozen"),
];
const RESERVED: [(&str, &str); 3] = [
    ("", "Held or free"),
    ("yes", "Held by a batch"),
    ("no", "Held by none"),
];
const KEYCHAINS: [(&str, &str); 3] = [
    ("", "Deposits and change"),
    ("external", "Deposits"),
    ("internal", "Change"),
];

/// The columns of the CSV file.
const HEADER: [&str; 13] = [
    "outpoint",
    "amount_sat",
    "state",
    "keychain",
    "index",
    "reference",
    "address",
    "height",
    "mined_at",
    "reserved",
    "frozen",
    "label",
    "spent_by",
];

query! {
    pub(super) struct CoinsQuery { q, state, spent, frozen, reserved, keychain, least, most }
}

impl CoinsQuery {
    fn read(&self, wrong: &mut Wrong) -> CoinQuery {
        CoinQuery {
            state: state_of(&self.state),
            spent: match self.spent.as_str() {
                "yes" => Some(true),
                "any" => None,
                _ => Some(false),
            },
            frozen: yes_or_no(&self.frozen),
            reserved: yes_or_no(&self.reserved),
            keychain: keychain_of(&self.keychain),
            text: self.q.clone(),
            least: amount(wrong, "least", &self.least),
            most: amount(wrong, "most", &self.most),
        }
    }
}

#[derive(Template)]
#[template(path = "books/coins.html")]
struct ListPage {
    frame: Frame,
    vault: Outside,
    query: CoinsQuery,
    states: Vec<Choice>,
    spent: Vec<Choice>,
    frozen: Vec<Choice>,
    reserved: Vec<Choice>,
    keychains: Vec<Choice>,
    wrong: Wrong,
    rows: Vec<Row>,
    around: Around,
    calendar: String,
    settled: Money,
    held: Money,
    cold: Money,
    available: Money,
}

#[derive(Template)]
#[template(path = "books/coin.html")]
pub(super) struct DetailPage {
    frame: Frame,
    path: String,
    list: String,
    calendar: String,
    row: Row,
    deposit: Option<String>,
    index: u32,
    block: Option<TxidText>,
    spent_by: Option<(String, TxidText)>,
    frozen_at: Option<Moment>,
    frozen_by: Option<Outside>,
    may_mark: bool,
    reason: String,
    label: String,
    wrong: Wrong,
}

pub(super) fn routes(table: Table) -> Table {
    let table = table
        .get("/vaults/{vault}/coins", Needs::Right(Right::Read), list)
        .get(
            "/vaults/{vault}/coins/{outpoint}",
            Needs::Right(Right::Read),
            detail,
        );
    marks::routes(calendar::routes(table))
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<CoinsQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let wanted = query.read(&mut wrong);
    let read = reading!(list_coins, ui, visitor, vault, wanted);
    let service = ui.service;
    if query.is_file() {
        return file_of("coins.csv", &HEADER, read, move |coin| {
            cells(&service, coin)
        })
        .await;
    }
    let path = format!("/vaults/{vault}/coins");
    let (coins, around) = page_of(&path, &query, query.begin()?, read).await?;
    let balance = show_balance(&service, &visitor.actor, vault).await?;
    let money = |sat: u64| Money::new(bitcoin::Amount::from_sat(sat), visitor.unit);
    page(&ListPage {
        frame: visitor.frame("Coins", Place::Vault(vault, Tab::Coins)),
        vault: Outside::new(&visitor.name_of(vault)),
        states: choices(&STATES, &query.state),
        spent: choices(&SPENT, &query.spent),
        frozen: choices(&FROZEN, &query.frozen),
        reserved: choices(&RESERVED, &query.reserved),
        keychains: choices(&KEYCHAINS, &query.keychain),
        rows: (coins.iter())
            .map(|coin| Row::of(&service, vault, "coins", coin, visitor.unit))
            .collect(),
        around,
        calendar: format!("{path}/calendar"),
        settled: money(balance.settled_sat),
        held: money(balance.reserved_sat),
        cold: money(balance.frozen_sat),
        available: money(balance.available_sat),
        wrong,
        query,
    })
}

fn cells(service: &Service, coin: &CoinView) -> Vec<String> {
    let words = |mark: &Option<crate::service::books::MarkView>| {
        mark.as_ref()
            .map(|mark| mark.text.clone())
            .unwrap_or_default()
    };
    let number = |number: Option<u32>| number.map(|one| one.to_string()).unwrap_or_default();
    vec![
        coin.outpoint.clone(),
        coin.amount_sat.to_string(),
        coin.state.clone(),
        coin.keychain.name().to_owned(),
        coin.index.to_string(),
        coin.reference.clone().unwrap_or_default(),
        address_of(service, &coin.script_pubkey),
        number(coin.height),
        filters::moment(coin.mined_at),
        if coin.reserved { "yes" } else { "no" }.to_owned(),
        words(&coin.frozen),
        words(&coin.label),
        coin.spent_by.clone().unwrap_or_default(),
    ]
}

pub(super) async fn detail(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let outpoint: OutPoint = named.get("outpoint")?;
    let coin = show_coin(&ui.service, &visitor.actor, vault, outpoint)
        .await
        .map_err(nothing_where_unknown)?;
    page(&detail_page(&ui, &visitor, vault, &coin))
}

/// The page of a coin, its forms empty but for the label.
fn detail_page(ui: &Ui, visitor: &Visitor, vault: VaultId, coin: &CoinView) -> DetailPage {
    let list = format!("/vaults/{vault}/coins");
    DetailPage {
        frame: visitor.frame("Coin", Place::Vault(vault, Tab::Coins)),
        path: format!("{list}/{}", coin.outpoint),
        calendar: format!("{list}/calendar"),
        list,
        row: Row::of(&ui.service, vault, "coins", coin, visitor.unit),
        deposit: (!coin.change).then(|| format!("/vaults/{vault}/deposits/{}", coin.outpoint)),
        index: coin.index,
        block: coin.block.as_deref().map(TxidText::of),
        spent_by: coin.spent_by.as_deref().map(spender),
        frozen_at: coin.frozen.as_ref().map(|mark| Moment::new(mark.at)),
        frozen_by: coin.frozen.as_ref().map(|mark| Outside::new(&mark.by)),
        may_mark: visitor.may(Right::Batch),
        reason: String::new(),
        label: (coin.label.as_ref()).map_or_else(String::new, |mark| mark.text.clone()),
        wrong: Wrong::default(),
    }
}
