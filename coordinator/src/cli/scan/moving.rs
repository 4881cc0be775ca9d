//! `chain move-in`: a wallet that had a life elsewhere.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::{WAIT, counted, follow, pause};
use crate::cli::CliError;
use crate::cli::answer::{amount, moment, number, text};
use crate::cli::api::{self, Api, Body};
use crate::cli::layout::{Lines, paragraph};
use crate::cli::output::Output;

/// What is asked for: from which height on, up to which index, with which labels.
type Asked<'a> = (Option<u32>, Option<u32>, Option<&'a Path>);

pub(super) fn run(
    api: &Api,
    out: &Output,
    (from, upto, labels): Asked<'_>,
    wait: bool,
) -> Result<(), CliError> {
    let path = format!("{}/moving-in", api.vault_path()?);
    let mut answer = match from {
        None => api.get(&path)?,
        Some(from) => {
            let labels = labels.map(api::read).transpose()?.unwrap_or_default();
            let labels = String::from_utf8(labels).map_err(|_| CliError::Usage {
                message: "the labels are no UTF-8 text".to_owned(),
            })?;
            let body = json!({ "from": from, "upto": upto, "labels": labels });
            api.post(&path, Body::Json(body))?
        }
    };
    if wait {
        let began = Instant::now();
        let mut last = (String::new(), began);
        while text(&answer, "step") != "done" {
            if moment(&answer["scan"], "ended_at").is_empty() {
                follow(api, answer["scan"].clone())?;
            }
            pause();
            let stands = api.get(&path)?;
            let now = format!("{} {:?}", text(&stands, "step"), counted(&stands["scan"]));
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > WAIT {
                return Err(CliError::Waited {
                    detail: format!("books and node were not compared for {} s", WAIT.as_secs()),
                    hint: "`reconcile` says where they differ, `status` whether a watchtower is running; it goes \
                           on by itself, and `chain move-in` shows how far it is",
                });
            }
            answer = stands;
        }
    }
    out.told(&answer, || told(&answer))
}

fn told(moving: &Value) -> String {
    let lines = Lines::default()
        .with("from height", number(moving, "from"))
        .with("indexes up to", number(moving, "upto"))
        .with("coins", number(moving, "coins"))
        .with("hold", amount(moving, "held_sat"))
        .with("labels", number(moving, "labels"))
        .with("begun", moment(moving, "begun_at"))
        .with("done", moment(moving, "ended_at"));
    let (done, of, _) = counted(&moving["scan"]);
    let begin = match text(moving, "step") {
        "done" => {
            "The wallet has moved in: books and node agree, and its coins may be spent.".to_owned()
        }
        "comparing" => {
            "Books and node are compared. Nothing is spent before they agree.".to_owned()
        }
        _ => format!(
            "Blocks are read: {done} of {of}. Nothing is spent before books and node agree."
        ),
    };
    let mut said = format!("{}{}", paragraph(&begin, 0), lines.text());
    let figure = |field| {
        moving
            .get(field)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let (passed_over, shortened) = (figure("passed_over"), figure("shortened"));
    if passed_over > 0 {
        said += &paragraph(
            &format!(
                "{passed_over} lines of labels are about keys or inputs, and were passed over."
            ),
            0,
        );
    }
    if shortened > 0 {
        said += &paragraph(
            &format!("{shortened} labels were shortened to 80 characters."),
            0,
        );
    }
    said
}
