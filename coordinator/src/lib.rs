//! The coordinator: withdrawals, approvals, batches, attempts and the collection of signatures.
//!
//! Nobody has to trust it: what it builds is reviewed by every signer under the policy that the
//! signer pinned. Its pure half decides and builds; its service half stores and serves.
//! The arrows are `http`, `ui`, `cli` and `jobs` → `service` → `store`, and everything may call the pure half.

pub mod account_statement;
pub mod balancing;
pub mod coin_selection;
pub mod exclusion;
pub mod fee_bump;
pub mod fees;
pub mod queue;
pub mod rebuilding;
pub mod roles;
pub mod session;

#[cfg(feature = "client")]
pub mod client;

#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod clock;
#[cfg(feature = "daemon")]
pub mod configuration;
#[cfg(feature = "daemon")]
pub mod http;
#[cfg(feature = "daemon")]
pub mod jobs;
#[cfg(feature = "daemon")]
pub mod service;
#[cfg(feature = "daemon")]
pub mod store;
#[cfg(feature = "daemon")]
pub mod ui;
