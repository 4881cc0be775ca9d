//! A file as one round of QR codes, for the browser to draw.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bitcoin::base64::Engine as _;
use bitcoin::base64::prelude::BASE64_STANDARD;
use policies::carrier::{
    Carrier, Density, Frames, FramesPerSecond, Payload, PayloadKind, QrVersion, Symbol, for_device,
};
use serde::{Deserialize, Serialize};

use super::{Refused, beside, enter, name_of};
use crate::ui::Ui;
use crate::ui::ceremony::answer;
use crate::ui::posted::Asked;
use crate::ui::visitor::Visitor;

/// A round that takes longer than this is told to be long.
const LONG_ROUND_S: u64 = 60;

/// How it is to be shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    /// `bbqr` or `ur`.
    carrier: String,
    /// `low`, `normal` or `high`, or a version of QR codes from 5 to 40.
    density: String,
    /// Anything where it is for a device that is not this program.
    device: String,
}

/// One round of codes.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    kind: &'static str,
    /// What it is, in words.
    what: String,
    bytes: usize,
    /// The modules of a side, with the light ones around.
    side: usize,
    /// Of each code its modules, row by row from the left, dark as 1, the first in the highest bit; in base64.
    frames: Vec<String>,
    /// Whether the reader can ask for single codes by their numbers.
    numbered: bool,
    /// Seconds of a round at four codes a second.
    seconds: u64,
    warnings: Vec<String>,
}

pub(super) async fn show(
    State(ui): State<Ui>,
    visitor: Visitor,
    Asked(wish): Asked<Wish>,
    body: Bytes,
) -> Response {
    let pass = match enter(&ui, &visitor) {
        Ok(pass) => pass,
        Err(busy) => return busy,
    };
    match beside(pass, move || shown(&wish, &body)).await {
        Ok(Ok(shown)) => answer(&shown),
        Ok(Err(refused)) => refused.into_response(),
        Err(failed) => failed,
    }
}

/// Draws a file's codes.
pub(super) fn shown(wish: &Wish, bytes: &[u8]) -> Result<Shown, Refused> {
    let (carrier, version) = wish.read()?;
    let payload = Payload::sniff(bytes)?;
    let stripped;
    let payload = if wish.device.is_empty() || payload.kind() != PayloadKind::Psbt {
        payload
    } else {
        stripped = for_device(payload.bytes()).map_err(|refusal| {
            let hint = "show it as it is, or bring the file";
            Refused::new(refusal.code(), &refusal.to_string(), hint)
        })?;
        Payload::sniff(&stripped)?
    };
    let frames = Frames::write(&payload, carrier, version)?;
    let seconds = frames.seconds(FramesPerSecond::NORMAL);
    let symbols = frames.symbols();
    let side = symbols.first().map_or(0, Symbol::side);
    Ok(Shown {
        kind: name_of(payload.kind()),
        what: payload.kind().to_string(),
        bytes: payload.bytes().len(),
        side,
        frames: symbols.iter().map(packed).collect(),
        numbered: carrier == Carrier::Bbqr,
        seconds,
        warnings: warnings(seconds),
    })
}

impl Wish {
    fn read(&self) -> Result<(Carrier, QrVersion), Refused> {
        let unknown = |what: &str| {
            let words = format!("nothing is shown as {what:?}");
            Refused::new(
                "bad_request",
                &words,
                "load the page again and try once more",
            )
        };
        let carrier = match self.carrier.as_str() {
            "" | "bbqr" => Carrier::Bbqr,
            "ur" => Carrier::Ur,
            other => return Err(unknown(other)),
        };
        let version = match self.density.as_str() {
            "low" => Density::Low.version(carrier),
            "" | "normal" => Density::Normal.version(carrier),
            "high" => Density::High.version(carrier),
            number => number
                .parse()
                .ok()
                .and_then(QrVersion::new)
                .ok_or_else(|| unknown(number))?,
        };
        Ok((carrier, version))
    }
}

/// The modules of a code, eight a byte.
fn packed(symbol: &Symbol) -> String {
    let side = symbol.side();
    let modules: Vec<bool> = (0..side)
        .flat_map(|y| (0..side).map(move |x| (x, y)))
        .map(|(x, y)| symbol.is_dark(x, y))
        .collect();
    let bytes: Vec<u8> = modules
        .chunks(8)
        .map(|eight| {
            let bits = eight.iter().zip((0..8).rev());
            bits.fold(0, |byte, (dark, place)| byte | (u8::from(*dark) << place))
        })
        .collect();
    BASE64_STANDARD.encode(bytes)
}

fn warnings(seconds: u64) -> Vec<String> {
    let words = format!(
        "One round takes {seconds} seconds at four codes a second. A higher density takes fewer codes, if the camera \
         reads them; a file is quicker."
    );
    (seconds > LONG_ROUND_S)
        .then_some(words)
        .into_iter()
        .collect()
}

#[cfg(test)]
impl Wish {
    pub(super) fn of(carrier: &str, density: &str) -> Self {
        Self {
            carrier: carrier.to_owned(),
            density: density.to_owned(),
            device: String::new(),
        }
    }
}
