//! What devices know of policies: one file for each device and keyset, in the home.
//!
//! A registration is of keys and script, so that a version with the same keyset needs no other. Invariant: one
//! that is not of the policy's own script and keys is none, and the human is asked to register again; a lost file is
//! as good as none, for a device gives the same again.

use super::DeviceError;
use crate::home::{Home, HomeError};
use crate::keystore::{DeviceKind, durable};
use bitcoin::bip32::Fingerprint;
use policies::exchange::WalletPolicy;
use policies::{Policy, UnixTime};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::PathBuf;

const FORMAT: &str = "countersign/registration/1";
const MAX_BYTES: usize = 64 * 1024;

/// That a device knows a policy, and how it wants to be reminded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    format: String,
    /// The kind of the device.
    pub device: DeviceKind,
    /// The fingerprint of its master key.
    pub fingerprint: Fingerprint,
    /// The version of the policy under which it was registered.
    pub policy: String,
    /// The name that the device shows.
    pub name: String,
    /// The script with `@0/**` where keys stand (BIP 388).
    pub template: String,
    /// The keys, in their order.
    pub keys: Vec<String>,
    /// What the device wants to be given with it, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<String>,
    /// The firmware or app that registered it, where the tool told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// When.
    pub registered: UnixTime,
    /// The first address that the device showed as ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
}

/// An address that a device showed, and that is the policy's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Its index.
    pub index: u32,
    /// The address.
    pub address: String,
    /// When.
    pub at: UnixTime,
}

impl Registration {
    /// What a device has registered now.
    pub fn new(
        device: DeviceKind,
        fingerprint: Fingerprint,
        policy: &Policy,
        wallet: &WalletPolicy,
        registered: UnixTime,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            device,
            fingerprint,
            policy: policy.id.to_string(),
            name: wallet.name().to_owned(),
            template: wallet.template().to_owned(),
            keys: wallet.keys().to_vec(),
            hmac: None,
            firmware: None,
            registered,
            checked: None,
        }
    }

    /// The multipath descriptor that was registered.
    pub fn descriptor(&self) -> String {
        let wallet = WalletPolicy::parse(&self.name, &self.template, &self.keys);
        wallet.map_or_else(|_| String::new(), |wallet| wallet.to_descriptor())
    }

    fn is_of(&self, fingerprint: Fingerprint, wallet: &WalletPolicy) -> bool {
        self.format == FORMAT
            && self.fingerprint == fingerprint
            && self.template == wallet.template()
            && self.keys == wallet.keys()
            && WalletPolicy::parse(&self.name, &self.template, &self.keys).is_ok()
    }
}

/// The registrations that a home keeps.
#[derive(Debug, Clone, Copy)]
pub struct Registrations<'a>(
    /// The home.
    pub &'a Home,
);

impl Registrations<'_> {
    fn file(self, fingerprint: Fingerprint, policy: &Policy) -> PathBuf {
        let keyset: String = policy.keyset.to_string().chars().take(16).collect();
        let folder = self.0.folder().join("registrations");
        folder.join(format!("{fingerprint}-{keyset}.json"))
    }

    /// What a device has registered of a policy, if this home knows.
    ///
    /// # Errors
    /// When the system refuses; a file that is none of ours is as good as none.
    pub fn find(
        self,
        fingerprint: Fingerprint,
        policy: &Policy,
        wallet: &WalletPolicy,
    ) -> Result<Option<Registration>, DeviceError> {
        let path = self.file(fingerprint, policy);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(HomeError::Unreadable { path, cause }.into()),
        };
        if bytes.len() > MAX_BYTES {
            return Ok(None);
        }
        let read: Option<Registration> = serde_json::from_slice(&bytes).ok();
        Ok(read.filter(|one| one.is_of(fingerprint, wallet)))
    }

    /// Keeps a registration in place of an older one.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep(self, policy: &Policy, registration: &Registration) -> Result<(), DeviceError> {
        let path = self.file(registration.fingerprint, policy);
        durable::make_folder(durable::folder_of(&path))?;
        let mut text = serde_json::to_vec_pretty(registration).expect("it is plain JSON");
        text.push(b'\n');
        Ok(durable::replace(&path, &text)?)
    }
}
