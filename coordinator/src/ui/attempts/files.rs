//! Files of an attempt: its PSBT to take away, and what signers bring back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bitcoin::Txid;
use policies::psbt::{Encoding, PsbtVersion};
use serde::Deserialize;

use super::short;
use crate::service::attempt_page::attempt_page;
use crate::service::attempts::attempt_psbt;
use crate::service::uploads::{BroughtFile, Outcome, TakenFile, take_files};
use crate::ui::Ui;
use crate::ui::fault::{Fault, sentence};
use crate::ui::frame::{Frame, Place, Tab, page};
use crate::ui::listing::attachment;
use crate::ui::posted::{Asked, Named, Uploaded};
use crate::ui::show::Outside;
use crate::ui::visitor::Visitor;

/// In which form a PSBT is taken away.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    version: String,
    encoding: String,
}

/// The name of an attempt's files: plain, short, and the same every time.
pub(super) fn file_name(txid: Txid) -> String {
    let id = txid.to_string();
    format!("countersign-{}", id.get(..8).unwrap_or(&id))
}

pub(super) async fn download(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    Asked(form): Asked<Form>,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    let (version, tail) = match form.version.as_str() {
        "" | "0" => (PsbtVersion::Zero, ""),
        "2" => (PsbtVersion::Two, "-v2"),
        _ => return Err(Fault::nothing_here()),
    };
    let bytes = attempt_psbt(&ui.service, &visitor.actor, txid, version).await?;
    let name = format!("{}{tail}", file_name(txid));
    Ok(match form.encoding.as_str() {
        "base64" => attachment(
            &format!("{name}.txt"),
            "text/plain; charset=us-ascii",
            Encoding::Base64.encode(&bytes),
        ),
        _ => attachment(&format!("{name}.psbt"), "application/octet-stream", bytes),
    })
}

pub(super) async fn transaction(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    let shown = attempt_page(&ui.service, &visitor.actor, txid).await?;
    let Some(raw) = shown.raw else {
        let words = "There is no final transaction yet: signatures are missing.";
        return Err(Fault::plain(StatusCode::NOT_FOUND, words));
    };
    let name = format!("{}.txn", file_name(txid));
    Ok(attachment(&name, "text/plain; charset=us-ascii", raw))
}

#[derive(Template)]
#[template(path = "attempts/files.html")]
struct FilesPage {
    frame: Frame,
    back: String,
    files: Vec<File>,
    nothing: bool,
}

/// What became of a file.
struct File {
    name: Outside,
    was: &'static str,
    attempt: Option<(String, String, bool)>,
    chip: (&'static str, &'static str),
    lines: Vec<String>,
    hint: Option<String>,
}

impl File {
    fn of(taken: &TakenFile) -> Self {
        let (chip, lines, hint) = told(&taken.outcome);
        Self {
            name: Outside::new(&taken.name),
            was: taken.was,
            attempt: taken.attempt.map(|attempt| {
                (
                    format!("/attempts/{}", attempt.txid),
                    short(&attempt.txid),
                    attempt.is_other,
                )
            }),
            chip,
            lines,
            hint,
        }
    }
}

type Told = ((&'static str, &'static str), Vec<String>, Option<String>);

