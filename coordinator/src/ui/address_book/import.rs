//! Many entries from a file: each line is checked, the good ones are signed with the own tool, none is lost.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;

use super::propose::{DraftShown, refuse_closed};
use super::{path_of, place};
use crate::service::address_book::drafting::WrongEntry;
use crate::service::address_book::importing::{Import, import};
use crate::service::address_book::show_list_of_policy;
use crate::ui::Ui;
use crate::ui::fault::{Fault, sentence};
use crate::ui::frame::{Frame, page_with};
use crate::ui::guard::bridged;
use crate::ui::listing::attachment;
use crate::ui::posted::{Named, Uploaded, Wrong};
use crate::ui::show::{Ask, Outside};
use crate::ui::visitor::Visitor;

/// The most entries that the own tool is asked to sign from here at once, as it takes them; more go by a file.
const ASKED: usize = 100;

#[derive(Template)]
#[template(path = "address_book/import.html")]
struct ImportPage {
    frame: Frame,
    vault: VaultId,
    list: String,
    list_href: String,
    here: String,
    text: String,
    wrong: Wrong,
    read: Option<ReadShown>,
}

struct ReadShown {
    good: Vec<DraftShown>,
    wrong: Vec<WrongShown>,
    warned: usize,
    to_mend: String,
    to_repeat: String,
    ask: Option<Ask>,
}

struct WrongShown {
    line: u64,
    address: Outside,
    label: Outside,
    expires: Outside,
    words: Vec<String>,
}

impl WrongShown {
    fn of(wrong: &WrongEntry) -> Self {
        Self {
            line: wrong.line,
            address: Outside::new(&wrong.typed.address),
            label: Outside::new(&wrong.typed.label),
            expires: Outside::new(&wrong.typed.expires),
            words: (wrong.faults.iter())
                .map(|fault| sentence(&fault.to_string()))
                .collect(),
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
    let shown = (String::new(), Wrong::default(), None);
    answer(&visitor, vault, list, shown, StatusCode::OK)
}

/// What a file has, line by line; nothing is stored.
pub(super) async fn read(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let (vault, list) = (named.vault()?, named.text("list")?);
    let typed = uploaded.text("text");
    let files = uploaded.files("file");
    let bytes = files
        .first()
        .map_or(typed.as_bytes(), |file| &file.bytes[..]);
    let file = uploaded.text("want") == "file";
    check(&ui, &visitor, (vault, list), (typed, bytes, file)).await
}

/// The page after the form, or the unsigned entries where the file is wanted.
pub(super) async fn check(
    ui: &Ui,
    visitor: &Visitor,
    (vault, list): (VaultId, &str),
    (typed, bytes, file): (&str, &[u8], bool),
) -> Result<Response, Fault> {
    let (service, actor) = (&ui.service, &visitor.actor);
    let typed = typed.to_owned();
    let mut wrong = Wrong::default();
    if bytes.trim_ascii().is_empty() {
        wrong.add("file", "Choose a file, or paste its lines below.");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return answer(visitor, vault, list, (typed, wrong, None), status);
    }
    let read = match import(service, actor, vault, list, bytes).await {
        Ok(read) => read,
        Err(error) if error.code() == "malformed" => {
            wrong.add("file", sentence(&error.to_string()));
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return answer(visitor, vault, list, (typed, wrong, None), status);
        }
        Err(error) => return Err(error.into()),
    };
    if file {
        let name = format!("{list}-entries.json");
        return Ok(attachment(&name, "application/json", read.to_sign()));
    }
    let status = if read.good.is_empty() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let shown = shown(ui, visitor, vault, list, &read);
    answer(
        visitor,
        vault,
        list,
        (String::new(), wrong, Some(shown)),
        status,
    )
}

fn shown(ui: &Ui, visitor: &Visitor, vault: VaultId, list: &str, read: &Import) -> ReadShown {
    let back = ui.public.url(&path_of(vault, list));
    let button = match read.good.len() {
        1 => "Sign it with my own tool".to_owned(),
        many => format!("Sign all {many} with my own tool"),
    };
    let few = (1..=ASKED).contains(&read.good.len());
    let ask = few.then(|| {
        let ask = Ask::new(visitor.bridge, vault, "list-propose", back, &button);
        (read.good.iter()).fold(ask, |ask, draft| ask.with("statement", &draft.statement))
    });
    ReadShown {
        good: read.good.iter().map(DraftShown::of).collect(),
        wrong: read.wrong.iter().map(WrongShown::of).collect(),
        warned: (read.good.iter())
            .filter(|draft| !draft.warnings.is_empty())
            .count(),
        to_mend: visible(&read.to_mend()),
        to_repeat: read.to_repeat(),
        ask,
    }
}

/// Lines in which nothing is hidden: what nobody sees is written by its number, to be taken out.
fn visible(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| Outside::new(line).text()).collect();
    lines.join("\n")
}

fn answer(
    visitor: &Visitor,
    vault: VaultId,
    list: &str,
    (text, wrong, read): (String, Wrong, Option<ReadShown>),
    status: StatusCode,
) -> Result<Response, Fault> {
    let list_href = path_of(vault, list);
    let answer = page_with(
        status,
        &ImportPage {
            frame: visitor.frame("Import entries", place(vault)),
            vault,
            list: list.to_owned(),
            here: format!("{list_href}/import"),
            list_href,
            text,
            wrong,
            read,
        },
    )?;
    Ok(bridged(answer, visitor.bridge))
}
