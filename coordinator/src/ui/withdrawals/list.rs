//! The list of withdrawals, with its filters.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bitcoin::Amount;
use policies::UnixTime;
use serde::Deserialize;

use super::{href, root, words};
use crate::service::Right;
use crate::service::withdrawal_list::{Wanted, WithdrawalLine, find_withdrawals};
use crate::session::withdrawal::WithdrawalState;
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::filters::{since, until};
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::{Around, Query as _, file_of, link, page_of, reading};
use crate::ui::posted::{Asked, Named, Wrong};
use crate::ui::show::{self, Address, Ago, Moment, Money, Outside};
use crate::ui::visitor::Visitor;

/// What the list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    state: Vec<String>,
    requester: String,
    text: String,
    from: String,
    to: String,
    since: String,
    until: String,
    waits: String,
    after: String,
    format: String,
}

impl crate::ui::listing::Query for Query {
    /// Those that say something.
    fn filters(&self) -> Vec<(&'static str, &str)> {
        let states = self.state.iter().map(|state| ("state", state.as_str()));
        let others = [
            ("requester", self.requester.as_str()),
            ("text", self.text.as_str()),
            ("from", self.from.as_str()),
            ("to", self.to.as_str()),
            ("since", self.since.as_str()),
            ("until", self.until.as_str()),
            ("waits", self.waits.as_str()),
        ];
        states
            .chain(others)
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    fn after(&self) -> &str {
        &self.after
    }

    fn is_file(&self) -> bool {
        self.format == "csv"
    }
}

struct Choice {
    name: &'static str,
    chosen: bool,
}

struct Row {
    href: String,
    intent: String,
    id: Outside,
    requester: Outside,
    reference: Outside,
    amount: Money,
    address: Address,
    state: show::State,
    mine: bool,
    waits: String,
    submitted: Moment,
    age: Ago,
    can_choose: bool,
}

#[derive(Template)]
#[template(path = "withdrawals/list.html")]
struct ListPage {
    frame: Frame,
    root: String,
    query: Query,
    wrong: Wrong,
    states: Vec<Choice>,
    may_submit: bool,
    may_approve: bool,
    rows: Vec<Row>,
    around: Around,
    mine: String,
}

pub(super) async fn list(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<Query>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let mut wrong = Wrong::default();
    let wanted = wanted(&query, &visitor, &mut wrong);
    let read = reading!(find_withdrawals, ui, visitor, Some(vault), wanted);
    if query.is_file() {
        let row = |line: &WithdrawalLine| line.cells().to_vec();
        return file_of("withdrawals.csv", &WithdrawalLine::HEADER, read, row).await;
    }
    let root = root(vault);
    let (lines, around) = page_of(&root, &query, query.begin()?, read).await?;
    let now = ui.service.now();
    page(&ListPage {
        frame: visitor.frame("Withdrawals", Place::Vault(vault, Tab::Withdrawals)),
        states: (WithdrawalState::NAMES.into_iter())
            .map(|name| Choice {
                name,
                chosen: query.state.iter().any(|state| state == name),
            })
            .collect(),
        may_submit: visitor.may(Right::Submit),
        may_approve: visitor.may(Right::Approve),
        rows: (lines.iter())
            .map(|line| row(line, &visitor, now))
            .collect(),
        around,
        mine: link(&root, &[], &[("waits", "me")]),
        root,
        wrong,
        query,
    })
}

/// What is asked for, as far as it can be read; the rest is told beside its field.
fn wanted(query: &Query, visitor: &Visitor, wrong: &mut Wrong) -> Wanted {
    let mut states = Vec::new();
    for state in query.state.iter().filter(|state| !state.is_empty()) {
        if WithdrawalState::NAMES.contains(&state.as_str()) {
            states.push(state.clone());
        } else {
            wrong.add("state", "There is no such state; the others are shown.");
        }
    }
    Wanted {
        states,
        requester: query.requester.clone(),
        text: query.text.clone(),
        from: amount("from", &query.from, wrong),
        to: amount("to", &query.to, wrong),
        since: since(wrong, &query.since),
        until: until(wrong, &query.until),
        waits_for: (query.waits == "me").then(|| visitor.person.clone()),
    }
}

fn amount(field: &'static str, text: &str, wrong: &mut Wrong) -> Option<Amount> {
    if text.trim().is_empty() {
        return None;
    }
    wrong.amount(field, text)
}

fn row(line: &WithdrawalLine, visitor: &Visitor, now: UnixTime) -> Row {
    let waits = match (&line.needs, &line.denied) {
        (Some(needs), _) => words::waits(needs),
        (None, Some(_)) => "No rule of the policy allows it now.".to_owned(),
        (None, None) => String::new(),
    };
    Row {
        href: href(line.vault, &line.requester, &line.id),
        intent: line.intent.to_string(),
        id: Outside::new(line.id.as_str()),
        requester: Outside::new(line.requester.as_str()),
        reference: Outside::new(&line.reference),
        amount: Money::new(line.amount, visitor.unit),
        address: Address::new(line.address.as_deref().unwrap_or(&line.script)),
        state: show::State::new(line.state),
        mine: line.awaits(&visitor.person),
        waits,
        submitted: Moment::new(line.submitted_at),
        age: Ago::new(line.submitted_at, now),
        can_choose: matches!(line.state, "requested" | "approved"),
    }
}
