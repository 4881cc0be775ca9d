//! `alarm list` and `end`: what is wrong, and what was.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{moment, text};
use super::api::{Api, Body, items};
use super::layout::{Lines, paragraph};
use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Alarm {
    /// List the open alarms, each with what to do.
    #[command(after_help = "Example:\n  countersign-coordinator alarm list")]
    List {
        /// Also those that are over, the newest first.
        #[arg(long)]
        over: bool,
    },
    /// Say that you looked into an alarm that does not end by itself.
    #[command(after_help = "Example:\n  countersign-coordinator alarm end 7 --why drill")]
    End {
        /// Its number.
        id: u64,
        /// What was found out.
        #[arg(long)]
        why: String,
    },
}

pub(super) fn run(verb: &Alarm, api: &Api, out: &Output) -> Result<(), CliError> {
    match verb {
        Alarm::List { over } => {
            let path = if *over {
                "/alarms?state=all"
            } else {
                "/alarms"
            };
            let answer = api.get(path)?;
            out.told(&answer, || {
                let alarms: Vec<String> = items(&answer).iter().map(told).collect();
                if alarms.is_empty() {
                    "No alarm.\n".to_owned()
                } else {
                    alarms.join("\n")
                }
            })
        }
        Alarm::End { id, why } => {
            let body = Body::Json(json!({ "why": why }));
            let answer = api.post(&format!("/alarms/{id}/end"), body)?;
            out.told(&answer, || told(&answer))
        }
    }
}

/// One alarm: its number and what it says, then the facts.
fn told(alarm: &Value) -> String {
    let id = alarm.get("id").and_then(Value::as_u64).unwrap_or_default();
    let head = format!("{id}. {}", text(alarm, "title"));
    let mut lines = Lines::default()
        .with("alarm", text(alarm, "alarm"))
        .with("about", text(alarm, "subject"))
        .with("since", moment(alarm, "raised_at"))
        .with("facts", text(alarm, "detail"));
    if text(alarm, "ended_by").is_empty() {
        lines = lines.with("to do", text(alarm, "todo"));
        let ends = match text(alarm, "ends") {
            "" => format!("by `alarm end {id} --why …`"),
            when => format!("by itself, once {when}"),
        };
        lines = lines.with("ends", ends);
    } else {
        lines = lines
            .with("over since", moment(alarm, "ended_at"))
            .with("by", text(alarm, "ended_by"))
            .with("why", text(alarm, "ended_why"));
    }
    format!("{}{}", paragraph(&head, 0), lines.text())
}
