//! The lists of a vault and their entries, with filters and as a file.

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use bitcoin::Amount;
use policies::{UnixTime, VaultId};

use super::{any_of, path_of, place};
use crate::service::Right;
use crate::service::address_book::{
    BookEntry, BookFilter, BookState, list_book, show_list_of_policy,
};
use crate::service::lists::{ListView, list_lists};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::filters::Choice;
use crate::ui::frame::{Frame, page};
use crate::ui::listing::{Around, Query as _, file_of, page_of, query, reading};
use crate::ui::posted::{Asked, Named};
use crate::ui::show::{Address, Ago, Moment, Money, Outside, State, Unit, duration};
use crate::ui::visitor::Visitor;

/// The columns of the CSV file.
const HEADER: [&str; 15] = [
    "list",
    "label",
    "address",
    "script_pubkey",
    "state",
    "says",
    "needed",
    "approved_by",
    "proposed_by",
    "proposed_at",
    "not_before",
    "expires",
    "opens_at",
    "removed_by",
    "entry",
];

query! {
    pub(super) struct BookQuery { state, text }
}

#[derive(Template)]
#[template(path = "address_book/book.html")]
struct BookPage {
    frame: Frame,
    title: String,
    path: String,
    may_propose: bool,
    lists: Vec<ListRow>,
    list: Option<ListFacts>,
    states: Vec<Choice>,
    wrong_state: Option<String>,
    text: String,
    entries: Vec<EntryRow>,
    around: Around,
}

struct ListRow {
    href: String,
    name: String,
    open: bool,
    adds: String,
    cools_off: String,
    first: String,
    in_document: u32,
}

struct ListFacts {
    row: ListRow,
    propose: String,
    import: String,
    addresses: Vec<Address>,
}

pub(super) struct EntryRow {
    pub(super) href: String,
    pub(super) list: String,
    pub(super) label: Outside,
    pub(super) address: Address,
    pub(super) state: State,
    pub(super) says: String,
    pub(super) opens: Option<Ago>,
    pub(super) expires: Moment,
    pub(super) proposed_by: Outside,
    pub(super) proposed: Moment,
}

/// All lists, and the entries of all.
pub(super) async fn all(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<BookQuery>,
) -> Result<Response, Fault> {
    show(&ui, &visitor, named.vault()?, None, query).await
}

/// One list and its entries.
pub(super) async fn of_list(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<BookQuery>,
) -> Result<Response, Fault> {
    let list = named.text("list")?.to_owned();
    show(&ui, &visitor, named.vault()?, Some(list), query).await
}

pub(super) async fn show(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    list: Option<String>,
    query: BookQuery,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let state: Option<BookState> = query.state.parse().ok();
    let wrong_state = (state.is_none() && !query.state.is_empty())
        .then(|| "There is no such state; every entry is shown.".to_owned());
    let filter = BookFilter {
        list: list.clone(),
        state,
        text: query.text.clone(),
    };
    let path = list.as_ref().map_or_else(
        || format!("/vaults/{vault}/address-book"),
        |list| path_of(vault, list),
    );
    let read = reading!(list_book, ui, visitor, vault, filter);
    if query.is_file() {
        return file_of("address-book.csv", &HEADER, read, cells).await;
    }
    // A state that there is none of filters nothing.
    let known = BookQuery {
        state: state.map_or("", BookState::name).to_owned(),
        ..query
    };
    let (entries, around) = page_of(&path, &known, known.begin()?, read).await?;
    let now = service.now();
    let unit = visitor.unit;
    let (mut lists, mut facts) = (Vec::new(), None);
    match &list {
        None => {
            let all = list_lists(service, actor, vault).await?;
            lists = all.iter().map(|list| list_row(vault, list, unit)).collect();
        }
        Some(name) => {
            let (view, addresses) = show_list_of_policy(service, actor, vault, name).await?;
            facts = Some(ListFacts {
                row: list_row(vault, &view, unit),
                propose: format!("{path}/propose"),
                import: format!("{path}/import"),
                addresses: addresses.iter().map(|one| Address::new(one)).collect(),
            });
        }
    }
    let title = list.unwrap_or_else(|| "Address book".to_owned());
    page(&BookPage {
        frame: visitor.frame(&title, place(vault)),
        may_propose: visitor.may(Right::Approve),
        lists,
        list: facts,
        states: choices(state),
        wrong_state,
        entries: (entries.iter())
            .map(|entry| row(vault, entry, now))
            .collect(),
        around,
        text: known.text,
        title,
        path,
    })
}

