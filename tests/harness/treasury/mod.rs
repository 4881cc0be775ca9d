//! A whole treasury: people with keys, a pinned policy, a running coordinator, and a node.

mod document;
mod people;

pub use self::document::AUTOMATIC_MAX_SAT;
pub use self::people::{People, requester_key};
