//! The deposits of a vault, and one of them with what shows it in the chain.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::{Address, OutPoint, ScriptBuf};
use policies::VaultId;
use watchtower::store::pages::coins::CoinState;

use super::Ui;
use super::fault::Fault;
use super::filters::{self, Choice, amount, choices, since, until};
use super::frame::{Frame, Place, Tab, page};
use super::listing::{Around, Query as _, file_of, page_of, query, reading};
use super::posted::{Asked, Named, Wrong};
use super::routes::{Needs, Table};
use super::show::{self, Moment, Money, Outside, TxidText, Unit};
use super::visitor::Visitor;
use crate::service::books::CoinView;
use crate::service::browsing::deposits::{DepositQuery, DepositView, list_deposits, show_deposit};
use crate::service::browsing::span;
use crate::service::{Right, Service};

/// Where coins may stand.
pub(super) const STATES: [(&str, &str); 5] = [
    ("", "Any state"),
    ("unconfirmed", "Unconfirmed"),
    ("confirmed", "Confirmed, not settled"),
    ("settled", "Settled"),
    ("gone", "Gone"),
];

/// The columns of the CSV file.
const HEADER: [&str; 10] = [
    "outpoint",
    "amount_sat",
    "state",
    "reference",
    "address",
    "height",
    "mined_at",
    "block",
    "frozen",
    "spent_by",
];

query! {
    pub(super) struct DepositsQuery { state, q, least, most, since, until }
}

impl DepositsQuery {
    fn read(&self, wrong: &mut Wrong) -> DepositQuery {
        DepositQuery {
            state: state_of(&self.state),
            text: self.q.clone(),
            least: amount(wrong, "least", &self.least),
            most: amount(wrong, "most", &self.most),
            mined: span(since(wrong, &self.since), until(wrong, &self.until)),
        }
    }
}

/// The state of a name, if it is one.
pub(super) fn state_of(text: &str) -> Option<CoinState> {
    let mut all = CoinState::ALL.into_iter();
    all.find(|state| state.name() == text)
}

/// A coin as a row of a list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) href: String,
    pub(super) outpoint: TxidText,
    pub(super) amount: Money,
    pub(super) state: show::State,
    pub(super) reference: Option<Outside>,
    pub(super) address: show::Address,
    pub(super) address_href: String,
    pub(super) height: Option<u32>,
    pub(super) mined: Option<Moment>,
    pub(super) change: bool,
    pub(super) spent: bool,
    pub(super) reserved: bool,
    pub(super) frozen: Option<Outside>,
    pub(super) label: Option<Outside>,
}

impl Row {
    pub(super) fn of(
        service: &Service,
        vault: VaultId,
        folder: &str,
        coin: &CoinView,
        unit: Unit,
    ) -> Self {
        let address = address_of(service, &coin.script_pubkey);
        let mark = |mark: &Option<crate::service::books::MarkView>| {
            mark.as_ref().map(|mark| Outside::new(&mark.text))
        };
        Self {
            href: format!("/vaults/{vault}/{folder}/{}", coin.outpoint),
            outpoint: TxidText::of(&coin.outpoint),
            amount: Money::new(bitcoin::Amount::from_sat(coin.amount_sat), unit),
            state: show::State::new(&coin.state),
            reference: coin.reference.as_deref().map(Outside::new),
            address: show::Address::new(&address),
            address_href: format!("/vaults/{vault}/addresses/{address}"),
            height: coin.height,
            mined: coin.mined_at.map(Moment::new),
            change: coin.change,
            spent: coin.spent_by.is_some(),
            reserved: coin.reserved,
            frozen: mark(&coin.frozen),
            label: mark(&coin.label),
        }
    }
}

/// A script in hex as an address of this network; the hex itself where it is none.
pub(super) fn address_of(service: &Service, script: &str) -> String {
    let read = ScriptBuf::from_hex(script).ok();
    let address = read.and_then(|script| Address::from_script(&script, service.network()).ok());
    address.map_or_else(|| script.to_owned(), |address| address.to_string())
}

#[derive(Template)]
#[template(path = "books/deposits.html")]
struct ListPage {
    frame: Frame,
    vault: Outside,
    query: DepositsQuery,
    states: Vec<Choice>,
    wrong: Wrong,
    rows: Vec<Row>,
    around: Around,
    addresses: String,
}

#[derive(Template)]
#[template(path = "books/deposit.html")]
struct DetailPage {
    frame: Frame,
    list: String,
    coin: String,
    row: Row,
    shown: DepositView,
    vout: u32,
    checks: Vec<String>,
    block: Option<TxidText>,
    transaction: TxidText,
    spent_by: Option<(String, TxidText)>,
    proof_at: Option<Moment>,
    events: Vec<Happened>,
}

