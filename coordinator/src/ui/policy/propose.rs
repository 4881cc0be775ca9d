//! Proposing a next version: a document is typed, pasted or brought, looked at, and proposed once it is understood.
//!
//! Invariant: whatever is wrong, the document stands in the form again as it was given. What is proposed has no
//! approval by being proposed.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policies::VaultId;
use policies::succession::SuccessionFile;

use super::shown::Shown;
use super::sides::{Stretch, sides};
use super::version::told;
use crate::service::policy_review::{
    Comparison, DocumentMistake, Draft, Proposable, beginning, examine,
};
use crate::service::versions::{SubmitSuccession, submit_succession};
use crate::ui::Ui;
use crate::ui::fault::Fault;
use crate::ui::frame::{Frame, Place, Tab, page_with, see_other_saying};
use crate::ui::posted::{Named, Uploaded, Wrong};
use crate::ui::show::Outside;
use crate::ui::visitor::Visitor;

#[derive(Template)]
#[template(path = "policy/propose.html")]
struct ProposePage {
    frame: Frame,
    show: Shown,
    wrong: Wrong,
    vault: VaultId,
    /// The document as it was given.
    document: String,
    /// The file with signatures that it came in; empty where it came alone.
    file: String,
    mistakes: Vec<DocumentMistake>,
    good: Option<Good>,
    /// Whether it is the one that the form begins with.
    is_beginning: bool,
    /// Whether it has letters that are not seen.
    is_disguised: bool,
}

/// A document that can be looked at beside the version in force.
struct Good {
    draft: Box<Proposable>,
    sides: Vec<Stretch>,
}

impl Good {
    fn comparison(&self) -> &Comparison {
        &self.draft.comparison
    }
}

/// What somebody gave.
struct Given {
    bytes: Vec<u8>,
    /// The succession file that the document came in.
    file: String,
}

impl Given {
    /// Reads a form: a file that was brought goes before what was typed.
    fn of(uploaded: &Uploaded) -> Self {
        if let Some(brought) = uploaded.files("file").first() {
            return match SuccessionFile::read(&brought.bytes) {
                Ok(read) => Self {
                    bytes: read.document().to_vec(),
                    file: String::from_utf8_lossy(&brought.bytes)
                        .trim_end()
                        .to_owned(),
                },
                Err(_) => Self {
                    bytes: brought.bytes.to_vec(),
                    file: String::new(),
                },
            };
        }
        let typed = uploaded.text("document");
        if let Ok(read) = SuccessionFile::read(typed.trim().as_bytes()) {
            return Self {
                bytes: read.document().to_vec(),
                file: typed.trim().to_owned(),
            };
        }
        let bytes = self::typed(typed).into_bytes();
        let carried = uploaded.text("carried").trim();
        let of_it = SuccessionFile::read(carried.as_bytes())
            .is_ok_and(|file| file.document() == bytes.as_slice());
        Self {
            bytes,
            file: if of_it {
                carried.to_owned()
            } else {
                String::new()
            },
        }
    }
}

/// What was typed, without the carriage returns that browsers put in and no document has.
pub(super) fn typed(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The form, with a document to begin from.
pub(super) async fn blank(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let beginning = beginning(&ui.service, &visitor.actor, vault).await?;
    let given = Given {
        bytes: beginning,
        file: String::new(),
    };
    let nothing = (Vec::new(), None);
    let mut template = draw(&visitor, vault, &given, nothing, Wrong::default());
    template.is_beginning = true;
    page_with(StatusCode::OK, &template)
}

/// Looks at a document, or proposes it once it was looked at.
pub(super) async fn look(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let vault = named.vault()?;
    let given = Given::of(&uploaded);
    let (service, actor) = (&ui.service, &visitor.actor);
    let mut wrong = Wrong::default();
    let draft = examine(service, actor, vault, &given.bytes).await?;
    let draft = match draft {
        Draft::Wrong { mistakes } => {
            let count = mistakes.len();
            let plural = if count == 1 { "" } else { "s" };
            wrong.add(
                "document",
                format!("{count} mistake{plural}, listed below with their lines."),
            );
            let template = draw(&visitor, vault, &given, (mistakes, None), wrong);
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &template);
        }
        Draft::Right(draft) => draft,
    };
    let is_confirmed = uploaded.text("confirmed") == draft.id.to_string();
    if is_confirmed && draft.is_proposable() {
        let file = if given.file.is_empty() {
            draft.file.clone()
        } else {
            given.file.clone()
        };
        let request = SubmitSuccession {
            file,
            despite_devices: uploaded.text("despite_devices") == "yes",
        };
        match submit_succession(service, actor, vault, &request).await {
            Ok((proposal, _)) => {
                let path = format!("/vaults/{vault}/policy/versions/{}", proposal.policy);
                return Ok(see_other_saying(
                    &path,
                    "Proposed. Nobody has approved it by that.",
                ));
            }
            Err(error) => wrong.add("document", told(error)),
        }
    }
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let template = draw(&visitor, vault, &given, (Vec::new(), Some(draft)), wrong);
    page_with(status, &template)
}

fn draw(
    visitor: &Visitor,
    vault: VaultId,
    given: &Given,
    (mistakes, draft): (Vec<DocumentMistake>, Option<Box<Proposable>>),
    wrong: Wrong,
) -> ProposePage {
    let good = draft.map(|draft| {
        let comparison = &draft.comparison;
        Good {
            sides: sides(&comparison.document_before, &comparison.document_after),
            draft,
        }
    });
    let document = String::from_utf8_lossy(&given.bytes).into_owned();
    ProposePage {
        frame: visitor.frame("Propose a change", Place::Vault(vault, Tab::Policy)),
        show: Shown { unit: visitor.unit },
        wrong,
        vault,
        is_beginning: false,
        is_disguised: document
            .lines()
            .any(|line| Outside::new(line).text() != line),
        document,
        file: given.file.clone(),
        mistakes,
        good,
    }
}

#[cfg(test)]
pub(super) fn drawn(visitor: &Visitor, vault: VaultId, document: &str, draft: Draft) -> String {
    let given = Given {
        bytes: document.as_bytes().to_vec(),
        file: String::new(),
    };
    let told = match draft {
        Draft::Wrong { mistakes } => (mistakes, None),
        Draft::Right(draft) => (Vec::new(), Some(draft)),
    };
    draw(visitor, vault, &given, told, Wrong::default())
        .render()
        .expect("a page")
}