fn choices(chosen: Option<BookState>) -> Vec<Choice> {
    let all = BookState::ALL.into_iter();
    all.map(|state| Choice {
        value: state.name().to_owned(),
        words: state.words().to_owned(),
        chosen: chosen == Some(state),
    })
    .collect()
}

fn list_row(vault: VaultId, list: &ListView, unit: Unit) -> ListRow {
    let group = list.group.as_deref().unwrap_or("any approvers");
    ListRow {
        href: path_of(vault, &list.list),
        name: list.list.clone(),
        open: list.open,
        adds: list.count.map_or_else(
            || "a new policy version".to_owned(),
            |count| format!("{count} of {group}"),
        ),
        cools_off: list.delay_s.map(duration).unwrap_or_default(),
        first: match (list.test_first_sat, &list.test_first_group) {
            (Some(sat), Some(group)) => {
                let most = Money::new(Amount::from_sat(sat), unit).text();
                format!("at most {most}, confirmed by one of {group}")
            }
            _ => String::new(),
        },
        in_document: list.in_document,
    }
}

pub(super) fn row(vault: VaultId, entry: &BookEntry, now: UnixTime) -> EntryRow {
    let shown = &entry.entry;
    let list = path_of(vault, &entry.list);
    EntryRow {
        href: format!("{list}/entries/{}", shown.entry),
        list: entry.list.clone(),
        label: Outside::new(&shown.label),
        address: Address::new(shown.address.as_deref().unwrap_or(&shown.script_pubkey)),
        state: State::new(BookState::of(shown).name()),
        says: waits_for(entry),
        opens: entry.opens_at.map(|at| Ago::new(at, now)),
        expires: Moment::new(shown.expires),
        proposed_by: Outside::new(&entry.proposed_by),
        proposed: Moment::new(entry.proposed_at),
    }
}

/// What an entry waits for, on whom, and who else could act: one line.
pub(super) fn waits_for(entry: &BookEntry) -> String {
    match BookState::of(&entry.entry) {
        BookState::Proposed => {
            let by: Vec<String> = entry.entry.approved_by.clone();
            let signed = if by.is_empty() {
                "nobody signed yet".to_owned()
            } else {
                format!("signed by {}", by.join(" and "))
            };
            let found = by.len();
            format!(
                "{found} of {} signatures; {signed}; could sign: {}",
                entry.needed,
                any_of(&entry.could)
            )
        }
        BookState::Cooling => "opens".to_owned(),
        BookState::InForce => entry.test.as_ref().map_or_else(String::new, |test| {
            let could = any_of(&test.could_confirm);
            match (&test.confirmed, test.payments.is_empty()) {
                (Some(_), _) => "first payment confirmed".to_owned(),
                (None, true) => format!("one small first payment only, then confirmed by {could}"),
                (None, false) => format!("first payment made; to be confirmed by {could}"),
            }
        }),
        BookState::Expired => "add it again with a later end".to_owned(),
        BookState::Removed => entry.removed.as_ref().map_or_else(String::new, |removed| {
            let by: Vec<&str> = removed.by.iter().map(|one| one.approver.as_str()).collect();
            format!("removed by {}", by.join(" and "))
        }),
    }
}

fn cells(entry: &BookEntry) -> Vec<String> {
    let shown = &entry.entry;
    let removed = entry.removed.iter().flat_map(|said| &said.by);
    let removed: Vec<&str> = removed.map(|one| one.approver.as_str()).collect();
    vec![
        entry.list.clone(),
        shown.label.clone(),
        shown.address.clone().unwrap_or_default(),
        shown.script_pubkey.clone(),
        BookState::of(shown).name().to_owned(),
        shown.says.clone(),
        entry.needed.to_string(),
        shown.approved_by.join(" "),
        entry.proposed_by.clone(),
        entry.proposed_at.to_string(),
        shown.not_before.to_string(),
        shown.expires.to_string(),
        entry.opens_at.map(|at| at.to_string()).unwrap_or_default(),
        removed.join(" "),
        shown.entry.to_string(),
    ]
}
