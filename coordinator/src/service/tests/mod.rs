//! The service and its jobs on SQLite, with a chain that the tests write themselves.

mod bad_input;
mod chain;
mod crash;
mod exclusion;
mod flow;
mod histories;
mod intake;
mod journals;
mod own_spends;
mod renewals;
mod rivals;
mod tokens;
mod windows;
mod world;
