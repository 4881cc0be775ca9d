//! `xpub`: the public half of the signer's key, without opening its seal; or that of a device's; or a record of it
//! that its own key signs (BIP 129).

use super::Context;
#[cfg(feature = "devices")]
use super::device::{WireArgs, read_key};
#[cfg(feature = "devices")]
use super::keygen::network;
#[cfg(feature = "devices")]
use crate::device::Wanted;
use crate::failure::Failure;
use crate::home::{Home, HomeError};
use crate::keystore::Kind;
#[cfg(feature = "devices")]
use crate::keystore::vault_key::default_path;
use bitcoin::secp256k1::Secp256k1;
#[cfg(feature = "devices")]
use bitcoin::{Network, bip32::DerivationPath};
use policies::exchange::{KeyRecord, MAX_DESCRIPTION};

/// Show the signer's extended public key with its origin
///
/// With --device it is read from the device that is plugged in, without any home. With --bsms it is a key
/// record of BIP 129, signed by the key itself: whoever carries it cannot exchange the key in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n\
\x20 countersign-signer --home alice xpub\n\
\x20 countersign-signer --home alice xpub --bsms --description office\n\
\x20 countersign-signer xpub --device ledger --network mainnet")]
pub(super) struct Xpub {
    /// Write a key record, signed by the key (BIP 129, round 1, unencrypted)
    #[arg(long)]
    bsms: bool,
    /// What the record calls its holder: one line of at most 80 letters
    #[arg(long, value_name = "TEXT", requires = "bsms", default_value = "", value_parser = description)]
    description: String,
    /// Read it from a device: of a kind, with a fingerprint, or auto for the only
    /// one
    #[cfg(feature = "devices")]
    #[arg(long, value_name = "WHICH", num_args = 0..=1, default_missing_value = "auto", requires = "network", conflicts_with = "bsms")]
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

/// The text does not fit a record.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("not one line of at most 80 letters")]
struct NoDescription;

fn description(text: &str) -> Result<String, NoDescription> {
    if text.chars().count() <= MAX_DESCRIPTION && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(NoDescription)
    }
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
        if self.bsms {
            return self.record(context, &home);
        }
        let key = home.vault_public()?;
        let journal = home.sealed(Kind::Journal, None)?.header.public;
        let value = serde_json::json!({ "key": key, "journal": journal });
        context.terminal.answer(&key, &value)
    }
    /// The key record. A key in a device is signed for there, by the device's own export.
    fn record(&self, context: &mut Context, home: &Home) -> Result<(), Failure> {
        if let Some(key) = home.device_key()? {
            let device = key.kind().clone();
            return Err(HomeError::KeyElsewhere { device }.into());
        }
        let opened = home.open_vault_key(&context.passphrase()?)?;
        let key = opened.public(&Secp256k1::new()).to_string().parse();
        let key = key.expect("a key of ours is an account key");
        let record = KeyRecord::new(key, &self.description).expect("the description was read");
        let text = record.signed(&opened.account().private_key);
        let text = text.expect("the key is its own");
        let value = serde_json::json!({ "record": text });
        context.terminal.answer(&text, &value)
    }
}
