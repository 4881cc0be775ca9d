//! What the papers that people and signers keep say of a vault whose database is lost. Pure.
//!
//! [`read`] tells what a file is; [`Gathered`] takes one paper after another, in any order and as often as one
//! likes, and believes none further than its own signature goes: an intent under its requester's key, a
//! verdict under its approver's, a journal under its own. What the chain shows is not asked here.
//!
//! Invariant: what was gathered depends on the papers alone, never on their order; nothing is left out
//! silently: each paper is taken, is known already, or is refused with a reason.

mod attempt;
mod gathered;
mod line;
mod mistake;
mod paper;

#[cfg(all(test, feature = "daemon"))]
mod tests;

pub use attempt::{Remembered, weight_of};
pub use gathered::{Gathered, Issued, Requested, SaidOfList, Taken, Verdict};
pub use line::{Followed, Line, Tree};
pub use mistake::Mistake;
pub use paper::{Closed, Paper, PaperError, read};
