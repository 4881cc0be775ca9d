//! Which approvals an intent needs, and whether they are there.
//!
//! First match decides; nothing matching denies, with the reason why each rule did not match.
//! Approvals count persons, not keys, and the requester's own person never counts.

mod decide;
mod quorum;

pub use decide::{Decision, DenyReason, Miss, Missed, Requirement, decide};
pub use quorum::{Shortfall, approving_persons, satisfied};

#[cfg(test)]
mod tests;
