//! What stands on pages again and again, as safe HTML: amounts, addresses, times, states, strangers' words.
//!
//! Invariant: whatever comes from outside is escaped here, and what could disguise it is made visible.

mod address;
mod ask;
mod cause;
mod hint;
mod moment;
mod money;
mod outside;
mod state;
mod stop_banner;
mod waiting;

pub(crate) use address::{Address, TxidText};
pub(crate) use ask::{Ask, Command};
pub(crate) use cause::Cause;
pub(crate) use hint::Hint;
pub(crate) use moment::{Ago, Moment, duration};
pub(crate) use money::{Money, Unit};
pub(crate) use outside::Outside;
pub(crate) use state::State;
pub(crate) use stop_banner::{StopBanner, stop_banner};
pub(crate) use waiting::{Waiting, waiting_line};

/// Writes a text so that HTML takes it for nothing but text, in content and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
