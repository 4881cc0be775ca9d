//! A device on a wire that holds this signer's key, by way of a tool that speaks to it.
//!
//! Tools are foreign programs (`hwi` of Python, `bhwi` of Rust) that run as children: they can be killed, and
//! nothing that they do harms this process. Invariant: nothing that a device or tool says is believed. What it gives
//! is bytes, from which only our own verified signatures are taken (BIP 174's Signer is the device; the review and
//! the journal are here); its errors become facts of ours.

mod address;
mod bhwi;
pub mod child;
mod error;
mod found;
mod hwi;
mod lock;
mod meaning;
mod owner;
mod preparing;
mod registrations;
mod signing;
mod watch;
mod wire;

pub use address::same_script;
pub use bhwi::Bhwi;
pub use error::{DeviceError, Words};
pub use found::{Found, State, Wanted, choose};
pub use hwi::Hwi;
pub use lock::{Held, Locks};
pub use owner::Owner;
pub use preparing::{for_wire, screens};
pub use registrations::{Checked, Registration, Registrations};
pub use signing::{STAYS_JOURNALLED, ask, comparison, expect_fits, taken};
pub use watch::{Cancel, Watch};
pub use wire::{Options, Purpose, Wire, tool_to_register, tool_to_show, tool_to_sign};

use bitcoin::bip32::{DerivationPath, Xpub};
use policies::Keychain;
use policies::exchange::WalletPolicy;

/// A foreign program that speaks to devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Bitcoin Core's Hardware Wallet Interface, from PyPI.
    Hwi,
    /// The tool of the crate `bhwi-cli`.
    Bhwi,
}

impl Tool {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hwi => "hwi",
            Self::Bhwi => "bhwi",
        }
    }

    /// The versions that this program was tried with, by how they begin.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Hwi => "3.2.",
            Self::Bhwi => "0.1.",
        }
    }

    /// How it is installed.
    pub const fn installation(self) -> &'static str {
        match self {
            Self::Hwi => {
                "install it: `python3 -m venv ~/hwi && ~/hwi/bin/pip install hwi==3.2.0`, then give \
                 --hwi ~/hwi/bin/hwi or set HWI_BIN"
            }
            Self::Bhwi => {
                "install it: `cargo install bhwi-cli --version 0.1.1 --locked`, then give --bhwi or set BHWI_BIN"
            }
        }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One address of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The keychain.
    pub keychain: Keychain,
    /// The index on it.
    pub index: u32,
}

/// What a device said to being shown a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// What it wants to be given with the policy from now on: 32 bytes in hex (Ledger alone gives one).
    pub hmac: Option<String>,
    /// Whether a human still has to confirm on the device after the tool has ended.
    pub pending: bool,
}

/// One device that a tool found.
///
/// Each call is one run of the tool within the watch; after any failure the next call works again, as far as the
/// device does.
pub trait Device {
    /// What was found.
    fn info(&self) -> &Found;

    /// The extended public key at a path from its master key.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn xpub(&self, path: &DerivationPath, watch: &Watch<'_>) -> Result<Xpub, DeviceError>;

    /// Shows a policy on the device, to be compared and kept there (BIP 388).
    ///
    /// # Errors
    /// [`DeviceError`].
    fn register(&self, policy: &WalletPolicy, watch: &Watch<'_>)
    -> Result<Registered, DeviceError>;

    /// Shows an address of the policy on the device, and gives what it says.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn show_address(
        &self,
        place: Place,
        registration: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<String, DeviceError>;

    /// Has a PSBT (version 0) signed, and gives what came back, unread.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn sign(
        &self,
        psbt: &[u8],
        registration: Option<&Registration>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, DeviceError>;
}
