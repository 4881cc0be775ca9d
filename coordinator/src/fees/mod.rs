//! What is paid for a transaction, and when it is made to pay more. Pure.
//!
//! Invariant: nobody pays a feerate that no fresh estimate of a node in good health asks for, and no default stands in
//! where there is none: what cannot be known holds, by a name.

mod bump;
mod consolidation;
mod estimates;
mod policy;

pub use self::bump::{Beside, Held, Out, Rest, Turn, decide, within_budget};
pub use self::consolidation::{Consolidation, Weights, consolidate};
pub use self::estimates::{Estimates, Gap};
pub use self::policy::{
    Bump, FeePolicy, FeePolicyError, MOST_BLOCKS, MOST_RUNGS, UnknownBump, check_rungs,
};
