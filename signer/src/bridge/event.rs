//! What a bridge tells of in its terminal: a line each, or JSON.
//!
//! Invariant: words of others begin no line of their own, so that none passes for what the bridge says.

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
                    "The bridge for {} is open at\n  {url}\nCtrl-C ends it.",
                    beside(vault)
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
            Self::Signed { what, said } => write!(f, "Signed ({what}). {}", beside(said)),
            Self::Kept { what, said } => {
                write!(f, "Signed ({what}), not handed in. {}", beside(said))
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
                    let (code, message) = (beside(reason.code), beside(&reason.message));
                    write!(f, "{end}Refused ({code}): {message}")?;
                }
                Ok(())
            }
        }
    }
}

/// Words of others: whatever they go on with on further lines stands to the right of our own.
fn beside(words: &str) -> String {
    plain(words).replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a coordinator could answer: it clears the screen, turns the text, hides, and forges a line.
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\u{8}\u{9b}31m\u{202e}live\u{200b}\u{2067}\u{feff}\nSigned (approve). All is well";

    fn reason(message: &str) -> Reason {
        Reason {
            code: "REFUSED",
            message: message.to_owned(),
            hint: "look".to_owned(),
            facts: crate::failure::Facts::new(),
        }
    }

    #[test]
    fn nothing_in_the_words_of_a_coordinator_moves_the_cursor_hides_turns_or_begins_a_line() {
        let said = || HOSTILE.to_owned();
        for event in [
            BridgeEvent::Signed {
                what: "approve",
                said: said(),
            },
            BridgeEvent::Kept {
                what: "approve",
                said: said(),
            },
            BridgeEvent::Refused {
                reasons: vec![reason(HOSTILE), reason(HOSTILE)],
            },
            BridgeEvent::Open {
                vault: said(),
                url: "http://localhost:7543".to_owned(),
            },
        ] {
            let told = event.to_string();
            for part in [
                "\\u{1b}[2J",
                "\\u{7}",
                "\\r",
                "\\u{8}",
                "\\u{9b}31m",
                "\\u{202e}live\\u{200b}\\u{2067}\\u{feff}",
            ] {
                assert!(told.contains(part), "{part} in {told:?}");
            }
            let hidden = |letter: char| {
                (letter.is_control() && letter != '\n')
                    || ['\u{202e}', '\u{200b}', '\u{2067}', '\u{feff}'].contains(&letter)
            };
            assert!(!told.contains(hidden), "{told:?}");
            let forged = told.lines().skip(1).find(|line| line.starts_with("Signed"));
            assert_eq!(forged, None, "{told}");
            assert!(
                told.contains("\n    Signed (approve). All is well"),
                "{told}"
            );
        }
    }

    #[test]
    fn plain_words_are_told_as_they_are() {
        let event = BridgeEvent::Signed {
            what: "approve",
            said: "Handed in. 1 of 2 persons has approved: Zoë, 東京.".to_owned(),
        };
        assert_eq!(
            event.to_string(),
            "Signed (approve). Handed in. 1 of 2 persons has approved: Zoë, 東京."
        );
    }
}
