//! The state machines of a payment: pure, data-carrying, one guarded `apply` each.

pub mod attempt;
pub mod collection;
pub mod withdrawal;
