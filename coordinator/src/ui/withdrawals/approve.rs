//! What a person approves or refuses: each withdrawal once more, what the person's keys count for, and the ways to sign.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::intent::Verdict;
use policies::{IntentHash, VaultId};
use serde::Deserialize;

use super::{files, href, root, words};
use crate::service::page_approvals::{self, Approving, HOLDS, PageChallenge, Subject};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page_with};
use crate::ui::guard::bridged;
use crate::ui::posted::{Asked, Named};
use crate::ui::show::{self, Address, Ask, Command, Moment, Money, Outside};
use crate::ui::visitor::Visitor;

/// Which withdrawals.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    intent: Vec<String>,
}

struct Row {
    href: String,
    id: Outside,
    requester: Outside,
    reference: Outside,
    amount: Money,
    address: Address,
    state: show::State,
    expires: Moment,
    rule: Option<String>,
    waits: String,
    refused: Option<String>,
    says: String,
    file: String,
    text: String,
    hash: String,
}

/// A way to touch a passkey in the page.
struct Touch {
    verdict: &'static str,
    intents: Vec<String>,
    challenge: PageChallenge,
}

#[derive(Template)]
#[template(path = "withdrawals/approve.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a part of the page is there"
)]
struct ApprovePage {
    frame: Frame,
    root: String,
    ask_approve: Ask,
    ask_reject: Ask,
    rows: Vec<Row>,
    total: Money,
    open: Vec<String>,
    has_own: bool,
    has_page: bool,
    own_counts: bool,
    page_asked: bool,
    approve_command: Command,
    reject_command: Command,
    approve_touch: Option<Touch>,
    reject_touch: Option<Touch>,
    expires: String,
    wrong: Option<String>,
}

pub(super) async fn page(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(query): Asked<Query>,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    show(&ui, &visitor, vault, &intents(&query.intent)?, None).await
}

/// The intents that were chosen, each once.
pub(super) fn intents(texts: &[String]) -> Result<Vec<IntentHash>, Fault> {
    let mut intents = Vec::new();
    for text in texts {
        let intent: IntentHash = text.parse().map_err(|_| Fault::nothing_here())?;
        if !intents.contains(&intent) {
            intents.push(intent);
        }
    }
    if intents.is_empty() {
        let words = "Nothing is chosen. Go back to the list and choose one withdrawal or several.";
        return Err(Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, words));
    }
    Ok(intents)
}

/// The page, with what was refused before.
pub(super) async fn show(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    intents: &[IntentHash],
    wrong: Option<String>,
) -> Result<Response, Fault> {
    let (service, actor, person) = (&ui.service, &visitor.actor, visitor.person.as_str());
    let said = page_approvals::approving(service, actor, person, vault, intents).await?;
    let expires = service.now().saturating_add(HOLDS);
    let touchable = |subjects: Vec<&Subject>| -> Vec<IntentHash> {
        subjects
            .into_iter()
            .map(|subject| subject.line.intent)
            .collect()
    };
    let approvable = touchable(said.open().filter(|subject| subject.page_counts).collect());
    let rejectable = touchable(said.open().collect());
    let mut touches = Vec::new();
    for (verdict, name, intents) in [
        (Verdict::Approve, "approve", approvable),
        (Verdict::Reject, "reject", rejectable),
    ] {
        touches.push(if said.page.is_empty() || intents.is_empty() {
            None
        } else {
            let what = (intents.as_slice(), verdict);
            let asked =
                page_approvals::page_challenge(service, actor, person, vault, what, expires);
            Some(Touch {
                verdict: name,
                challenge: asked.await?,
                intents: intents.iter().map(ToString::to_string).collect(),
            })
        });
    }
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let reject_touch = touches.pop().flatten();
    let approve_touch = touches.pop().flatten();
    let page = ApprovePage {
        approve_touch,
        reject_touch,
        expires: expires.as_secs().to_string(),
        ..plain(ui, visitor, vault, &said, wrong)
    };
    Ok(bridged(page_with(status, &page)?, visitor.bridge))
}

/// The page without what is touched in it.
fn plain(
    ui: &Ui,
    visitor: &Visitor,
    vault: VaultId,
    said: &Approving,
    wrong: Option<String>,
) -> ApprovePage {
    let open: Vec<&Subject> = said.open().collect();
    let names: Vec<String> = open
        .iter()
        .map(|subject| files::name_of(&subject.line.id))
        .collect();
    let command = |verb| {
        let words = ["countersign-signer", verb].into_iter();
        Command::new(words.chain(names.iter().map(String::as_str)))
    };
    let total = (open.iter()).fold(bitcoin::Amount::ZERO, |sum, subject| {
        sum.checked_add(subject.line.amount)
            .unwrap_or(bitcoin::Amount::MAX_MONEY)
    });
    let back = match open.as_slice() {
        [only] => href(vault, &only.line.requester, &only.line.id),
        _ => root(vault),
    };
    let back = ui.public.url(&back);
    let with = |ask: Ask| {
        open.iter().fold(ask, |ask, subject| {
            ask.with("hash", &subject.line.intent.to_string())
        })
    };
    ApprovePage {
        frame: visitor.frame("Approve or refuse", Place::Vault(vault, Tab::Withdrawals)),
        root: root(vault),
        ask_approve: with(Ask::new(
            visitor.bridge,
            vault,
            "approve",
            back.clone(),
            "Open my tool to approve",
        )),
        ask_reject: with(Ask::new(visitor.bridge, vault, "reject", back, "Refuse"))
            .dangerous()
            .short(),
        rows: said
            .subjects
            .iter()
            .map(|subject| row(subject, visitor))
            .collect(),
        total: Money::new(total, visitor.unit),
        has_own: !said.own.is_empty(),
        has_page: !said.page.is_empty(),
        own_counts: open.iter().any(|subject| subject.own_counts),
        page_asked: open.iter().any(|subject| {
            let needs = subject.line.needs.as_ref();
            needs.is_some_and(|needs| needs.page > 0)
        }),
        approve_command: command("approve"),
        reject_command: command("reject"),
        open: open
            .iter()
            .map(|subject| subject.line.intent.to_string())
            .collect(),
        approve_touch: None,
        reject_touch: None,
        expires: String::new(),
        wrong,
    }
}

fn row(subject: &Subject, visitor: &Visitor) -> Row {
    let line = &subject.line;
    Row {
        href: href(line.vault, &line.requester, &line.id),
        id: Outside::new(line.id.as_str()),
        requester: Outside::new(line.requester.as_str()),
        reference: Outside::new(&line.reference),
        amount: Money::new(line.amount, visitor.unit),
        address: Address::new(line.address.as_deref().unwrap_or(&line.script)),
        state: show::State::new(line.state),
        expires: Moment::new(line.expires),
        rule: line.needs.as_ref().map(|needs| needs.rule.clone()),
        waits: line.needs.as_ref().map_or_else(String::new, words::waits),
        refused: subject.refused.clone(),
        says: subject.says.clone(),
        file: files::name_of(&line.id),
        text: subject.text.clone(),
        hash: line.intent.to_string(),
    }
}
