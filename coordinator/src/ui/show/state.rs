//! States as chips: the word says it, the colour only helps.

use std::fmt;

use askama::filters::HtmlSafe;

use super::escaped;

/// A state by its stable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State(String);

impl State {
    /// The chip of a state.
    pub(crate) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.0.as_str() {
            "settled" | "in force" | "in_force" | "active" | "delivered" | "ok" | "approved"
            | "released" => " chip-good",
            "requested" | "unconfirmed" | "cooling" | "proposed" | "held" | "away" | "leaving"
            | "frozen" | "announced" | "waiting" | "paused" => " chip-warn",
            "rejected" | "failed" | "dead" | "gone" | "reversed" | "stopped" | "stolen"
            | "lost" | "revoked" | "parked" | "trouble" => " chip-bad",
            "batched" | "signing" | "issued" | "signed" | "broadcast" | "broadcasting"
            | "in_mempool" | "confirmed" => " chip-busy",
            _ => "",
        };
        let words = self.0.replace('_', " ");
        write!(f, "<span class=\"chip{class}\">{}</span>", escaped(&words))
    }
}

impl HtmlSafe for State {}
