//! The watchtower follows the chain and keeps the books: deposits, coins, spends, outgoing
//! transactions, the double-entry ledger and the event log.
//!
//! `tracker` decides and is pure: observations in, changes out. `store` keeps what was decided,
//! `bitcoind` speaks to the node, `daemon` connects them.

pub mod alarm;
pub mod answer;
#[cfg(feature = "daemon")]
pub mod bitcoind;
pub mod canonical;
#[cfg(feature = "daemon")]
pub mod clock;
#[cfg(feature = "daemon")]
pub mod command_line;
#[cfg(feature = "daemon")]
pub mod configuration;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod ledger;
#[cfg(feature = "daemon")]
pub mod own;
pub mod reconciling;
#[cfg(feature = "daemon")]
pub mod rescan;
#[cfg(feature = "store")]
pub mod store;
pub mod tracker;

#[cfg(feature = "daemon")]
pub use self::configuration::Config;
#[cfg(feature = "daemon")]
pub use self::daemon::{DaemonError, run};
