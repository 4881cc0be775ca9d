//! The watchtower follows the chain and keeps the books: deposits, coins, spends, outgoing
//! transactions, the double-entry ledger and the event log.
//!
//! `tracker` decides and is pure: observations in, changes out. `store` keeps what was decided,
//! `bitcoind` speaks to the node, `daemon` connects them.

pub mod canonical;
pub mod ledger;
#[cfg(feature = "store")]
pub mod store;
pub mod tracker;
