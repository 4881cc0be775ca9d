//! Descriptors and keys that tests share.

use bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Network, NetworkKind};

use super::{KeyPosition, NamedKey, ScriptKind, VaultDescriptor, compile};

/// 2-of-3, and a vault key after 90 days.
pub(crate) const POLICY: &str =
    "or(99@thresh(2,pk(alice),pk(bob),pk(machine)),1@and(pk(vault-key),older(12960)))";

/// The names in [`POLICY`].
pub(crate) const NAMES: [&str; 4] = ["alice", "bob", "machine", "vault-key"];

pub(crate) fn secp() -> Secp256k1<All> {
    Secp256k1::new()
}

/// A private key of a name, the same in every run.
pub(crate) fn xpriv(name: &str, network: Network) -> Xpriv {
    let mut seed = [0x5a; 32];
    seed.iter_mut()
        .zip(name.bytes())
        .for_each(|(byte, letter)| *byte = letter);
    Xpriv::new_master(network, &seed).expect("a master key")
}

/// Its account key with origin.
pub(crate) fn named(name: &str, network: Network) -> NamedKey {
    let secp = secp();
    let master = xpriv(name, network);
    let coin = match NetworkKind::from(network) {
        NetworkKind::Main => "0",
        NetworkKind::Test => "1",
    };
    let path: DerivationPath = format!("48h/{coin}h/0h/2h").parse().expect("a path");
    let account = master.derive_priv(&secp, &path).expect("derives");
    NamedKey {
        name: name.to_owned(),
        key: KeyPosition {
            fingerprint: master.fingerprint(&secp),
            path,
            xpub: Xpub::from_priv(&secp, &account),
        },
    }
}

pub(crate) fn all_named() -> Vec<NamedKey> {
    NAMES
        .into_iter()
        .map(|name| named(name, Network::Regtest))
        .collect()
}

/// A key's place in a descriptor.
pub(crate) fn ranged(name: &str) -> String {
    format!("{}/<0;1>/*", named(name, Network::Regtest).key)
}

/// Adds the checksum to a descriptor.
pub(crate) fn with_checksum(descriptor: &str) -> String {
    descriptor
        .parse::<miniscript::Descriptor<miniscript::DescriptorPublicKey>>()
        .expect("a descriptor")
        .to_string()
}

pub(crate) fn compiled(kind: ScriptKind) -> String {
    compile(POLICY, kind, &all_named()).expect("compiles")
}

pub(crate) fn vault(text: &str) -> VaultDescriptor {
    VaultDescriptor::parse(text, Network::Regtest).expect("accepted")
}
