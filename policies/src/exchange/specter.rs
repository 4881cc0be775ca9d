//! Specter Desktop's wallet (its `Wallet.account_map`): label, first block to read, the descriptor of deposits,
//! and devices in the order of the keys. It writes its own script from the keys, sorted.

use serde::Serialize;

use super::multisig::sorted_or_single;
use super::{ExportError, Format, pretty};
use crate::{Keychain, Policy};
use bitcoin::Network;

/// The first block with segwit on the main chain, before which no coin of ours can be (Specter takes it too).
const SEGWIT: u32 = 481_824;

#[derive(Serialize)]
struct Wallet<'a> {
    label: &'a str,
    blockheight: u32,
    descriptor: String,
    devices: Vec<Device<'a>>,
}

#[derive(Serialize)]
struct Device<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    label: &'a str,
}

pub(super) fn json(policy: &Policy) -> Result<String, ExportError> {
    sorted_or_single(&policy.descriptor, Format::Specter)?;
    let devices = policy.descriptor.key_positions().iter().map(|key| {
        let signer = policy.signers.iter().find(|one| one.key.xpub == key.xpub);
        let signer = signer.expect("a checked policy names the holder of every key");
        let kind = signer.device.as_ref().map_or("", |device| &device.kind);
        Device {
            kind: type_of(kind),
            label: &signer.name,
        }
    });
    Ok(pretty(&Wallet {
        label: &policy.name,
        blockheight: if policy.network == Network::Bitcoin {
            SEGWIT
        } else {
            0
        },
        descriptor: policy.descriptor.branch(Keychain::External).to_string(),
        devices: devices.collect(),
    }))
}

/// Its word for a kind of device.
fn type_of(kind: &str) -> &str {
    match kind {
        "ledger" | "trezor" | "keepkey" | "bitbox02" | "jade" | "passport" | "keystone"
        | "seedsigner" => kind,
        "specter-diy" => "specter",
        _ if kind.starts_with("coldcard") => "coldcard",
        _ => "other",
    }
}
