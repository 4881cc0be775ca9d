//! The node's side: JSON-RPC of Bitcoin Core, with every answer parsed exactly and classified.

mod answers;
mod client;
mod error;
mod fetched;
#[cfg(test)]
pub(crate) mod pretended;
mod sending;

pub use self::answers::{ChainInfo, MempoolFees, Scanned, TestAccept, UnspentOutput};
pub use self::client::{Client, Credentials};
pub use self::error::RpcError;
pub use self::fetched::FetchedBlock;
pub use self::sending::Sent;
