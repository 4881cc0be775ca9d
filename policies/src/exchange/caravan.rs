//! Caravan's wallet configuration (its `walletSelectors.js`, `getWalletDetailsText`): P2WSH of sorted multisig,
//! deposits at branch 0 and change at 1 below each key.

use bitcoin::Network;
use serde::Serialize;

use super::multisig::{SortedMultisig, path_of};
use super::{ExportError, Format, pretty};
use crate::Policy;
use crate::document::name_of_network;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration<'a> {
    name: &'a str,
    uuid: &'a str,
    address_type: &'a str,
    network: &'a str,
    client: Client<'a>,
    quorum: Quorum,
    extended_public_keys: Vec<Key<'a>>,
    starting_address_index: u32,
    ledger_policy_hmacs: [(); 0],
}

#[derive(Serialize)]
struct Client<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quorum {
    required_signers: usize,
    total_signers: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    name: &'a str,
    #[serde(rename = "bip32Path")]
    path: String,
    xpub: String,
    xfp: String,
    /// Absent, it asks how the key signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
}

pub(super) fn json(policy: &Policy) -> Result<String, ExportError> {
    let multisig = SortedMultisig::of(&policy.descriptor, Format::Caravan)?;
    let network = match policy.network {
        Network::Bitcoin => "mainnet",
        Network::Regtest => "regtest",
        Network::Signet => "signet",
        Network::Testnet | Network::Testnet4 => {
            return Err(ExportError::Network {
                format: Format::Caravan,
                network: name_of_network(policy.network),
            });
        }
    };
    let keys = multisig.keys.iter().map(|key| {
        let signer = policy.signers.iter().find(|one| one.key.xpub == key.xpub);
        let signer = signer.expect("a checked policy names the holder of every key");
        let kind = signer.device.as_ref().map(|device| &*device.kind);
        Key {
            name: &signer.name,
            path: path_of(key),
            xpub: key.xpub.to_string(),
            xfp: key.fingerprint.to_string(),
            method: kind.and_then(method_of),
        }
    });
    Ok(pretty(&Configuration {
        name: &policy.name,
        uuid: "",
        address_type: "P2WSH",
        network,
        client: Client { kind: "public" },
        quorum: Quorum {
            required_signers: multisig.threshold,
            total_signers: multisig.keys.len(),
        },
        extended_public_keys: keys.collect(),
        starting_address_index: 0,
        ledger_policy_hmacs: [],
    }))
}

/// Its word for how a kind of device signs.
fn method_of(kind: &str) -> Option<&str> {
    match kind {
        "ledger" | "trezor" => Some(kind),
        _ if kind.starts_with("coldcard") => Some("coldcard"),
        _ => None,
    }
}
