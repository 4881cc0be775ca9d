//! What a camera read, as the file that it is.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use policies::carrier::{CarrierError, Collected, Collector, Payload, PayloadKind, Progress};
use policies::psbt::read_intake;
use serde::Serialize;
use serde_json::Value;

use super::{Refused, beside, enter, name_of};
use crate::ui::Ui;
use crate::ui::ceremony::answer;
use crate::ui::visitor::Visitor;

/// The most codes of one transfer: more than the most fragments that are read.
pub(super) const MAX_LINES: usize = 2_500;

/// What the codes make up so far.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Scanned {
    /// All of it, in base64.
    Whole {
        whole: String,
        kind: &'static str,
        /// What it is, in words.
        what: String,
        /// A name for the file. It says nothing that is believed.
        name: String,
    },
    /// A part of it.
    Partly {
        have: usize,
        of: usize,
        /// The numbers that are missing, where the carrier counts.
        missing: Option<Vec<usize>>,
        /// Why the last of those that were passed over was.
        aside: Option<Value>,
    },
}

pub(super) async fn scan(State(ui): State<Ui>, visitor: Visitor, body: Bytes) -> Response {
    let pass = match enter(&ui, &visitor) {
        Ok(pass) => pass,
        Err(busy) => return busy,
    };
    match beside(pass, move || scanned(&body)).await {
        Ok(Ok(scanned)) => answer(&scanned),
        Ok(Err(refused)) => refused.into_response(),
        Err(failed) => failed,
    }
}

/// Puts the lines together, each the text of a code, in any order.
pub(super) fn scanned(lines: &[u8]) -> Result<Scanned, Refused> {
    let text = std::str::from_utf8(lines).map_err(|_| CarrierError::NotAFrame)?;
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found = lines().count();
    if found > MAX_LINES {
        let words = format!("{found} codes, at most {MAX_LINES} are put together");
        let hint = "start anew, with one series of codes in sight; or bring the file";
        return Err(Refused::new("CARRIER_TOO_LARGE", &words, hint));
    }
    let mut collector = Collector::new();
    let mut aside = None;
    for line in lines() {
        match collector.take(line) {
            Ok(Collected::Whole(payload)) => return Ok(Scanned::whole(&payload)),
            Ok(Collected::Partly(_)) => {}
            Err(error) if error.ends_the_transfer() => return Err(error.into()),
            Err(error) => aside = Some(Refused::from(error)),
        }
    }
    match (collector.progress(), aside) {
        (Some(Progress { have, of, missing }), aside) => Ok(Scanned::Partly {
            have,
            of,
            missing,
            aside: aside.map(|refused| refused.told()),
        }),
        (None, Some(refused)) => Err(refused),
        (None, None) => Err(CarrierError::Empty.into()),
    }
}

impl Scanned {
    fn whole(payload: &Payload) -> Self {
        let kind = payload.kind();
        let txid = match kind {
            PayloadKind::Psbt | PayloadKind::Transaction => {
                let intake = read_intake(payload.bytes()).ok();
                intake.map(|intake| intake.txid.to_string())
            }
            PayloadKind::Json | PayloadKind::Text | PayloadKind::Binary => None,
        };
        let (stem, named) = match &txid {
            Some(txid) => {
                let short: String = txid.chars().take(8).collect();
                (
                    format!("scanned-{short}"),
                    format!(", transaction {short}…"),
                )
            }
            None => ("scanned".to_owned(), String::new()),
        };
        let ending = match kind {
            PayloadKind::Psbt => "psbt",
            PayloadKind::Transaction => "txn",
            PayloadKind::Json => "json",
            PayloadKind::Text => "txt",
            PayloadKind::Binary => "bin",
        };
        Self::Whole {
            kind: name_of(kind),
            what: format!("{kind} of {} bytes{named}", payload.bytes().len()),
            name: format!("{stem}.{ending}"),
            whole: BASE64_STANDARD.encode(payload.bytes()),
        }
    }
}