fn told(outcome: &Outcome) -> Told {
    match outcome {
        Outcome::Signatures {
            accepted,
            refused,
            receipts,
            complete,
        } => {
            let mut lines = Vec::new();
            for (signer, inputs) in accepted {
                lines.push(format!(
                    "{signer}: {} taken.",
                    super::counted(*inputs, "new signature")
                ));
            }
            if accepted.is_empty() && refused.is_empty() {
                lines.push(
                    "Nothing new: its signatures are here already, or it has none.".to_owned(),
                );
            }
            for (input, signer, says) in refused {
                let whose = signer
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" of {name}"));
                lines.push(format!(
                    "Input {input}: the signature{whose} does not count: {says}."
                ));
            }
            if *receipts > 0 {
                let count = usize::try_from(*receipts).unwrap_or(usize::MAX);
                lines.push(format!(
                    "{} of journals taken.",
                    super::counted(count, "receipt")
                ));
            }
            if *complete {
                lines.push("Every input has enough signatures now.".to_owned());
            }
            let chip = match (accepted.is_empty(), refused.is_empty()) {
                (false, true) => ("taken", "chip chip-good"),
                (false, false) => ("taken in part", "chip chip-warn"),
                (true, false) => ("refused", "chip chip-bad"),
                (true, true) => ("nothing new", "chip"),
            };
            let hint = (!refused.is_empty()).then(|| {
                "Have those who are named sign the PSBT again that this page gives.".to_owned()
            });
            (chip, lines, hint)
        }
        Outcome::Void {
            voided_by,
            complete,
        } => {
            let mut lines = vec![format!("Voided by {}.", voided_by.join(", "))];
            if *complete {
                lines.push("That is enough: the attempt is dropped.".to_owned());
            }
            (("taken", "chip chip-good"), lines, None)
        }
        Outcome::Refused { says, hint, .. } => {
            let lines = vec![sentence(says)];
            (("refused", "chip chip-bad"), lines, Some(sentence(hint)))
        }
    }
}

pub(super) async fn take_one(
    State(ui): State<Ui>,
    visitor: Visitor,
    named: Named,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    let txid = named.txid()?;
    take(&ui, &visitor, Some(txid), &uploaded).await
}

pub(super) async fn take_any(
    State(ui): State<Ui>,
    visitor: Visitor,
    uploaded: Uploaded,
) -> Result<Response, Fault> {
    take(&ui, &visitor, None, &uploaded).await
}

async fn take(
    ui: &Ui,
    visitor: &Visitor,
    expected: Option<Txid>,
    uploaded: &Uploaded,
) -> Result<Response, Fault> {
    let mut files: Vec<BroughtFile> = uploaded
        .files("files")
        .into_iter()
        .map(|file| BroughtFile {
            name: file.name.clone(),
            bytes: file.bytes.to_vec(),
        })
        .collect();
    files.extend(pasted(uploaded.text("pasted")));
    let nothing = files.is_empty();
    let taken = take_files(&ui.service, &visitor.actor, expected, files).await?;
    let attempt = taken.iter().find_map(|file| file.attempt);
    let place = attempt.map_or(Place::Elsewhere, |attempt| {
        Place::Vault(attempt.vault, Tab::Attempts)
    });
    let back = match (expected, attempt) {
        (Some(txid), _) => format!("/attempts/{txid}"),
        (None, Some(attempt)) => format!("/vaults/{}/attempts", attempt.vault),
        (None, None) => "/".to_owned(),
    };
    page(&FilesPage {
        frame: visitor.frame("Files handed in", place),
        back,
        files: taken.iter().map(File::of).collect(),
        nothing,
    })
}

/// What was pasted: texts with an empty line between them.
fn pasted(text: &str) -> Vec<BroughtFile> {
    let text = text.replace("\r\n", "\n");
    text.split("\n\n")
        .filter(|part| !part.trim().is_empty())
        .enumerate()
        .map(|(number, part)| BroughtFile {
            name: format!("pasted {}", number.saturating_add(1)),
            bytes: part.trim().as_bytes().to_vec(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_an_empty_line_between_are_files_of_their_own() {
        let files = pasted("cHNi\r\ndP8=\r\n\r\n\r\n70736274\n\n \n");
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["pasted 1", "pasted 2"]);
        assert_eq!(files[0].bytes, b"cHNi\ndP8=");
        assert!(pasted(" \n\n ").is_empty());
    }

    #[test]
    fn names_of_files_are_plain() {
        let txid: Txid = "ab".repeat(32).parse().expect("a txid");
        assert_eq!(file_name(txid), "countersign-abababab");
    }
}
