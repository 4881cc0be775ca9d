//! `xpub`: the public half of the signer's key, without opening its seal; or that of a device's.

use super::Context;
#[cfg(feature = "devices")]
use super::device::{WireArgs, read_key};
#[cfg(feature = "devices")]
use super::keygen::network;
#[cfg(feature = "devices")]
use crate::device::Wanted;
use crate::failure::Failure;
use crate::keystore::Kind;
#[cfg(feature = "devices")]
use crate::keystore::vault_key::default_path;
#[cfg(feature = "devices")]
use bitcoin::{Network, bip32::DerivationPath};

/// Show the signer's extended public key with its origin
///
/// With --device it is read from the device that is plugged in, without any home.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice xpub\n\
\x20 countersign-signer xpub --device ledger --network mainnet")]
pub(super) struct Xpub {
    /// Read it from a device: of a kind, with a fingerprint, or auto for the only
    /// one
    #[cfg(feature = "devices")]
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "auto", requires = "network")]
    device: Option<Wanted>,
    /// The network: mainnet, testnet4, signet or regtest
    #[cfg(feature = "devices")]
    #[arg(long, value_parser = network, requires = "device")]
    network: Option<Network>,
    /// The account's derivation path [default: m/48h/COINh/0h/2h]
    #[cfg(feature = "devices")]
    #[arg(long, requires = "device")]
    path: Option<DerivationPath>,
    #[cfg(feature = "devices")]
    #[command(flatten)]
    wire: WireArgs,
}

impl Xpub {
    /// Whether the key is a home's.
    #[cfg_attr(
        not(feature = "devices"),
        expect(clippy::unused_self, reason = "without a wire it always is")
    )]
    pub(super) fn needs_a_home(&self) -> bool {
        #[cfg(feature = "devices")]
        let from_device = self.device.is_some();
        #[cfg(not(feature = "devices"))]
        let from_device = false;
        !from_device
    }

    #[cfg_attr(
        not(feature = "devices"),
        expect(clippy::unused_self, reason = "every verb runs the same way")
    )]
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        #[cfg(feature = "devices")]
        if let (Some(wanted), Some(network)) = (&self.device, self.network) {
            let path = self.path.clone();
            let path = path.unwrap_or_else(|| default_path(network));
            let key = read_key(context, &self.wire, wanted, network, &path)?;
            return context
                .terminal
                .answer(&key, &serde_json::json!({ "key": key }));
        }
        let home = context.home()?;
        let key = home.vault_public()?;
        let journal = home.sealed(Kind::Journal, None)?.header.public;
        let value = serde_json::json!({ "key": key, "journal": journal });
        context.terminal.answer(&key, &value)
    }
}
