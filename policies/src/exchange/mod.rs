//! A vault's descriptor in the formats of other wallets and devices, and theirs read back.
//!
//! Invariant: what is written describes exactly the scripts of the vault; a format that cannot say them is
//! refused by name, and never written with less.

mod device_name;
mod wallet_policy;

pub use device_name::{MAX_DEVICE_NAME, device_name};
pub use wallet_policy::{WalletPolicy, WalletPolicyError};
