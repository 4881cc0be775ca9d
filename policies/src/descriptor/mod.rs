//! The vault's descriptor (BIP 380): the truth about which scripts are ours and who can spend them.
//!
//! Invariant: a [`VaultDescriptor`] is sane, ranged, two-branched, of its network, and free of hash
//! and absolute time locks; everything that this crate says about scripts and weights comes from it.

mod compile;
mod error;
mod exchange;
mod keys;
mod meaning;
mod nums;
mod own_scripts;
mod paths;
mod resources;
mod script;
mod vault;
mod weight;

pub(crate) use compile::means_the_same;
pub use compile::{CompileError, NamedKey, compile};
pub use error::DescriptorError;
pub use keys::KeyPosition;
pub(crate) use keys::checksum_of;
pub use nums::{is_nums, nums_xpub};
pub use own_scripts::OwnScripts;
pub(crate) use paths::{Effort, minimal};
pub use paths::{KeyPath, MAX_PATHS};
pub use resources::Resource;
pub use script::DerivedScript;
pub use vault::{MAX_INDEX, ScriptKind, VaultDescriptor};
pub use weight::TXIN_BASE_WEIGHT;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
