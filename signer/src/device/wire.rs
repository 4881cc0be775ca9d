//! All devices of this computer, by both tools, and which tool serves which device and policy.

use super::found::word_of;
use super::{
    Bhwi, Device, DeviceError, Found, Hwi, Locks, Registration, Tool, Wanted, Watch, choose,
};
use crate::keystore::DeviceKind;
use bitcoin::Network;
use bitcoin::bip32::Fingerprint;
use miniscript::Descriptor;
use policies::Policy;
use policies::descriptor::VaultDescriptor;
use std::path::PathBuf;

/// Which programs speak to devices, and for which network.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tool `hwi`.
    pub hwi: PathBuf,
    /// The tool `bhwi`.
    pub bhwi: PathBuf,
    /// Whether versions are taken that nobody tried.
    pub any_version: bool,
    /// The address of an emulator: then it is the only device.
    pub emulator: Option<String>,
    /// The network that devices are to serve.
    pub network: Network,
}

impl Options {
    /// With an emulator named, no other device.
    pub(super) fn only_emulator(&self, found: Vec<Found>) -> Vec<Found> {
        let Some(emulator) = &self.emulator else {
            return found;
        };
        let is_it = |one: &Found| one.path.ends_with(emulator.as_str());
        found.into_iter().filter(is_it).collect()
    }
}

/// What is plugged in here.
#[derive(Debug)]
pub struct Wire {
    options: Options,
    locks: Locks,
}

/// What a device is used for: with which policy, and by which registration.
#[derive(Debug, Clone, Copy)]
pub struct Purpose<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// That the device has it registered, where it has.
    pub registration: Option<&'a Registration>,
}

impl Wire {
    /// The devices of this computer.
    pub fn new(options: Options, locks: Locks) -> Self {
        Self { options, locks }
    }

    /// All devices that a tool finds.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn list(&self, tool: Tool, watch: &Watch<'_>) -> Result<Vec<Found>, DeviceError> {
        match tool {
            Tool::Hwi => Hwi::open(&self.options, &self.locks, watch)?.enumerate(watch),
            Tool::Bhwi => Bhwi::open(&self.options, &self.locks, watch)?.enumerate(watch),
        }
    }

    /// Opens the device that is meant by this tool, and does something with it.
    ///
    /// # Errors
    /// [`DeviceError`], when it is not there, or from what is done.
    pub fn with<T, E: From<DeviceError>>(
        &self,
        tool: Tool,
        wanted: &Wanted,
        key: Option<Fingerprint>,
        descriptor: Option<&VaultDescriptor>,
        watch: &Watch<'_>,
        what: impl FnOnce(&dyn Device) -> Result<T, E>,
    ) -> Result<T, E> {
        match tool {
            Tool::Hwi => {
                let hwi = Hwi::open(&self.options, &self.locks, watch)?;
                let found = choose(hwi.enumerate(watch)?, wanted, key)?;
                what(&hwi.device(found, descriptor))
            }
            Tool::Bhwi => {
                let bhwi = Bhwi::open(&self.options, &self.locks, watch)?;
                let found = choose(bhwi.enumerate(watch)?, wanted, key)?;
                what(&bhwi.device(found))
            }
        }
    }
}

/// The tool by which a kind of device signs for a policy.
///
/// HWI's own table: `sortedmulti` on all that it knows, and a Coldcard is handed whatever it is given. An unsorted
/// `multi` it registers as sorted on a Ledger, a BitBox02 and a Jade (HWI 3.2.0, `ledger.py`, `bitbox02.py`,
/// `jade.py`), which is another policy. Registered policies, of any script, go by `bhwi`.
///
/// # Errors
/// [`DeviceError::NoWay`] for what no tool does, [`DeviceError::NotRegistered`] for what needs it first.
pub fn tool_to_sign(kind: &DeviceKind, purpose: Purpose<'_>) -> Result<Tool, DeviceError> {
    let descriptor = &purpose.policy.descriptor;
    let no_way = || DeviceError::NoWay {
        kind: kind.clone(),
        script: descriptor.kind().name(),
    };
    let registered = purpose.registration.is_some();
    match word_of(kind.name()) {
        "coldcard" => Ok(Tool::Hwi),
        "ledger" | "bitbox02" | "jade" | "specter" if registered => Ok(Tool::Bhwi),
        "ledger" | "bitbox02" | "jade" if is_sorted(descriptor) => Ok(Tool::Hwi),
        "trezor" | "keepkey" | "digitalbitbox" if is_plain(descriptor) => Ok(Tool::Hwi),
        "ledger" | "bitbox02" | "jade" | "specter" => Err(DeviceError::NotRegistered),
        _ => Err(no_way()),
    }
}

