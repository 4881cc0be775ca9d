//! The addresses of a vault: what came in to each, how to derive one again, and the next one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::{Keychain, VaultId};
use serde::Deserialize;
use serde_json::Map;

use super::Ui;
use super::deposits::Row;
use super::fault::Fault;
use super::filters::{self, Choice, choices, yes_or_no};
use super::frame::{Frame, Place, Tab, page, page_with, see_other_saying};
use super::listing::{Around, Query as _, file_of, page_of, query, reading};
use super::posted::{Asked, Named, Posted, Wrong};
use super::routes::{Needs, Table};
use super::show::{self, Moment, Money, Outside};
use super::visitor::Visitor;
use crate::service::addresses::{NewAddress, issue_address};
use crate::service::browsing::addresses::{
    AddressQuery, IssuedView, ReceivedView, list_addresses, show_address,
};
use crate::service::{Right, ServiceError};

const KEYCHAINS: [(&str, &str); 3] = [
    ("", "Deposits and change"),
    ("external", "Deposits"),
    ("internal", "Change"),
];
const USED: [(&str, &str); 3] = [("", "Used or not"), ("yes", "Used"), ("no", "Not used")];

/// The columns of the CSV file.
const HEADER: [&str; 7] = [
    "address",
    "keychain",
    "index",
    "reference",
    "received_sat",
    "coins",
    "issued_at",
];

query! {
    pub(super) struct AddressesQuery { keychain, used, q }
}

impl AddressesQuery {
    fn read(&self) -> AddressQuery {
        AddressQuery {
            keychain: keychain_of(&self.keychain),
            text: self.q.clone(),
            used: yes_or_no(&self.used),
        }
    }
}

/// The keychain of a name, if it is one.
pub(super) fn keychain_of(text: &str) -> Option<Keychain> {
    let mut all = [Keychain::External, Keychain::Internal].into_iter();
    all.find(|keychain| keychain.name() == text)
}

/// An address as a row.
#[derive(Debug)]
struct Line {
    href: String,
    address: show::Address,
    change: bool,
    index: u32,
    reference: Option<Outside>,
    received: Money,
    coins: u32,
    issued: Moment,
}

impl Line {
    fn of(vault: VaultId, view: &ReceivedView, visitor: &Visitor) -> Self {
        let reference = &view.reference;
        Self {
            href: format!("/vaults/{vault}/addresses/{}", view.address),
            address: show::Address::new(&view.address),
            change: view.keychain == Keychain::Internal,
            index: view.index,
            reference: (!reference.is_empty()).then(|| Outside::new(reference)),
            received: Money::new(view.received, visitor.unit),
            coins: view.coins,
            issued: Moment::new(view.watched_at),
        }
    }
}

#[derive(Template)]
#[template(path = "books/addresses.html")]
struct ListPage {
    frame: Frame,
    vault: Outside,
    path: String,
    query: AddressesQuery,
    keychains: Vec<Choice>,
    used: Vec<Choice>,
    rows: Vec<Line>,
    around: Around,
    may_issue: bool,
    reference: String,
    wrong: Wrong,
}

#[derive(Template)]
#[template(path = "books/address.html")]
struct DetailPage {
    frame: Frame,
    list: String,
    line: Line,
    issued: IssuedView,
    metadata: Option<Outside>,
    checks: Vec<String>,
    coins: Vec<Row>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    reference: String,
}

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/vaults/{vault}/addresses", Needs::Right(Right::Read), list)
        .get(
            "/vaults/{vault}/addresses/{address}",
            Needs::Right(Right::Read),
            detail,
        )
        .post(
            "/vaults/{vault}/addresses",
            Needs::Right(Right::IssueAddress),
            issue,
        )
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<AddressesQuery>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    if query.is_file() {
        let read = reading!(list_addresses, ui, visitor, vault, query.read());
        return file_of("addresses.csv", &HEADER, read, cells).await;
    }
    let template = list_page(
        &ui,
        &visitor,
        vault,
        &query,
        String::new(),
        Wrong::default(),
    )
    .await?;
    page(&template)
}

fn cells(row: &ReceivedView) -> Vec<String> {
    vec![
        row.address.clone(),
        row.keychain.name().to_owned(),
        row.index.to_string(),
        row.reference.clone(),
        row.received.to_sat().to_string(),
        row.coins.to_string(),
        filters::moment(Some(row.watched_at)),
    ]
}

async fn list_page(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    query: &AddressesQuery,
    reference: String,
    wrong: Wrong,
) -> Result<ListPage, Fault> {
    let path = format!("/vaults/{vault}/addresses");
    let read = reading!(list_addresses, ui, visitor, vault, query.read());
    let (addresses, around) = page_of(&path, query, query.begin()?, read).await?;
    Ok(ListPage {
        frame: visitor.frame("Addresses", Place::Vault(vault, Tab::Addresses)),
        vault: Outside::new(&visitor.name_of(vault)),
        keychains: choices(&KEYCHAINS, &query.keychain),
        used: choices(&USED, &query.used),
        rows: (addresses.iter())
            .map(|row| Line::of(vault, row, visitor))
            .collect(),
        around,
        may_issue: visitor.may(Right::IssueAddress),
        query: query.clone(),
        path,
        reference,
        wrong,
    })
}

pub(super) async fn detail(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let address = named.text("address")?;
    let issued = show_address(&ui.service, &visitor.actor, vault, address)
        .await?
        .ok_or_else(Fault::nothing_here)?;
    let index = issued.received.index;
    let template = DetailPage {
        frame: visitor.frame("Address", Place::Vault(vault, Tab::Addresses)),
        list: format!("/vaults/{vault}/addresses"),
        line: Line::of(vault, &issued.received, &visitor),
        metadata: Some(&issued.metadata)
            .filter(|metadata| !matches!(metadata.as_str(), "" | "{}"))
            .map(|metadata| Outside::new(metadata)),
        checks: vec![format!(
            "bitcoin-cli deriveaddresses '{}' '[{index},{index}]'",
            issued.descriptor
        )],
        coins: (issued.coins.iter())
            .map(|coin| {
                let folder = if coin.change { "coins" } else { "deposits" };
                Row::of(&ui.service, vault, folder, coin, visitor.unit)
            })
            .collect(),
        issued,
    };
    page(&template)
}

pub(super) async fn issue(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(form): Posted<NewForm>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let new = NewAddress {
        reference: form.reference.trim().to_owned(),
        metadata: Map::new(),
    };
    match issue_address(&ui.service, &visitor.actor, vault, &new).await {
        Ok(issued) => Ok(see_other_saying(
            &format!("/vaults/{vault}/addresses/{}", issued.address),
            "Issued, and watched from now on. Derive it again from the descriptor before you give it out.",
        )),
        Err(ServiceError::Malformed {
            field: "reference", ..
        }) => {
            let mut wrong = Wrong::default();
            wrong.add(
                "reference",
                "At most 200 letters, digits and marks of plain ASCII.",
            );
            let query = AddressesQuery::default();
            let template = list_page(&ui, &visitor, vault, &query, form.reference, wrong).await?;
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(error) => Err(error.into()),
    }
}
