//! Every word that a person reads before they sign: of reviews, intents, verdicts and list entries.
//!
//! One folder, so that the words can be reviewed and translated; terminals and pages only lay them out.
//! Invariant: amounts, addresses and durations are written alike everywhere, by `layout` alone.

mod asked;
mod device;
mod html;
mod intent;
mod ladder;
mod layout;
mod review;
mod statement;
mod told;
mod verdict;
mod version;

pub use asked::{Matter, matter_button, matter_summary, matter_title};
pub use device::device_text;
pub use html::escaped;
pub use intent::{intent_told, request_told};
pub use ladder::ladder_text;
pub use layout::{count, thousands};
pub(crate) use review::warnings;
pub use review::{refusal_text, review_text};
pub use statement::{statement_text, statement_told};
pub use told::Told;
pub use verdict::{verdict_button, verdict_done, verdict_question, verdict_summary, verdict_title};
pub use version::version_told;

#[cfg(all(test, feature = "signing"))]
mod tests;
