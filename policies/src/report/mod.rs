//! Policies and their mistakes as text for people (at most 80 columns) and JSON for programs.

mod analysis;
mod json;
mod layout;
mod text;

pub use json::json;
pub use text::{mistakes, show};

#[cfg(test)]
mod tests;