/// An event of one thing.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) number: u64,
    pub(super) kind: String,
    pub(super) at: Moment,
    pub(super) actor: Outside,
    pub(super) reason: Option<Outside>,
}

impl Happened {
    fn of(event: &crate::service::events::EventView) -> Self {
        Self {
            number: event.number,
            kind: event.kind.clone(),
            at: Moment::new(event.at),
            actor: Outside::new(&event.actor),
            reason: (!event.reason.is_empty()).then(|| Outside::new(&event.reason)),
        }
    }
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/vaults/{vault}/deposits", Needs::Right(Right::Read), list)
        .get(
            "/vaults/{vault}/deposits/{outpoint}",
            Needs::Right(Right::Read),
            detail,
        )
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<DepositsQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let wanted = query.read(&mut wrong);
    let read = reading!(list_deposits, ui, visitor, vault, wanted);
    let service = ui.service;
    if query.is_file() {
        return file_of("deposits.csv", &HEADER, read, move |coin| {
            cells(&service, coin)
        })
        .await;
    }
    let path = format!("/vaults/{vault}/deposits");
    let (coins, around) = page_of(&path, &query, query.begin()?, read).await?;
    page(&ListPage {
        frame: visitor.frame("Deposits", Place::Vault(vault, Tab::Deposits)),
        vault: Outside::new(&visitor.name_of(vault)),
        states: choices(&STATES, &query.state),
        rows: (coins.iter())
            .map(|coin| Row::of(&service, vault, "deposits", coin, visitor.unit))
            .collect(),
        around,
        addresses: format!("/vaults/{vault}/addresses"),
        wrong,
        query,
    })
}

fn cells(service: &Service, coin: &CoinView) -> Vec<String> {
    let number = |number: Option<u32>| number.map(|one| one.to_string()).unwrap_or_default();
    vec![
        coin.outpoint.clone(),
        coin.amount_sat.to_string(),
        coin.state.clone(),
        coin.reference.clone().unwrap_or_default(),
        address_of(service, &coin.script_pubkey),
        number(coin.height),
        filters::moment(coin.mined_at),
        coin.block.clone().unwrap_or_default(),
        coin.frozen
            .as_ref()
            .map(|mark| mark.text.clone())
            .unwrap_or_default(),
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
    let shown = show_deposit(&ui.service, &visitor.actor, vault, outpoint)
        .await
        .map_err(nothing_where_unknown)?;
    let coin = &shown.coin;
    let template = DetailPage {
        frame: visitor.frame("Deposit", Place::Vault(vault, Tab::Deposits)),
        list: format!("/vaults/{vault}/deposits"),
        coin: format!("/vaults/{vault}/coins/{outpoint}"),
        row: Row::of(&ui.service, vault, "deposits", coin, visitor.unit),
        vout: outpoint.vout,
        checks: checks(outpoint, coin.block.as_deref()),
        block: coin.block.as_deref().map(TxidText::of),
        transaction: TxidText::new(outpoint.txid),
        spent_by: coin.spent_by.as_deref().map(spender),
        proof_at: shown.proof.as_ref().map(|proof| Moment::new(proof.time)),
        events: shown.events.iter().map(Happened::of).collect(),
        shown: shown.clone(),
    };
    page(&template)
}

/// What a node of one's own is asked about a deposit.
fn checks(outpoint: OutPoint, block: Option<&str>) -> Vec<String> {
    let OutPoint { txid, vout } = outpoint;
    let in_block = block.map(|block| {
        [
            format!("bitcoin-cli getblockheader {block} false"),
            format!("bitcoin-cli getrawtransaction {txid} 1 {block}"),
        ]
    });
    let unspent = format!("bitcoin-cli gettxout {txid} {vout}");
    in_block.into_iter().flatten().chain([unspent]).collect()
}

/// Where a spender is looked for: it may be an attempt, or somebody else's.
pub(super) fn spender(txid: &str) -> (String, TxidText) {
    (format!("/search?q={txid}"), TxidText::of(txid))
}

/// A coin that is not the vault's is not there.
pub(super) fn nothing_where_unknown(error: crate::service::ServiceError) -> Fault {
    use crate::service::{OwnSpendError, ServiceError};
    let unknown = matches!(
        error,
        ServiceError::OwnSpend(OwnSpendError::UnknownCoin { .. })
    );
    if unknown {
        Fault::nothing_here()
    } else {
        error.into()
    }
}
