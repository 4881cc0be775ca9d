//! `ceremony`: several persons set up a vault, or fill the seat of a signer who is replaced.

mod board;
mod own;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{list as list_of, text};
use super::api::{self, Api, Body};
use super::output::Output;
use super::{CliError, Connection};
use crate::service::ceremonies::filling::HandIn;

#[derive(Debug, Subcommand)]
pub(super) enum Ceremony {
    /// Begin the ceremony of a new vault, with a seat for each signer.
    #[command(
        override_usage = "countersign-coordinator ceremony new [OPTIONS]\n       --seat <NAME[=PERSON]> <NAME>",
        after_help = "Example:\n  countersign-coordinator ceremony new cold --seat alice --seat bob=robert"
    )]
    New {
        /// What it is called, such as the vault's name.
        name: String,
        /// A signer's name in the policy, and its person where the name is another one; once for each.
        #[arg(long = "seat", value_name = "NAME[=PERSON]", required = true, value_parser = seat)]
        seats: Vec<(String, Option<String>)>,
    },
    /// Begin a ceremony in which signers of a vault are replaced.
    #[command(
        override_usage = "countersign-coordinator ceremony replace [OPTIONS]\n       --seat <NAME[=PERSON]> <NAME>",
        after_help = "Example:\n  countersign-coordinator ceremony replace erin --seat carol=erin"
    )]
    Replace {
        /// What it is called.
        name: String,
        /// A signer of the vault, and who holds the new key where that is another person; once for each.
        #[arg(long = "seat", value_name = "NAME[=PERSON]", required = true, value_parser = seat)]
        seats: Vec<(String, Option<String>)>,
    },
    /// List ceremonies, the open ones first.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony list")]
    List,
    /// Show the board of one: each seat's state, and what is next.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony show ID")]
    Show {
        /// Its id.
        id: String,
    },
    /// Make a link to a seat; the one before opens nothing any more. It opens once, within two days.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony invite ID alice > link.txt"
    )]
    Invite {
        /// The ceremony's id.
        id: String,
        /// The seat.
        seat: String,
    },
    /// Hand in the key of a seat for a person who sent its record on another way.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony seat ID alice alice.toml")]
    Seat {
        /// The ceremony's id.
        id: String,
        /// The seat.
        seat: String,
        #[command(flatten)]
        key: Key,
    },
    /// Empty a seat. With its key go the document, and all that was confirmed of it.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony empty ID alice")]
    Empty {
        /// The ceremony's id.
        id: String,
        /// The seat.
        seat: String,
    },
    /// Print the records of the seats, for the policy document.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony records ID > signers.toml"
    )]
    Records {
        /// The ceremony's id.
        id: String,
    },
    /// Set the document. Another one voids every confirmation.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony draft ID policy.toml")]
    Draft {
        /// The ceremony's id.
        id: String,
        /// The document. None writes the next version of a vault from the records.
        file: Option<PathBuf>,
        /// Do not refuse it for devices that cannot sign it as far as is known here.
        #[arg(long)]
        despite_devices: bool,
    },
    /// Make what all have confirmed active: add the vault, or propose the version.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony activate ID")]
    Activate {
        /// The ceremony's id.
        id: String,
    },
    /// End a ceremony of which nothing is to come.
    #[command(after_help = "Example:\n  countersign-coordinator ceremony end ID")]
    End {
        /// The ceremony's id.
        id: String,
    },
    /// Use a link to your seat up; prints the token of your sitting, this once. Needs no token.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony join link.txt > sitting.token"
    )]
    Join {
        /// A file with the link, or - for standard input: in arguments everybody on this machine could read it.
        #[arg(value_name = "FILE")]
        link: PathBuf,
    },
    /// Show your own seat, with the token of your sitting.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony own --token-file sitting.token"
    )]
    Own,
    /// Hand in your own key, with the token of your sitting.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony hand-in a.toml --token-file s.token"
    )]
    HandIn {
        #[command(flatten)]
        key: Key,
    },
    /// Fetch the document to be confirmed, with the token of your sitting.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony document --token-file s.token > p.toml"
    )]
    Document,
    /// Say that you compared words and first address with another person by voice.
    #[command(
        override_usage = "countersign-coordinator ceremony confirm [OPTIONS] --with <SEAT>\n       --first <WORD> --last <WORD> --same-address <FILE>",
        after_help = "Example:\n  countersign-coordinator ceremony confirm p.toml --with bob \\\n      --first abandon --last zoo --same-address"
    )]
    Confirm {
        /// The document that you fetched and looked at with your own tool.
        file: PathBuf,
        /// The seat of the person who read the words out.
        #[arg(long, value_name = "SEAT")]
        with: String,
        /// The first word that you heard.
        #[arg(long, value_name = "WORD")]
        first: String,
        /// The last word that you heard.
        #[arg(long, value_name = "WORD")]
        last: String,
        /// The first address was the same, too.
        #[arg(long)]
        same_address: bool,
    },
    /// Say that your own tool and device are ready for the document.
    #[command(
        after_help = "Example:\n  countersign-coordinator ceremony ready p.toml --token-file s.token"
    )]
    Ready {
        /// The document that you compared.
        file: PathBuf,
    },
}

