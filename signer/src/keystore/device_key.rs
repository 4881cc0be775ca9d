//! The public half of an account key that a foreign device holds.
//!
//! Nothing secret is in its file, and nothing signs with it: it says whose signatures this home takes over.
//! Devices write their keys in several shapes; read are a key with its origin (BIP 380), a key record (BIP
//! 129), and the JSON of Coldcard and those that write the same. Invariant: what is kept is one text, with
//! origin, in the one form of policies.

use super::WriteError;
use super::container::OpenError;
use super::durable;
use super::vault_key::Origin;
use crate::failure::{Class, Explained};
use bitcoin::bip32::{Fingerprint, Xpub};
use bitcoin::{Network, NetworkKind};
use policies::carrier::Carrier;
use policies::devices::carrier_of;
use policies::document::{SignerKey, SignerKeyError};
use policies::exchange::{KeyRecord, KeyRecordError, plain_version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::str::FromStr;

const FORMAT: &str = "countersign/public-key/1";
const MAX_BYTES: u64 = 4 * 1024;

/// The kind of a device, as policies name it: 1 to 32 of a-z, 0-9 and -.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceKind(String);

/// A text is no kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of device: 1 to 32 of a-z, 0-9 and -, such as coldcard; software is none")]
pub struct DeviceKindError;

impl DeviceKind {
    /// The kind's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The codes that the device reads.
    pub fn carrier(&self) -> Carrier {
        carrier_of(&self.0)
    }
}

impl FromStr for DeviceKind {
    type Err = DeviceKindError;

    fn from_str(text: &str) -> Result<Self, DeviceKindError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = !text.is_empty() && text.len() <= 32 && text.bytes().all(fits);
        if is_name && text != "software" {
            Ok(Self(text.to_owned()))
        } else {
            Err(DeviceKindError)
        }
    }
}

impl TryFrom<String> for DeviceKind {
    type Error = DeviceKindError;

    fn try_from(text: String) -> Result<Self, DeviceKindError> {
        text.parse()
    }
}

impl From<DeviceKind> for String {
    fn from(kind: DeviceKind) -> Self {
        kind.0
    }
}

impl std::fmt::Display for DeviceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A key that signs on a device, and what is known of it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKey {
    kind: DeviceKind,
    key: SignerKey,
}

/// Why a text gives no key of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceKeyError {
    /// A private key, which a device never shows.
    #[error("this is a private key")]
    PrivateKey,
    /// A key alone does not tell where it comes from.
    #[error("an extended public key without its origin")]
    OriginNeeded,
    /// Nothing in it is an extended public key with its origin.
    #[error("no extended public key with its origin: {0}")]
    NotAKey(#[from] SignerKeyError),
    /// A key record that is none, or that somebody altered.
    #[error("the key record is not taken: {0}")]
    Record(#[from] KeyRecordError),
    /// The key serves another kind of network.
    #[error("the key is for {found:?} networks, not for {network}")]
    WrongNetwork {
        /// The network asked for.
        network: Network,
        /// What the key says.
        found: NetworkKind,
    },
}

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: String,
    device: DeviceKind,
    public: String,
}

impl DeviceKey {
    /// Takes what a device exported: a key with origin, a key record of BIP 129, or JSON with `xfp`; or a key
    /// alone, with its origin given beside it.
    ///
    /// # Errors
    /// When there is no such key in it, or it is for another network.
    pub fn read(
        kind: DeviceKind,
        exported: &str,
        origin: Option<&Origin>,
        network: Option<Network>,
    ) -> Result<Self, DeviceKeyError> {
        let text = found_in(exported.trim(), origin)?;
        let key: SignerKey = text.parse()?;
        // One text for one key, however a device writes its path.
        let key: SignerKey = key.position().to_string().parse()?;
        match network {
            Some(network) if key.xpub.network != NetworkKind::from(network) => {
                Err(DeviceKeyError::WrongNetwork {
                    network,
                    found: key.xpub.network,
                })
            }
            Some(_) | None => Ok(Self { kind, key }),
        }
    }

    /// What kind of device holds it.
    pub fn kind(&self) -> &DeviceKind {
        &self.kind
    }

    /// The fingerprint of the master key above it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint
    }

    /// The extended public key.
    pub fn xpub(&self) -> &Xpub {
        &self.key.xpub
    }

    /// The key with its origin, as policies name it.
    pub fn text(&self) -> &str {
        &self.key.text
    }

    /// Writes its file; an existing one is never replaced.
    ///
    /// # Errors
    /// As [`durable::write_new`].
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        let file = KeyFile {
            format: FORMAT.to_owned(),
            device: self.kind.clone(),
            public: self.key.text.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&file).expect("a public key is plain JSON");
        text.push(b'\n');
        durable::write_new(path, &text)
    }

    /// Reads its file.
    ///
    /// # Errors
    /// [`OpenError::Unreadable`] or [`OpenError::NotAKeyFile`].
    pub fn load(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |cause| OpenError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let not_ours = || OpenError::NotAKeyFile(path.to_owned());
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(not_ours());
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let file: KeyFile = serde_json::from_slice(&bytes).map_err(|_| not_ours())?;
        if file.format != FORMAT {
            return Err(not_ours());
        }
        let key = file.public.parse().map_err(|_| not_ours())?;
        Ok(Self {
            kind: file.device,
            key,
        })
    }
}

