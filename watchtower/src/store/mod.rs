//! The watchtower's tables: chain, coins, outgoing transactions, ledger, events. SQL lives only here.

pub mod database;
