//! The service and its jobs on SQLite, with a chain that the tests write themselves.

mod acks;
mod address_book;
mod bad_input;
mod chain;
mod crash;
mod exclusion;
mod flow;
mod following;
mod histories;
mod intake;
mod journals;
mod own_spends;
mod queue;
mod rebuilding;
mod rebuilds;
mod rehearsal;
mod remembering;
mod renewals;
mod reorged;
mod rivals;
mod signers;
mod stops;
mod tokens;
mod versions;
mod voids;
mod windows;
pub(crate) mod world;
