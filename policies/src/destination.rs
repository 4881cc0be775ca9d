//! Which scripts a withdrawal can pay, and which texts are addresses of them.
//!
//! Invariant: what is paid has exactly one owner who can spend it today. Data outputs, bare scripts,
//! the anchor that anyone spends, and witness versions 2 to 16 (BIP 141, BIP 350), whose meaning
//! nobody knows yet, are refused everywhere by this one function.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, AddressType, Network, Script};

/// The kinds of script that are paid.
const PAID_KINDS: [AddressType; 5] = [
    AddressType::P2pkh,
    AddressType::P2sh,
    AddressType::P2wpkh,
    AddressType::P2wsh,
    AddressType::P2tr,
];

/// Why a text is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not an address of Bitcoin: a wrong checksum, prefix, length, case or letter.
    #[error("not an address")]
    NotAnAddress,
    /// An address of another network.
    #[error("the address is not of the network {network}")]
    WrongNetwork {
        /// The vault's network.
        network: Network,
    },
    /// An address whose coins anybody, or nobody, can spend.
    #[error("the address is of a kind that is not paid")]
    ScriptKind,
}

impl DestinationError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAnAddress => "NOT_AN_ADDRESS",
            Self::WrongNetwork { .. } => "WRONG_NETWORK",
            Self::ScriptKind => "SCRIPT_KIND",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotAnAddress => "copy the address again, whole, and without spaces",
            Self::WrongNetwork { .. } => "ask for an address of the vault's network",
            Self::ScriptKind => {
                "ask for an address of pay-to-public-key-hash, script-hash, witness or taproot"
            }
        }
    }
}

/// Whether a withdrawal can pay a script.
pub fn is_payable(script: &Script, network: Network) -> bool {
    Address::from_script(script, network)
        .ok()
        .and_then(|address| address.address_type())
        .is_some_and(|kind| PAID_KINDS.contains(&kind))
}

/// Reads an address that a withdrawal can pay.
///
/// # Errors
/// When the text is no address, not of the network, or of a kind that is not paid.
pub fn parse_destination(text: &str, network: Network) -> Result<Address, DestinationError> {
    let address: Address<NetworkUnchecked> =
        text.parse().map_err(|_| DestinationError::NotAnAddress)?;
    check_destination(address, network)
}

/// Checks that an address is of the network and can be paid.
///
/// # Errors
/// When it is of another network, or of a kind that is not paid.
pub fn check_destination(
    address: Address<NetworkUnchecked>,
    network: Network,
) -> Result<Address, DestinationError> {
    let address = address
        .require_network(network)
        .map_err(|_| DestinationError::WrongNetwork { network })?;
    if is_payable(&address.script_pubkey(), network) {
        Ok(address)
    } else {
        Err(DestinationError::ScriptKind)
    }
}

#[cfg(test)]
mod tests;