/// The key with its origin in what a device exported, with the version bytes of BIP 32.
fn found_in(exported: &str, origin: Option<&Origin>) -> Result<String, DeviceKeyError> {
    if [
        "xprv", "tprv", "yprv", "zprv", "Yprv", "Zprv", "uprv", "vprv", "Uprv", "Vprv",
    ]
    .iter()
    .any(|private| exported.contains(private))
    {
        return Err(DeviceKeyError::PrivateKey);
    }
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(exported) {
        return of_json(&fields).ok_or(DeviceKeyError::NotAKey(SignerKeyError::Shape));
    }
    if exported.starts_with("BSMS ") {
        return Ok(KeyRecord::read(exported)?.key.text);
    }
    let line = exported.lines().map(str::trim).next_back();
    let line = line.unwrap_or_default();
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((origin, key)) => {
            let (fingerprint, path) = origin.split_once('/').unwrap_or((origin, ""));
            Ok(with_origin(fingerprint, path, key))
        }
        None if plain_version(line).parse::<Xpub>().is_ok() => {
            let origin = origin.ok_or(DeviceKeyError::OriginNeeded)?;
            let fingerprint = origin.fingerprint.to_string();
            Ok(with_origin(&fingerprint, &origin.path.to_string(), line))
        }
        None => Err(DeviceKeyError::NotAKey(SignerKeyError::Shape)),
    }
}

/// Coldcard's `ccxp-….json` and the like: fingerprint, path and key of segwit version 0 scripts, or the one key
/// of a file that has but one.
fn of_json(fields: &serde_json::Map<String, Value>) -> Option<String> {
    let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
    let fingerprint = text(&["xfp", "fingerprint", "master_fingerprint"])?;
    // Of Coldcard's generic export, the account that BIP 48 gives to segwit version 0 scripts of several.
    if let Some(Value::Object(account)) = fields.get("bip48_2") {
        let text = |name: &str| account.get(name)?.as_str();
        return Some(with_origin(fingerprint, text("deriv")?, text("xpub")?));
    }
    let (path, key) = text(&["p2wsh_deriv"])
        .zip(text(&["p2wsh"]))
        .or_else(|| text(&["path", "deriv", "derivation"]).zip(text(&["xpub"])))?;
    Some(with_origin(fingerprint, path, key))
}

fn with_origin(fingerprint: &str, path: &str, key: &str) -> String {
    let path = path.trim().trim_start_matches('m').trim_matches('/');
    let separator = if path.is_empty() { "" } else { "/" };
    // Some write the branches of a descriptor behind the key.
    let key = key.split_once('/').map_or(key, |(key, _)| key).trim();
    format!(
        "[{}{separator}{path}]{}",
        fingerprint.trim().to_ascii_lowercase(),
        plain_version(key)
    )
}

impl Explained for DeviceKeyError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        match self {
            Self::PrivateKey => "PRIVATE_KEY",
            Self::OriginNeeded => "ORIGIN_NEEDED",
            Self::NotAKey(_) => "NOT_A_KEY",
            Self::Record(error) => error.code(),
            Self::WrongNetwork { .. } => "WRONG_NETWORK",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::PrivateKey => {
                "a device's key stays in it: export its public key; to sign with this one here, leave --device out"
            }
            Self::OriginNeeded => "give --origin '[fingerprint/48h/1h/0h/2h]', as the device shows it",
            Self::NotAKey(_) => {
                "give the account's public key as the device exports it: [fingerprint/path]xpub, a BSMS key \
                 record, or JSON with xfp"
            }
            Self::Record(error) => error.hint(),
            Self::WrongNetwork { .. } => "give --network of the network that the key is for",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::VaultKey;
    use crate::keystore::vault_key::default_path;
    use bitcoin::base58;
    use bitcoin::secp256k1::Secp256k1;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                         abandon abandon about";

    fn own() -> SignerKey {
        let path = default_path(Network::Regtest);
        let key = VaultKey::from_words(WORDS, Network::Regtest, &path).expect("words");
        let text = key.public(&Secp256k1::new()).to_string();
        text.parse().expect("a key with origin")
    }

