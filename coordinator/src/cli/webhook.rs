//! `webhook`: add, list, show, test, pause, resume and remove webhooks.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::CliError;
use super::answer::text;
use super::api::{self, Api, Body};
use super::output::Output;

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
        /// Only events whose kind begins so, such as `withdrawal.`; repeatable.
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
    /// Send a test now, and say what was answered.
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
            let columns = ["id", "name", "shape", "host", "paused", "failing_since"];
            out.table(&api.get("/webhooks")?, &columns, "No webhooks.")
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
            out.told(&answer, || match text(&answer, "error") {
                "" => "The test was taken.".to_owned(),
                error => format!("The test was not taken: {error}"),
            })
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
