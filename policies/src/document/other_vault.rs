//! The other vaults of a treasury, to which transfers may pay.
//!
//! A vault is named with its whole descriptor, so that every signer derives the scripts itself: nobody has
//! to believe the coordinator that an address is of the treasury.

use bitcoin::Script;

use crate::VaultId;
use crate::descriptor::{OwnScripts, VaultDescriptor};

/// The scripts of another vault that transfers may pay, on each keychain, unless the document says more.
pub(super) const DEFAULT_REACH: u32 = 1_000;

/// The most of them.
pub(super) const MAX_REACH: u32 = 100_000;

/// Another vault of the treasury.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVault {
    /// The name by which rules and people call it.
    pub name: String,
    /// Its identity.
    pub vault: VaultId,
    /// Which scripts are its.
    pub descriptor: VaultDescriptor,
    /// How many scripts of each keychain count, from index 0.
    pub reach: u32,
}

impl OtherVault {
    /// Whether a script is one of those that count.
    pub fn owns(&self, script: &Script) -> bool {
        // A reach is at least 1.
        OwnScripts::new(&self.descriptor, self.reach.saturating_sub(1)).contains(script)
    }
}
