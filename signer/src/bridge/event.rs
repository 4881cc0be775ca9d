//! What a bridge tells of in its terminal: a line each, or JSON.

use super::origin::Origin;
use crate::failure::{Reason, plain};
use serde::Serialize;
use std::fmt;

/// Something worth a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum BridgeEvent {
    /// The bridge can be reached.
    Open {
        /// The vault's name.
        vault: String,
        /// Where.
        url: String,
    },
    /// A code to pair with.
    Code {
        /// The port to type beside it.
        port: u16,
        /// The code.
        code: String,
        /// How long it counts.
        minutes: u64,
    },
    /// A page's origin was paired.
    Paired {
        /// The origin.
        origin: Origin,
    },
    /// A page opened an ask; the person answers in the browser.
    Asked {
        /// The origin.
        origin: Origin,
        /// What is asked for.
        what: &'static str,
        /// Over how many.
        count: usize,
    },
    /// It was signed and handed in.
    Signed {
        /// What was asked for.
        what: &'static str,
        /// What became of it.
        said: String,
    },
    /// It was signed, and lies in a file.
    Kept {
        /// What was asked for.
        what: &'static str,
        /// What became of it.
        said: String,
    },
    /// The person signed nothing.
    Declined {
        /// What was asked for.
        what: &'static str,
    },
    /// The coordinator does not answer as the bridge begins.
    Away {
        /// Every reason.
        reasons: Vec<Reason>,
    },
    /// Something was refused.
    Refused {
        /// Every reason.
        reasons: Vec<Reason>,
    },
}

impl fmt::Display for BridgeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { vault, url } => {
                write!(
                    f,
                    "The bridge for {vault} is open at\n  {url}\nCtrl-C ends it."
                )
            }
            Self::Code {
                port,
                code,
                minutes,
            } => {
                let (one, other) = code.split_at_checked(4).unwrap_or((code, ""));
                write!(
                    f,
                    "To pair a page, type there under Account, Bridge:\n  code {one} {other}   port {port}\n\
                     It counts once, for {minutes} minutes."
                )
            }
            Self::Paired { origin } => write!(f, "Paired with\n  {origin}"),
            Self::Asked {
                origin,
                what,
                count,
            } => {
                let count = match count {
                    0 | 1 => String::new(),
                    many => format!(" {many} at once"),
                };
                write!(
                    f,
                    "Asked to {what}{count}, by\n  {origin}\n  Answer in the browser."
                )
            }
            Self::Signed { what, said } => write!(f, "Signed ({what}). {}", plain(said)),
            Self::Kept { what, said } => {
                write!(f, "Signed ({what}), not handed in. {}", plain(said))
            }
            Self::Declined { what } => write!(f, "Declined ({what}). Nothing was signed."),
            Self::Away { reasons } => {
                for reason in reasons {
                    let (code, message) = (plain(reason.code), plain(&reason.message));
                    writeln!(f, "Warning ({code}): {message}")?;
                }
                write!(
                    f,
                    "The bridge opens all the same, and asks again with each page."
                )
            }
            Self::Refused { reasons } => {
                for (position, reason) in reasons.iter().enumerate() {
                    let end = if position == 0 { "" } else { "\n" };
                    let (code, message) = (plain(reason.code), plain(&reason.message));
                    write!(f, "{end}Refused ({code}): {message}")?;
                }
                Ok(())
            }
        }
    }
}
