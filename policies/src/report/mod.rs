//! Policies and their mistakes as text for people (at most 80 columns) and JSON for programs.

mod analysis;
mod difference;
mod json;
mod layout;
mod reach;
mod replay;
mod standing;
mod text;

pub use analysis::{automatic_words, days, device_lines, page_words, tolerance_words};
pub use difference::{change_words, difference, difference_json, new_findings, step_words};
pub use json::json;
pub(crate) use layout::wrap;
pub use reach::{force_words, reach, reach_json, reach_summary};
pub use replay::{outcome_words, replay, replay_json, replay_summary};
pub use standing::{first_steps, next_steps, standing, standing_json};
pub(crate) use text::sat;
pub use text::{
    limit_facts, mistakes, open_words, quorum, quorum_facts, recovery_words, rule_words, show,
};

#[cfg(test)]
mod tests;
