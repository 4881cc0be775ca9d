//! The service and its jobs on SQLite, with a chain that the tests write themselves.

mod bad_input;
mod chain;
mod crash;
mod flow;
mod intake;
mod journals;
mod own_spends;
mod tokens;
mod windows;
mod world;
