//! The chains that a vault can live on.

use bitcoin::blockdata::constants::genesis_block;
use bitcoin::{BlockHash, Network};

/// The networks by the names that documents use.
const NAMES: [(&str, Network); 4] = [
    ("mainnet", Network::Bitcoin),
    ("testnet4", Network::Testnet4),
    ("signet", Network::Signet),
    ("regtest", Network::Regtest),
];

/// The network of a name in a document.
pub fn network_of_name(name: &str) -> Option<Network> {
    NAMES
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, network)| network)
}

/// The name of a network in a document.
pub fn name_of_network(network: Network) -> &'static str {
    NAMES
        .into_iter()
        .find(|(_, known)| *known == network)
        .map_or("unsupported network", |(name, _)| name)
}

/// The hash of a network's first block. All signets share theirs.
pub fn genesis_of(network: Network) -> BlockHash {
    genesis_block(network).block_hash()
}
