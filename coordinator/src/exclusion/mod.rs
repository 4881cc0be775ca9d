//! How a new transaction that pays withdrawals is made exclusive with all that was ever issued for their
//! lines (money rule M2), and what that means for whoever decides about it. Pure.
//!
//! [`Earlier`] is one transaction that was issued; "dead" is never a reason to leave one out. A coin
//! *excludes* it if the earlier transaction, or an ancestor that its file carried, spends that coin; or if
//! the transaction that made the coin, or an ancestor of that one, spends an outpoint that the earlier one
//! or its ancestors spend under another txid: then the bytes from the coin down to there are carried
//! (manifest record 20). What descends from the earlier transaction itself never excludes it, and the null
//! outpoint of a coinbase is nobody's coin. [`anchors()`] finds a smallest set of usable coins that together
//! exclude all, or says which earlier transaction stands against it and why.
//!
//! Invariant: a transaction that spends [`Anchors::required`], carries [`Anchors::carried`] and spends none
//! of [`Anchors::barred`] is admitted by every journal that holds no more than the earlier transactions
//! given. The judge in the tests is `policies::journal::History`, which shares no code with this search.

mod ancestry;
mod anchors;
mod earlier;
mod preview;
mod search;
mod sparing;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

pub use anchors::{Anchors, CannotBeExclusive, Excluded, SpentInput, WhyNot, anchors, bare};
pub use earlier::{Earlier, EarlierError, of_lines};
pub use preview::{Fate, Planned, Preview, WithdrawalFate};
pub use sparing::{frozen_among, sparing_anchors};

/// The most ancestors that a file carries (docs/formats.md F5).
pub const MAX_ANCESTORS: usize = 200;
/// The most inputs that all of them have together: signers remember each for ever.
pub const MAX_ANCESTOR_INPUTS: usize = 2_000;
