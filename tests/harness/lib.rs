//! The world that scenarios and the demo act in: a real node, a real database, real processes.
//!
//! Every world has folders, ports, a chain and a database of its own, so that all tests run side by
//! side, and everything it started ends with it: on drop, and even if the test itself is killed.
//! Nothing is skipped when a part of the world is missing; the test fails and says what to install.

#[path = "../adversaries/mod.rs"]
pub mod adversaries;
mod api;
mod browser;
mod clock;
mod coordinator;
mod copying;
mod database;
mod emulator;
mod environment;
mod failure;
mod fault_proxy;
mod front;
mod mail;
mod node;
mod postgres;
mod process;
mod program;
mod receiver;
pub mod showcase;
mod signer_home;
mod stick;
mod treasury;
mod wait;
mod web;

pub use self::api::{Answer, Api, items};
pub use self::browser::{Browser, Camera, Screen, film};
pub use self::clock::now;
pub use self::coordinator::{Coordinator, ENGINES, Settings};
pub use self::database::{Backup, Store};
pub use self::emulator::{Emulator, Pressing, note};
pub use self::environment::{bhwi, python_of_mail};
pub use self::failure::{Failure, Outcome};
pub use self::fault_proxy::{Fault, FaultProxy};
pub use self::front::Front;
pub use self::mail::{Mail, MailServer};
pub use self::node::{Bitcoind, Purse, Reorg, RpcError};
pub use self::postgres::{Postgres, Role};
pub use self::process::Process;
pub use self::program::{Program, Said};
pub use self::receiver::{Call, Receiver};
pub use self::signer_home::{SignerHome, field};
pub use self::stick::Stick;
pub use self::treasury::{AUTOMATIC_MAX_SAT, People, Terms, Treasury, hot_wallet, requester_key};
pub use self::wait::{LONG, SHORT, wait_until};
pub use self::web::{Seen, Web, form};
pub use policies::ScriptKind;
pub use watchtower::store::database::Engine;
