//! Files that one's own tool wrote: statements with their signatures, handed in.

use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;

use super::Ui;
use super::fault::{Fault, sentence};
use super::frame::{Frame, Place, Tab, page_with, see_other_saying};
use super::posted::{Named, Uploaded};
use super::routes::{Needs, Table};
use super::show::{Outside, TxidText};
use super::visitor::Visitor;
use crate::service::address_book::importing::{HandedIn, hand_in};
use crate::service::lists::StatementView;
use crate::service::{Right, ServiceError};

pub(super) fn routes(table: Table) -> Table {
    let approve = Needs::Right(Right::Approve);
    table.post("/vaults/{vault}/statements", approve, take)
}

#[derive(Template)]
#[template(path = "statements/handed_in.html")]
struct HandedInPage {
    frame: Frame,
    back: String,
    files: Vec<FileShown>,
}

struct FileShown {
    name: Outside,
    refused: Option<String>,
    rows: Vec<RowShown>,
}

struct RowShown {
    number: usize,
    what: String,
    id: Option<TxidText>,
    good: bool,
    words: String,
}

async fn take(
    Given(ui): Given<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let back = local(uploaded.text("back"), vault);
    let files = uploaded.files("files");
    if files.is_empty() {
        let words = "No file was chosen. Go back and choose what your own tool wrote.";
        return Err(Fault::plain(StatusCode::UNPROCESSABLE_ENTITY, words));
    }
    let mut shown = Vec::new();
    let mut words = Vec::new();
    let mut whole = true;
    for file in files {
        let name = Outside::new(&file.name.chars().take(80).collect::<String>());
        let mut rows = Vec::new();
        let refused = match hand_in(&ui.service, &visitor.actor, vault, &file.bytes).await {
            Ok(all) => {
                for one in all {
                    whole &= one.outcome.is_ok();
                    let row = row(one)?;
                    words.push(row.words.clone());
                    rows.push(row);
                }
                None
            }
            Err(error) => {
                whole = false;
                Some(told(error)?)
            }
        };
        shown.push(FileShown {
            name,
            refused,
            rows,
        });
    }
    if whole && words.len() == 1 {
        return Ok(see_other_saying(&back, &words.join(" ")));
    }
    let status = if whole {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let place = Place::Vault(vault, Tab::AddressBook);
    page_with(
        status,
        &HandedInPage {
            frame: visitor.frame("Handed in", place),
            back,
            files: shown,
        },
    )
}

/// A page of this vault, as it was asked for, or its address book.
fn local(back: &str, vault: VaultId) -> String {
    let begin = format!("/vaults/{vault}/");
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~' | b'%')
    };
    if back.starts_with(&begin) && back.bytes().all(plain) {
        back.to_owned()
    } else {
        format!("{begin}address-book")
    }
}

/// What a refusal says; a fault of ours is one of the whole page.
fn told(error: ServiceError) -> Result<String, Fault> {
    let fault = Fault::from(error);
    if fault.status().is_server_error() {
        return Err(fault);
    }
    let hint = fault.hint().map_or_else(String::new, sentence);
    Ok(format!("{} {hint}", fault.words()))
}

fn row(one: HandedIn) -> Result<RowShown, Fault> {
    let number = one.number;
    Ok(match one.outcome {
        Ok(view) => RowShown {
            number,
            what: what(&view).to_owned(),
            id: Some(TxidText::of(&view.subject.to_string())),
            good: true,
            words: words(&view),
        },
        Err(error) => RowShown {
            number,
            what: String::new(),
            id: None,
            good: false,
            words: told(error)?,
        },
    })
}

fn what(view: &StatementView) -> &'static str {
    match view.purpose.as_str() {
        "list-add" => "An entry",
        "list-remove" => "A removal",
        "list-confirm" => "A confirmation of a first payment",
        "stop" => "A stop",
        "release" => "A release",
        "go" => "A go",
        "ack" => "An acknowledgement",
        _ => "A statement",
    }
}

/// How a statement stands once it was handed in.
fn words(view: &StatementView) -> String {
    let by = if view.approved_by.is_empty() {
        "nobody yet".to_owned()
    } else {
        view.approved_by.join(" and ")
    };
    let needed = usize::try_from(view.needed).unwrap_or(usize::MAX);
    let missing = needed.saturating_sub(view.approved_by.len());
    let enough = if view.released_at.is_some() {
        "it was released before and stops nothing".to_owned()
    } else if view.entitled_at.is_some() || missing == 0 {
        "enough have signed".to_owned()
    } else {
        format!("{missing} more must sign")
    };
    format!("{} is handed in, signed by {by}: {enough}.", what(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_no_other_place() {
        let vault = VaultId::from_bytes([7; 32]);
        let stops = format!("/vaults/{vault}/stops");
        assert_eq!(local(&stops, vault), stops);
        let book = format!("/vaults/{vault}/address-book");
        for back in [
            "",
            "https://thief.example/",
            "//thief.example",
            "/vaults/x",
            &format!("/vaults/{vault}/x\r\nSet-Cookie: a"),
            &format!("/vaults/{vault}/?a=\\"),
        ] {
            assert_eq!(local(back, vault), book, "{back:?}");
        }
    }
}
