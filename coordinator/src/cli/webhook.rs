//! `webhook`: add, list, show, test, pause, resume and remove webhooks.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::answer::text;
use super::api::{self, Api, Body};
use super::layout::item;
use super::output::{self, Output};

#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Add a webhook. Its secret is shown once: receivers check signatures with it.
    #[command(
        after_help = "Example:\n  countersign-coordinator webhook add books --url-file url.txt > secret.txt"
    )]
    Add {
        /// How it is called.
        name: String,
        /// File with the address, or `-`: others put secrets into addresses.
        #[arg(long, value_name = "FILE")]
        url_file: PathBuf,
        /// How events are written.
        #[arg(long, value_enum, default_value = "json")]
        shape: Shape,
        /// Only events whose kind begins so, such as `withdrawal.`; repeatable. Others are refused with a list.
        #[arg(long = "kind", value_name = "BEGINNING")]
        kinds: Vec<String>,
        /// Only events of this vault.
        #[arg(long, value_name = "ID")]
        only_vault: Option<String>,
    },
    /// List webhooks, without their secrets.
    #[command(after_help = "Example:\n  countersign-coordinator webhook list")]
    List,
    /// Show a webhook and its last deliveries.
    #[command(after_help = "Example:\n  countersign-coordinator webhook show ID")]
    Show {
        /// Its id.
        id: String,
    },
    /// Send a test now, and say what was answered; refused where it was not taken.
    #[command(after_help = "Example:\n  countersign-coordinator webhook test ID")]
    Test {
        /// Its id.
        id: String,
    },
    /// Pause a webhook. What happens meanwhile is sent once it goes on.
    #[command(after_help = "Example:\n  countersign-coordinator webhook pause ID")]
    Pause {
        /// Its id.
        id: String,
    },
    /// Let a webhook go on where it stopped.
    #[command(after_help = "Example:\n  countersign-coordinator webhook resume ID")]
    Resume {
        /// Its id.
        id: String,
    },
    /// Remove a webhook.
    #[command(after_help = "Example:\n  countersign-coordinator webhook remove ID")]
    Remove {
        /// Its id.
        id: String,
    },
}

/// How events are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Shape {
    /// The whole event.
    Json,
    /// A message for Slack.
    Slack,
    /// A message for Matrix.
    Matrix,
}

impl Shape {
    const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Matrix => "matrix",
        }
    }
}

pub(super) fn run(verb: &Webhook, api: &Api, out: &Output) -> Result<(), CliError> {
    let path = |id: &str, tail: &str| format!("/webhooks/{}{tail}", api::segment(id));
    match verb {
        Webhook::Add {
            name,
            url_file,
            shape,
            kinds,
            only_vault,
        } => {
            let url = api::read(url_file)?;
            let new = json!({
                "name": name,
                "shape": shape.name(),
                "url": String::from_utf8_lossy(&url).trim(),
                "vault": only_vault,
                "kinds": kinds,
            });
            let answer = api.post("/webhooks", Body::Json(new))?;
            if out.json() {
                return out.record(&answer);
            }
            // Alone on standard output, so that it can be redirected into a file.
            let secret = answer.get("secret").and_then(Value::as_str);
            out.text(secret.unwrap_or_default())
        }
        Webhook::List => {
            let answer = api.get("/webhooks")?;
            out.told(&answer, || listed(&answer))
        }
        Webhook::Show { id } => {
            let answer = api.get(&path(id, ""))?;
            let empty = json!([]);
            let deliveries = answer.get("deliveries").unwrap_or(&empty);
            let columns = ["number", "kind", "tries", "tried_at", "status", "error"];
            let none = "Nothing was sent yet.";
            out.table_of(&answer, api::items(deliveries), &columns, none)
        }
        Webhook::Test { id } => {
            let answer = api.post(&path(id, "/test"), Body::Empty)?;
            match text(&answer, "error") {
                "" => out.told(&answer, || "The test was taken.".to_owned()),
                error => Err(CliError::WebhookNotTaken {
                    error: error.to_owned(),
                    delivery: answer.clone(),
                }),
            }
        }
        Webhook::Pause { id } => {
            let answer = api.post(&path(id, "/pause"), Body::Empty)?;
            out.told(&answer, || {
                format!("Paused {}; nothing is lost.", text(&answer, "name"))
            })
        }
        Webhook::Resume { id } => {
            let answer = api.delete(&path(id, "/pause"))?;
            out.told(&answer, || {
                format!("{} goes on where it stopped.", text(&answer, "name"))
            })
        }
        Webhook::Remove { id } => {
            let answer = api.delete(&path(id, ""))?;
            out.told(&answer, || format!("Removed {}.", text(&answer, "name")))
        }
    }
}

/// The webhooks as a table, and below it why some are paused.
fn listed(webhooks: &Value) -> String {
    let items = api::items(webhooks);
    if items.is_empty() {
        return "No webhooks: `webhook add` adds one.".to_owned();
    }
    let mut rows = items.to_vec();
    let mut why = String::new();
    for row in &mut rows {
        let reason = text(row, "paused").to_owned();
        if !reason.is_empty() {
            why += &item(&format!("{}: {reason}", text(row, "name")));
        }
        row["paused"] = (!reason.is_empty()).into();
    }
    let columns = ["id", "name", "shape", "host", "paused", "failing_since"];
    let table = output::whole_table(&rows, &columns);
    if why.is_empty() {
        return table;
    }
    format!("{}\nWhy they are paused:\n{why}", table.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_webhook_is_listed_with_its_reason_whole_below_the_table() {
        let why = "added by or through olga, whose role is another one now";
        let hooks = json!([
            { "id": "0a1b2c3d4e5f6071", "name": "books", "shape": "json", "host": "hooks.treasury.example",
              "paused": why, "failing_since": 1_795_660_800 },
            { "id": "1a1b2c3d4e5f6071", "name": "chat", "shape": "slack", "host": "hooks.slack.example",
              "paused": null, "failing_since": null },
        ]);
        let told = listed(&hooks);
        assert!(told.contains(&format!("- books: {why}")), "{told}");
        let row = |name: &str| {
            told.lines()
                .find(|line| line.contains(name))
                .map(str::to_owned)
        };
        assert!(
            row("books ").is_some_and(|row| row.contains(" yes ")),
            "{told}"
        );
        assert!(
            row("chat ").is_some_and(|row| row.contains(" no ")),
            "{told}"
        );
        assert!(
            told.lines().all(|line| line.chars().count() <= 80),
            "{told}"
        );
        let none = listed(&json!([]));
        assert!(none.contains("`webhook add`"), "{none}");
    }
}