    fn read(exported: &str) -> Result<String, DeviceKeyError> {
        let kind = "coldcard".parse().expect("a kind");
        let read = DeviceKey::read(kind, exported, None, Some(Network::Regtest));
        read.map(|key| key.text().to_owned())
    }

    /// The same key as SLIP 132 writes one of a multisig script.
    fn slip132(xpub: &str) -> String {
        let mut bytes = base58::decode_check(xpub).expect("base 58");
        bytes[..4].copy_from_slice(&[0x02, 0x57, 0x54, 0x83]);
        base58::encode_check(&bytes)
    }

    #[test]
    fn every_shape_in_which_devices_export_a_key_gives_the_same_text() {
        let own = own();
        let xpub = own.xpub.to_string();
        let other = slip132(&xpub);
        assert!(other.starts_with("Vpub"), "{other}");
        for exported in [
            own.text.clone(),
            format!("\n[73C5DA0A/48'/1'/0'/2']{xpub}/<0;1>/*\r\n"),
            format!("[73c5da0a/48h/1h/0h/2h]{other}"),
            format!("BSMS 1.0\n00\n[73c5da0a/48'/1'/0'/2']{xpub}\nColdcard 0F"),
            format!(
                r#"{{"p2sh":"none","p2wsh_deriv":"m/48h/1h/0h/2h","p2wsh":"{other}","account":"0","xfp":"73C5DA0A"}}"#
            ),
            format!(r#"{{"xfp":"73c5da0a","path":"m/48'/1'/0'/2'","xpub":"{xpub}"}}"#),
        ] {
            assert_eq!(read(&exported), Ok(own.text.clone()), "{exported}");
        }
    }

    #[test]
    fn a_key_alone_needs_the_origin_that_leads_to_it() {
        let own = own();
        let xpub = own.xpub.to_string();
        assert_eq!(read(&xpub), Err(DeviceKeyError::OriginNeeded));
        let with = |origin: &str| {
            let origin: Origin = origin.parse().expect("an origin");
            let kind = "jade".parse().expect("a kind");
            DeviceKey::read(kind, &xpub, Some(&origin), None).map(|key| key.text().to_owned())
        };
        assert_eq!(with("[73c5da0a/48h/1h/0h/2h]"), Ok(own.text.clone()));
        assert!(matches!(
            with("[73c5da0a/48h/1h/0h]"),
            Err(DeviceKeyError::NotAKey(SignerKeyError::Depth { .. }))
        ));
    }

    #[test]
    fn a_key_record_whose_signature_is_not_by_its_own_key_is_refused() {
        let own = own();
        let signature = "H".repeat(86) + "E=";
        let record = format!(
            "BSMS 1.0\n00\n[73c5da0a/48'/1'/0'/2']{}\nmine\n{signature}",
            own.xpub
        );
        let refused = read(&record).expect_err("refused");
        assert_eq!(refused, DeviceKeyError::Record(KeyRecordError::NotSigned));
        assert_eq!(refused.code(), "KEY_RECORD_ALTERED");
    }

    #[test]
    fn a_private_key_and_one_of_another_network_are_refused() {
        let path = default_path(Network::Regtest);
        let key = VaultKey::from_words(WORDS, Network::Regtest, &path).expect("words");
        let private = format!("[73c5da0a/48h/1h/0h/2h]{}", key.account());
        assert_eq!(read(&private), Err(DeviceKeyError::PrivateKey));
        let kind = "coldcard".parse().expect("a kind");
        let refused = DeviceKey::read(kind, &own().text, None, Some(Network::Bitcoin));
        assert!(matches!(refused, Err(DeviceKeyError::WrongNetwork { .. })));
        assert!(matches!(read("{}"), Err(DeviceKeyError::NotAKey(_))));
        assert!(matches!(read("hello"), Err(DeviceKeyError::NotAKey(_))));
    }

    #[test]
    fn a_kind_is_a_name_and_never_software() {
        for text in ["", "Coldcard", "cold card", "software", &"a".repeat(33)] {
            assert!(text.parse::<DeviceKind>().is_err(), "{text}");
        }
        let carrier = |kind: &str| kind.parse::<DeviceKind>().expect("a kind").carrier();
        assert_eq!(carrier("coldcard-q"), Carrier::Bbqr);
        assert_eq!(carrier("keystone"), Carrier::Ur);
    }

    #[test]
    fn its_file_comes_back_and_another_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("vault.public");
        let kind = "passport".parse().expect("a kind");
        let key = DeviceKey::read(kind, &own().text, None, None).expect("reads");
        key.write(&path).expect("writes");
        assert_eq!(DeviceKey::load(&path).expect("loads"), key);
        std::fs::write(&path, b"{}").expect("overwrites");
        assert!(matches!(
            DeviceKey::load(&path),
            Err(OpenError::NotAKeyFile(_))
        ));
    }
}
