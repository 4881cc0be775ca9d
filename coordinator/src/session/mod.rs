//! The state machines of a payment: pure, data-carrying, one guarded `apply` each.
//!
//! Invariant: the live state is what replaying the stored events gives. An illegal transition is an
//! error that names both ends, never a silent repair.

pub mod attempt;
pub mod batch_id;
pub mod collection;
pub mod following;
pub mod withdrawal;

pub use batch_id::BatchId;

/// An event that the state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {machine} that is {from} cannot become {to}")]
pub struct IllegalTransition {
    /// Which machine.
    pub machine: &'static str,
    /// The name of the state it is in.
    pub from: &'static str,
    /// The name of the state the event would lead to.
    pub to: &'static str,
}
