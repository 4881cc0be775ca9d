//! A new entry: typed, checked against policy and books, and shown before the own tool signs it.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;
use serde::Deserialize;

use super::{path_of, place};
use crate::service::address_book::drafting::{
    EntryDraft, EntryWarning, NewEntry, WrongEntry, draft_entry,
};
use crate::service::address_book::show_list_of_policy;
use crate::service::lists::ListView;
use crate::ui::Ui;
use crate::ui::fault::{Fault, sentence};
use crate::ui::frame::{Frame, page_with};
use crate::ui::guard::bridged;
use crate::ui::listing::attachment;
use crate::ui::posted::{Named, Posted, Wrong};
use crate::ui::show::{Address, Ask, Command, Moment, Outside, duration};
use crate::ui::visitor::Visitor;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) address: String,
    pub(super) label: String,
    pub(super) expires: String,
    pub(super) want: String,
}

#[derive(Template)]
#[template(path = "address_book/propose.html")]
struct ProposePage {
    frame: Frame,
    vault: VaultId,
    list: String,
    list_href: String,
    here: String,
    adds: String,
    cools_off: String,
    typed: Typed,
    wrong: Wrong,
    draft: Option<DraftShown>,
}

/// A draft as it is shown before it is signed.
pub(super) struct DraftShown {
    pub(super) line: u64,
    pub(super) address: Address,
    pub(super) label: Outside,
    pub(super) expires: Moment,
    pub(super) warnings: Vec<WarningShown>,
    ask: Option<Ask>,
    command: Option<Command>,
}

/// A warning, and whether somebody may be disguised.
pub(super) struct WarningShown {
    pub(super) words: String,
    pub(super) disguise: bool,
}

impl DraftShown {
    pub(super) fn of(draft: &EntryDraft) -> Self {
        let warning = |warning: &EntryWarning| WarningShown {
            words: sentence(&warning.to_string()),
            disguise: matches!(
                warning,
                EntryWarning::LooksLike { .. } | EntryWarning::LabelLooksLike { .. }
            ),
        };
        Self {
            line: draft.line,
            address: Address::new(&draft.address),
            label: Outside::new(&draft.add.label),
            expires: Moment::new(draft.add.expires),
            warnings: draft.warnings.iter().map(warning).collect(),
            ask: None,
            command: None,
        }
    }
}

/// The form, empty.
pub(super) async fn form(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let (vault, list) = (named.vault()?, named.text("list")?);
    let (view, _) = show_list_of_policy(&ui.service, &visitor.actor, vault, list).await?;
    refuse_closed(&view)?;
    let shown = (Typed::default(), Wrong::default(), None);
    answer(&visitor, vault, &view, shown, StatusCode::OK)
}

/// What was typed, checked; nothing is stored.
pub(super) async fn preview(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    Posted(typed): Posted<Typed>,
) -> Result<Response, Fault> {
    check(&ui, &visitor, (named.vault()?, named.text("list")?), typed).await
}

/// The page after the form, or the unsigned entry where that is wanted.
pub(super) async fn check(
    ui: &Ui,
    visitor: &Visitor,
    (vault, list): (VaultId, &str),
    typed: Typed,
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let (view, _) = show_list_of_policy(service, actor, vault, list).await?;
    refuse_closed(&view)?;
    let new = NewEntry {
        address: typed.address.clone(),
        label: typed.label.clone(),
        expires: typed.expires.clone(),
    };
    match draft_entry(service, actor, vault, list, new).await? {
        Err(WrongEntry { faults, .. }) => {
            let mut wrong = Wrong::default();
            for fault in &faults {
                wrong.add(fault.field(), sentence(&fault.to_string()));
            }
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            answer(visitor, vault, &view, (typed, wrong, None), status)
        }
        Ok(draft) if typed.want == "file" => {
            let file = serde_json::json!({ "statement": draft.statement, "approvals": [] });
            Ok(attachment(
                "entry.json",
                "application/json",
                format!("{file:#}\n"),
            ))
        }
        Ok(draft) => {
            let back = ui.public.url(&path_of(vault, list));
            let ask = Ask::new(
                visitor.bridge,
                vault,
                "list-propose",
                back,
                "Sign with my own tool",
            );
            let mut shown = DraftShown::of(&draft);
            shown.ask = Some(ask.with("statement", &draft.statement));
            shown.command = Some(command(list, &draft));
            let shown = (typed, Wrong::default(), Some(shown));
            answer(visitor, vault, &view, shown, StatusCode::OK)
        }
    }
}

/// The same entry by the own tool alone.
fn command(list: &str, draft: &EntryDraft) -> Command {
    Command::new([
        "countersign-signer",
        "--home",
        "HOME",
        "list",
        "add",
        "--list",
        list,
        "--address",
        &draft.address,
        "--label",
        &draft.add.label,
        "--expires",
        &draft.add.expires.to_string(),
        "-o",
        "entry.json",
    ])
}

pub(super) fn refuse_closed(list: &ListView) -> Result<(), Fault> {
    if list.open {
        return Ok(());
    }
    let words = "Nobody adds to this list: it changes with a new version of the policy.";
    Err(Fault::plain(StatusCode::CONFLICT, words))
}

fn answer(
    visitor: &Visitor,
    vault: VaultId,
    list: &ListView,
    (typed, wrong, draft): (Typed, Wrong, Option<DraftShown>),
    status: StatusCode,
) -> Result<Response, Fault> {
    let list_href = path_of(vault, &list.list);
    let group = list.group.as_deref().unwrap_or("any approvers");
    let answer = page_with(
        status,
        &ProposePage {
            frame: visitor.frame("Propose an entry", place(vault)),
            vault,
            list: list.list.clone(),
            here: format!("{list_href}/propose"),
            adds: format!("{} of {group}", list.count.unwrap_or_default()),
            cools_off: list.delay_s.map(duration).unwrap_or_default(),
            list_href,
            typed,
            wrong,
            draft,
        },
    )?;
    Ok(bridged(answer, visitor.bridge))
}
