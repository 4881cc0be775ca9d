//! `policy propose`, `versions`, `file`, `adopt` and `standing`, `signer mark`: policies that change, at a running
//! coordinator.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use policies::succession::SuccessionFile;
use serde_json::{Value, json};

use super::CliError;
use super::answer::{list, moment, number, text};
use super::api::{self, Api, Body};
use super::layout::{Lines, item, paragraph};
use super::output::Output;

/// Hand in a next version, or more signatures under it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator policy propose next.json")]
pub(super) struct Propose {
    /// What `countersign-signer policy propose` and `policy approve` wrote.
    file: PathBuf,
    /// Do not refuse it for devices that cannot sign it as far as is known here.
    #[arg(long)]
    despite_devices: bool,
}

/// Write the file of a version with all signatures that are known.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator policy file ID > next.json")]
pub(super) struct File {
    /// Its id.
    id: String,
}

/// Put a version in force whose delay is over; one of rules alone follows by itself.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign-coordinator policy adopt ID --preview")]
pub(super) struct Adopt {
    /// Its id.
    id: String,
    /// Only say what becomes of every open withdrawal.
    #[arg(long)]
    preview: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Signer {
    /// Mark a signer, and show who can still sign and what to do first.
    #[command(
        after_help = "Example:\n  countersign-coordinator signer mark bob lost --reason sunk"
    )]
    Mark {
        /// The signer's name in the policy.
        name: String,
        /// How it is gone, or that it is present again.
        mark: Mark,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Show who can sign, how many more may go, and what to do first.
    #[command(after_help = "Example:\n  countersign-coordinator signer standing")]
    Standing,
}

/// How a signer is gone.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Mark {
    /// Nobody has the key any more.
    Lost,
    /// A thief may have the key.
    Stolen,
    /// Cannot sign now, and comes back.
    Away,
    /// Can sign now, and soon no more.
    Leaving,
    /// Signs as before.
    Present,
}

impl Propose {
    pub(super) fn run(&self, api: &Api, out: &Output) -> Result<(), CliError> {
        let file = api::read(&self.file)?;
        let file = String::from_utf8(file).map_err(|_| CliError::Usage {
            message: format!("{} is not UTF-8 text", self.file.display()),
        })?;
        let path = format!("{}/successions", api.vault_path()?);
        let mut asked = json!({ "file": file });
        if self.despite_devices {
            asked["despite_devices"] = json!(true);
        }
        let answer = api.post(&path, Body::Json(asked))?;
        out.told(&answer, || proposal(&answer))
    }
}

impl File {
    pub(super) fn run(&self, api: &Api, out: &Output) -> Result<(), CliError> {
        let answer = api.get(&format!("{}/successions", api.vault_path()?))?;
        let mut texts = api::items(&answer).iter().filter_map(Value::as_str);
        let is_it = |text: &&str| {
            SuccessionFile::read(text.as_bytes())
                .is_ok_and(|file| file.version().to_string() == self.id)
        };
        let found = texts.find(is_it).ok_or_else(|| CliError::Usage {
            message: format!("no version {} is proposed or in force", self.id),
        })?;
        out.bytes(format!("{found}\n").as_bytes())
    }
}

impl Adopt {
    pub(super) fn run(&self, api: &Api, out: &Output) -> Result<(), CliError> {
        let id = api::segment(&self.id);
        let path = format!("{}/versions/{id}/adoption", api.vault_path()?);
        let answer = api.post(&path, Body::Json(json!({ "preview": self.preview })))?;
        out.told(&answer, || {
            let mut told = format!("{}\n", paragraph(text(&answer, "says"), 0));
            for one in list(&answer, "withdrawals") {
                told += &item(&format!(
                    "{}/{} ({}): {}",
                    text(one, "requester"),
                    text(one, "id"),
                    text(one, "state"),
                    text(one, "says")
                ));
            }
            told
        })
    }
}

/// Lists the versions in force and those proposed.
pub(super) fn versions(api: &Api, out: &Output) -> Result<(), CliError> {
    let answer = api.get(&format!("{}/versions", api.vault_path()?))?;
    out.told(&answer, || {
        let mut told = "In force, the oldest first\n".to_owned();
        for version in list(&answer, "versions") {
            let lines = Lines::default()
                .with("version", number(version, "version"))
                .with("alters", text(version, "step"))
                .with("policy", text(version, "policy"))
                .with("keyset", text(version, "keyset"))
                .with("since", moment(version, "since"));
            told += &lines.text();
            if let Some(says) = version["reach"]["says"].as_str() {
                told += &format!("{says}\n");
            }
        }
        for one in list(&answer, "proposals") {
            told += &format!("\n{}", proposal(one));
        }
        told
    })
}

pub(super) fn run(verb: &Signer, api: &Api, out: &Output) -> Result<(), CliError> {
    let vault = api.vault_path()?;
    let answer = match verb {
        Signer::Standing => api.get(&format!("{vault}/standing"))?,
        Signer::Mark { name, mark, reason } => {
            let mark = match mark {
                Mark::Lost => "lost",
                Mark::Stolen => "stolen",
                Mark::Away => "away",
                Mark::Leaving => "leaving",
                Mark::Present => "present",
            };
            let path = format!("{vault}/signers/{}/mark", api::segment(name));
            api.put(&path, Body::Json(json!({ "mark": mark, "reason": reason })))?
        }
    };
    out.told(&answer, || text(&answer, "says").to_owned())
}

fn proposal(proposal: &Value) -> String {
    let lines = Lines::default()
        .with("policy", text(proposal, "policy"))
        .with("state", text(proposal, "state"))
        .with("alters", text(proposal, "step"))
        .with("proposed", moment(proposal, "proposed_at"));
    let mut told = format!(
        "Proposed version {}\n{}{}\n",
        number(proposal, "version"),
        lines.text(),
        paragraph(text(proposal, "says"), 0)
    );
    for fault in list(proposal, "not_counted") {
        told += &item(&format!(
            "not counted: {}",
            fault.as_str().unwrap_or_default()
        ));
    }
    told
}
