//! Which approvals an intent needs, and whether they are there.
//!
//! First match decides; nothing matching denies, with the reason why each rule did not match.
//! Approvals count persons, not keys, and the requester's own person never counts. The same function
//! decides when a withdrawal is submitted, a transaction built, an attempt issued and signed; what differs
//! is only the [`Standing`].

mod allowance;
mod decide;
mod entitlement;
mod miss;
mod open_list;
mod prospect;
mod quorum;
mod replay;
mod shown;
mod standing;
mod stopping;
mod windows;

pub use allowance::{Allowance, Freed};
pub use decide::{Decision, DenyReason, Requirement, decide, misses};
pub use entitlement::{Entitlement, entitlement};
pub use miss::{Miss, Missed};
pub use open_list::{ListEntry, OpenLists, UsableEntry, persons_of};
pub use prospect::{ListProspect, Prospect, prospects};
pub use quorum::{Shortfall, approving_persons, is_behind, page_persons, satisfied};
pub use replay::{Outcome, Past, Replay, Replayed, replay};
pub use shown::{EntriesShown, Said};
pub use standing::Standing;
pub use stopping::{GoRefusal, WrongStop, heard, journal_of_key, may_go, signed_stop, stopping};
pub use windows::Windows;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod miss_tests;
