//! Whether an address that a device says is a script of ours.
//!
//! Devices know fewer networks than there are: an app for test networks says addresses of the oldest one. So
//! scripts are compared, never texts.

use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network, NetworkKind, Script};

/// Whether a device's address pays this script, on this network or one that devices take for it.
pub fn same_script(shown: &str, script: &Script, network: Network) -> bool {
    let Ok(address) = shown.trim().parse::<Address<NetworkUnchecked>>() else {
        return false;
    };
    let test_networks = [Network::Testnet, Network::Regtest];
    let candidates = test_networks
        .into_iter()
        .filter(|_| NetworkKind::from(network) == NetworkKind::Test);
    std::iter::once(network).chain(candidates).any(|network| {
        let checked = address.clone().require_network(network);
        checked.is_ok_and(|address| address.script_pubkey().as_script() == script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::ScriptBuf;
    use bitcoin::WScriptHash;
    use bitcoin::hashes::Hash;

    #[test]
    fn scripts_are_compared_and_networks_of_one_kind_are_one() {
        let script = ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([7; 32]));
        let text = |network| {
            let address = Address::from_script(&script, network);
            address.expect("has an address").to_string()
        };
        for shown in [Network::Testnet, Network::Signet, Network::Regtest] {
            assert!(
                same_script(&text(shown), &script, Network::Regtest),
                "{shown}"
            );
            assert!(
                !same_script(&text(shown), &script, Network::Bitcoin),
                "{shown}"
            );
        }
        assert!(same_script(
            &text(Network::Bitcoin),
            &script,
            Network::Bitcoin
        ));
        assert!(!same_script(
            &text(Network::Bitcoin),
            &script,
            Network::Regtest
        ));
        let other = ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([8; 32]));
        assert!(!same_script(
            &text(Network::Regtest),
            &other,
            Network::Regtest
        ));
        assert!(!same_script("no address", &script, Network::Regtest));
    }
}
