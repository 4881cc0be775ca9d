//! One entry: how it stands, who signed, and how to sign, remove or confirm it with one's own tool.

use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use policies::{Subject, VaultId};

use super::book::{EntryRow, row};
use super::{path_of, place};
use crate::service::address_book::{BookEntry, BookState, Payment, Signed, show_entry};
use crate::service::agenda::{absent_now, of_entry};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, page};
use crate::ui::guard::bridged;
use crate::ui::listing::attachment;
use crate::ui::posted::{Named, percent_encoded};
use crate::ui::show::{
    Ask, Command, Moment, Money, Outside, State, TxidText, Waiting, duration, waiting_line,
};
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "address_book/entry.html")]
struct EntryPage {
    frame: Frame,
    vault: VaultId,
    here: String,
    list_href: String,
    row: EntryRow,
    waiting: Option<Waiting>,
    entry: TxidText,
    group: String,
    needed: u32,
    approvals: Vec<SignedRow>,
    cools_off: String,
    opens_at: Option<Moment>,
    not_before: Moment,
    test: Option<TestRow>,
    removed: Option<SaidRow>,
    warnings: Vec<String>,
    file: String,
    acts: Vec<Act>,
    statement: String,
}

struct SignedRow {
    approver: Outside,
    at: Moment,
}

struct SaidRow {
    by: Vec<SignedRow>,
    at: Moment,
}

struct TestRow {
    words: &'static str,
    most: Money,
    group: String,
    payments: Vec<PaymentRow>,
    confirmed: Option<SaidRow>,
}

struct PaymentRow {
    href: String,
    name: Outside,
    amount: Money,
    state: State,
}

/// Something that a person can say of the entry.
struct Act {
    title: &'static str,
    means: String,
    who: String,
    ask: Option<Ask>,
    command: Command,
}

fn signed(rows: &[Signed]) -> Vec<SignedRow> {
    rows.iter()
        .map(|one| SignedRow {
            approver: Outside::new(&one.approver),
            at: Moment::new(one.at),
        })
        .collect()
}

/// One entry.
pub(super) async fn show(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let subject = named.get("entry")?;
    let place = (named.vault()?, named.text("list")?, subject);
    draw(&ui, &visitor, place).await
}

/// The page of an entry of a list.
pub(super) async fn draw(
    ui: &Ui,
    visitor: &Visitor,
    at: (VaultId, &str, Subject),
) -> Result<Response, Fault> {
    let (vault, _, subject) = at;
    let found = read(ui, visitor, at).await?;
    let list_href = path_of(vault, &found.list);
    let here = format!("{list_href}/entries/{subject}");
    let payment = |paid: &Payment| PaymentRow {
        href: format!(
            "/vaults/{vault}/withdrawals/{}/{}",
            percent_encoded(&paid.requester),
            percent_encoded(&paid.id)
        ),
        name: Outside::new(&paid.id),
        amount: Money::new(paid.amount, visitor.unit),
        state: State::new(paid.state),
    };
    let said = |said: &crate::service::address_book::Said| SaidRow {
        by: signed(&said.by),
        at: Moment::new(said.at),
    };
    let absent = absent_now(&ui.service).await?;
    let viewer = visitor.viewer(&absent);
    let now = ui.service.now();
    let line = of_entry(&ui.service, &viewer, vault, subject).await?;
    let answer = page(&EntryPage {
        frame: visitor.frame(&found.entry.label, place(vault)),
        vault,
        row: row(vault, &found, now),
        waiting: line.map(|line| waiting_line(&line).unit(visitor.unit).at(now)),
        entry: TxidText::of(&subject.to_string()),
        group: (found.group.clone()).unwrap_or_else(|| "any approvers".to_owned()),
        needed: found.needed,
        approvals: signed(&found.approvals),
        cools_off: duration(found.delay),
        opens_at: found.opens_at.map(Moment::new),
        not_before: Moment::new(found.entry.not_before),
        test: found.test.as_ref().map(|test| TestRow {
            words: test.words(),
            most: Money::new(test.most, visitor.unit),
            group: test.group.clone(),
            payments: test.payments.iter().map(payment).collect(),
            confirmed: test.confirmed.as_ref().map(said),
        }),
        removed: found.removed.as_ref().map(said),
        warnings: found.warnings.iter().map(ToString::to_string).collect(),
        file: format!("{here}/entry.json"),
        acts: acts(ui, visitor, vault, subject, &found, &here),
        statement: found.statement.clone(),
        list_href,
        here,
    })?;
    Ok(bridged(answer, visitor.bridge))
}

/// The entry with its signatures, as `countersign-signer list` reads it.
pub(super) async fn file(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let subject = named.get("entry")?;
    let place = (named.vault()?, named.text("list")?, subject);
    let found = read(&ui, &visitor, place).await?;
    Ok(attachment("entry.json", "application/json", found.file))
}

/// The entry of the path, if it is of the path's list.
async fn read(
    ui: &Ui,
    visitor: &Visitor,
    (vault, list, subject): (VaultId, &str, Subject),
) -> Result<BookEntry, Fault> {
    let found = show_entry(&ui.service, &visitor.actor, vault, subject).await?;
    if found.list == list {
        Ok(found)
    } else {
        Err(Fault::nothing_here())
    }
}

fn acts(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    subject: Subject,
    found: &BookEntry,
    here: &str,
) -> Vec<Act> {
    let back = ui.public.url(here);
    let ask = |what, button: &str| {
        Ask::new(visitor.bridge, vault, what, back.clone(), button)
            .with("hash", &subject.to_string())
    };
    let command = |verb, output| {
        Command::new([
            "countersign-signer",
            "--home",
            "HOME",
            "list",
            verb,
            "entry.json",
            "-o",
            output,
        ])
    };
    let may = |persons: &[String]| persons.contains(&visitor.person);
    let who = |persons: &[String]| {
        if may(persons) {
            String::new()
        } else {
            super::any_of(persons)
        }
    };
    let mut acts = Vec::new();
    let state = BookState::of(&found.entry);
    let stands = !matches!(state, BookState::Removed | BookState::Expired);
    if stands && !found.could.is_empty() {
        acts.push(Act {
            title: "Approve it",
            means: "You say that this address is theirs. Compare it with what they told you by another way than this page."
                .to_owned(),
            who: who(&found.could),
            ask: may(&found.could).then(|| ask("list-approve", "Approve with my own tool")),
            command: command("approve", "entry.json"),
        });
    }
    if let Some(test) = found
        .test
        .as_ref()
        .filter(|test| stands && test.confirmed.is_none() && !test.payments.is_empty())
    {
        let could = &test.could_confirm;
        acts.push(Act {
            title: "Confirm the first payment",
            means: "You say that the right owner has it: they told you so, by another way than this page. Larger payments follow."
                .to_owned(),
            who: who(could),
            ask: may(could).then(|| ask("list-confirm", "Confirm with my own tool")),
            command: command("confirm", "confirmation.json"),
        });
    }
    if state != BookState::Removed {
        let could = &found.could_remove;
        acts.push(Act {
            title: "Remove it",
            means: "It is paid no more, for ever; the same address can be proposed again as another entry."
                .to_owned(),
            who: who(could),
            ask: may(could).then(|| ask("list-remove", "Remove with my own tool").dangerous()),
            command: command("remove", "removal.json"),
        });
    }
    acts
}
