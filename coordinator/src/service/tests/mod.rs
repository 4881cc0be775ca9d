//! The service and its jobs on SQLite, with a chain that the tests write themselves.

mod acks;
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
mod people;
mod queue;
mod rebuilding;
mod rebuilds;
mod rehearsal;
mod remembering;
mod renewals;
mod reorged;
mod rivals;
mod stops;
mod tokens;
mod versions;
mod voids;
mod windows;
mod world;
