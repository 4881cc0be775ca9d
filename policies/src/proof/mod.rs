//! Proof that a key is there, and of control over an address, by signatures that can move no money (BIP 322).
//!
//! What is signed is a transaction that spends the only output of another, and that other one can stand in no
//! block: its only input is that of a coinbase, whose script would have to begin with the block's height (BIP 34)
//! and begins with zero. Invariant: message and transactions are made here, from a policy and four plain facts;
//! nothing of a file is signed, and no signature counts that is not over them.

mod challenge;
mod day;
mod full;
mod message;
mod transactions;

pub use challenge::{Challenge, ChallengeError};
pub use day::{Day, DayError};
pub use full::{Full, FullError, verify_full};
pub use message::{IndexTooHigh, Place, Proof, Proven};
pub use transactions::{message_hash, to_sign, to_spend};

#[cfg(test)]
mod tests;
