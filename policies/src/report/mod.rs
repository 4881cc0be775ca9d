//! Policies and their mistakes as text for people (at most 80 columns) and JSON for programs.

mod analysis;
mod difference;
mod json;
mod layout;
mod reach;
mod replay;
mod standing;
mod text;

pub(crate) use difference::words as change_words;
pub use difference::{difference, difference_json};
pub use json::json;
pub use reach::{reach, reach_json};
pub use replay::{replay, replay_json, replay_summary};
pub use standing::{next_steps, standing, standing_json};
pub use text::{mistakes, show};
pub(crate) use text::{quorum, rule_words, sat};

#[cfg(test)]
mod tests;