/// A key to hand in.
#[derive(Debug, Args)]
pub(super) struct Key {
    /// What countersign-signer keygen or import printed, or a BIP 129 key record.
    file: PathBuf,
    /// The journal key, where the record has none.
    #[arg(
        long,
        value_name = "KEY",
        default_value = "",
        hide_default_value = true
    )]
    journal: String,
    /// What holds the key, such as ledger, where the record does not say.
    #[arg(
        long,
        value_name = "KIND",
        default_value = "",
        hide_default_value = true
    )]
    device: String,
    /// The device's firmware.
    #[arg(
        long,
        value_name = "VERSION",
        default_value = "",
        hide_default_value = true
    )]
    firmware: String,
    /// The day the seed was made, such as 2026-11-27.
    #[arg(
        long,
        value_name = "DAY",
        default_value = "",
        hide_default_value = true
    )]
    seed_created: String,
}

impl Key {
    fn handed(&self) -> Result<Value, CliError> {
        let record = api::read(&self.file)?;
        Ok(json!(HandIn {
            record: String::from_utf8_lossy(&record).into_owned(),
            journal: self.journal.clone(),
            kind: self.device.clone(),
            firmware: self.firmware.clone(),
            seed_created: self.seed_created.clone(),
        }))
    }
}

fn seat(text: &str) -> Result<(String, Option<String>), &'static str> {
    match text.split_once('=') {
        Some(("", _) | (_, "")) => Err("not NAME or NAME=PERSON"),
        Some((name, person)) => Ok((name.to_owned(), Some(person.to_owned()))),
        None => Ok((text.to_owned(), None)),
    }
}

pub(super) fn run(verb: &Ceremony, connection: &Connection, out: &Output) -> Result<(), CliError> {
    if let Ceremony::Join { link } = verb {
        return own::join(&Api::without_token(connection), link, out);
    }
    let api = Api::connect(connection)?;
    let at = |id: &str| format!("/ceremonies/{}", api::segment(id));
    let at_seat = |id: &str, seat: &str| format!("{}/seats/{}", at(id), api::segment(seat));
    match verb {
        Ceremony::New { name, seats } => begin(&api, name, seats, None, out),
        Ceremony::Replace { name, seats } => {
            let path = api.vault_path()?;
            let vault = path.rsplit('/').next().unwrap_or_default();
            begin(&api, name, seats, Some(vault), out)
        }
        Ceremony::List => out.table(
            &api.get("/ceremonies")?,
            &["id", "name", "step", "created_at", "created_by"],
            "No ceremony yet: `ceremony new NAME --seat SEAT …` begins one.",
        ),
        Ceremony::Show { id } => board::told(&api.get(&at(id))?, out),
        Ceremony::Invite { id, seat } => {
            let link = api.post(&format!("{}/link", at_seat(id, seat)), Body::Empty)?;
            board::invited(&link, out)
        }
        Ceremony::Seat { id, seat, key } => {
            let body = Body::Json(key.handed()?);
            board::told(&api.put(&at_seat(id, seat), body)?, out)
        }
        Ceremony::Empty { id, seat } => board::told(&api.delete(&at_seat(id, seat))?, out),
        Ceremony::Records { id } => {
            let board = api.get(&at(id))?;
            let records = list_of(&board, "seats").iter();
            let records: Vec<&str> = records.map(|seat| text(seat, "record")).collect();
            out.told(&json!(records), || records.join("\n"))
        }
        Ceremony::Draft {
            id,
            file,
            despite_devices,
        } => {
            let document = file.as_deref().map(document_of).transpose()?;
            let asked = json!({ "document": document, "despite_devices": despite_devices });
            board::told(
                &api.put(&format!("{}/draft", at(id)), Body::Json(asked))?,
                out,
            )
        }
        Ceremony::Activate { id } => {
            let active = api.post(&format!("{}/activation", at(id)), Body::Empty)?;
            out.told(&active, || board::active(&active))
        }
        Ceremony::End { id } => board::told(&api.delete(&at(id))?, out),
        Ceremony::Join { link } => own::join(&api, link, out),
        Ceremony::Own => own::told(&api.get("/sitting")?, out),
        Ceremony::HandIn { key } => {
            let body = Body::Json(key.handed()?);
            own::told(&api.put("/sitting/record", body)?, out)
        }
        Ceremony::Document => own::document(&api.get("/sitting")?, out),
        Ceremony::Confirm {
            file,
            with,
            first,
            last,
            same_address,
        } => {
            let asked = json!({
                "policy": own::id_of(file)?, "with": with, "first_word": first, "last_word": last,
                "same_address": same_address,
            });
            own::told(&api.post("/sitting/comparison", Body::Json(asked))?, out)
        }
        Ceremony::Ready { file } => {
            let asked = json!({ "policy": own::id_of(file)? });
            own::told(&api.post("/sitting/readiness", Body::Json(asked))?, out)
        }
    }
}

fn document_of(file: &std::path::Path) -> Result<String, CliError> {
    String::from_utf8(api::read(file)?).map_err(|_| CliError::Usage {
        message: format!("{} is not UTF-8 text", file.display()),
    })
}

fn begin(
    api: &Api,
    name: &str,
    seats: &[(String, Option<String>)],
    vault: Option<&str>,
    out: &Output,
) -> Result<(), CliError> {
    let seats: Vec<Value> = seats
        .iter()
        .map(|(name, person)| json!({ "name": name, "person": person }))
        .collect();
    let asked = json!({ "name": name, "vault": vault, "seats": seats });
    board::told(&api.post("/ceremonies", Body::Json(asked))?, out)
}