/// The tool by which a kind of device shows an address of a policy.
///
/// # Errors
/// As [`tool_to_sign`].
pub fn tool_to_show(kind: &DeviceKind, purpose: Purpose<'_>) -> Result<Tool, DeviceError> {
    match word_of(kind.name()) {
        "coldcard" if purpose.registration.is_some() => Ok(Tool::Bhwi),
        "coldcard" if !is_plain(&purpose.policy.descriptor) => Err(DeviceError::NotRegistered),
        _ => tool_to_sign(kind, purpose),
    }
}

/// The tool that registers policies on a kind of device.
///
/// # Errors
/// [`DeviceError::NothingToRegister`] where it signs without; [`DeviceError::NoWay`] where it does not sign.
pub fn tool_to_register(kind: &DeviceKind, policy: &Policy) -> Result<Tool, DeviceError> {
    let unregistered = Purpose {
        policy,
        registration: None,
    };
    match word_of(kind.name()) {
        "coldcard" | "ledger" | "bitbox02" | "jade" | "specter" => Ok(Tool::Bhwi),
        _ if tool_to_sign(kind, unregistered).is_ok() => {
            Err(DeviceError::NothingToRegister { kind: kind.clone() })
        }
        _ => Err(DeviceError::NoWay {
            kind: kind.clone(),
            script: policy.descriptor.kind().name(),
        }),
    }
}

/// Whether scripts are one `sortedmulti`, or one key.
fn is_sorted(descriptor: &VaultDescriptor) -> bool {
    is_plain(descriptor) && !descriptor.text().starts_with("wsh(multi(")
}

/// Whether scripts are one `multi` or `sortedmulti`, or one key.
fn is_plain(descriptor: &VaultDescriptor) -> bool {
    let text = descriptor.text();
    let nested = text.bytes().filter(|letter| *letter == b'(').count();
    match descriptor.multipath() {
        Descriptor::Wsh(_) => {
            nested == 2 && (text.starts_with("wsh(multi(") || text.starts_with("wsh(sortedmulti("))
        }
        Descriptor::Wpkh(_) => true,
        Descriptor::Tr(_) | Descriptor::Bare(_) | Descriptor::Pkh(_) | Descriptor::Sh(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::NetworkKind;
    use bitcoin::bip32::{Xpriv, Xpub};
    use bitcoin::secp256k1::Secp256k1;

    fn descriptor(script: &str) -> VaultDescriptor {
        let secp = Secp256k1::new();
        let mut text = script.to_owned();
        for name in ["@0", "@1", "@2"] {
            let master = Xpriv::new_master(NetworkKind::Test, name.as_bytes()).expect("a key");
            let key = format!(
                "[{}/48h/1h/0h/2h]{}/<0;1>/*",
                master.fingerprint(&secp),
                Xpub::from_priv(&secp, &master)
            );
            text = text.replace(name, &key);
        }
        let whole: Descriptor<miniscript::DescriptorPublicKey> = text.parse().expect("parses");
        VaultDescriptor::parse(&whole.to_string(), Network::Regtest).expect("a vault's")
    }

    #[test]
    fn a_plain_multisig_is_one_script_of_keys_and_sorted_only_where_it_says_so() {
        for (script, plain, sorted) in [
            ("wsh(sortedmulti(2,@0,@1,@2))", true, true),
            ("wsh(multi(2,@0,@1,@2))", true, false),
            (
                "wsh(or_d(multi(2,@0,@1),and_v(v:pkh(@2),older(144))))",
                false,
                false,
            ),
        ] {
            let descriptor = descriptor(script);
            assert_eq!(is_plain(&descriptor), plain, "{script}");
            assert_eq!(is_sorted(&descriptor), sorted, "{script}");
        }
    }
}
