//! The service and its jobs on SQLite, with a chain that the tests write themselves.

mod bad_input;
mod chain;
mod crash;
mod flow;
mod tokens;
mod world;
