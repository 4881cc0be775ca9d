//! Wallet policies: a descriptor as a short template and a list of keys, which devices show and register (BIP 388).
//!
//! Invariant: a [`WalletPolicy`] keeps the rules of BIP 388: its placeholders come in order, each key is
//! there once, and no place of a key is used twice.

mod error;
pub(super) mod key_text;
#[cfg(test)]
mod tests;

use crate::Policy;
use crate::descriptor::{VaultDescriptor, checksum_of};
pub use error::WalletPolicyError;
use key_text::{KeyText, Span};

use super::{MAX_DEVICE_NAME, device_name};

/// Letters of the longest name that any device takes (the Ledger application's `MAX_WALLET_NAME_LENGTH`).
const MAX_NAME: usize = 64;
/// Bytes of the longest template read; devices take 512 and less.
const MAX_TEMPLATE: usize = 16 * 1024;
/// How a placeholder says that its key serves deposits at 0 and change at 1.
const BOTH: &str = "/**";

/// A descriptor template with its keys, under the name that a device shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WalletPolicy {
    name: String,
    #[serde(rename = "descriptor_template")]
    template: String,
    #[serde(rename = "keys_info")]
    keys: Vec<String>,
}

impl WalletPolicy {
    /// The wallet policy of a vault's current keyset, under [`device_name()`] of [`MAX_DEVICE_NAME`] letters.
    ///
    /// # Errors
    /// Where BIP 388 cannot say the descriptor.
    pub fn of(policy: &Policy) -> Result<Self, WalletPolicyError> {
        let name = device_name(policy, MAX_DEVICE_NAME);
        Self::from_descriptor(&name, &policy.descriptor)
    }

    /// The wallet policy of a descriptor, its script spelled as miniscript spells it.
    ///
    /// # Errors
    /// Where BIP 388 cannot say the descriptor, or the name is none that devices take.
    pub fn from_descriptor(
        name: &str,
        descriptor: &VaultDescriptor,
    ) -> Result<Self, WalletPolicyError> {
        let body = format!("{:#}", descriptor.multipath());
        let mut keys: Vec<String> = Vec::new();
        let mut template = String::with_capacity(body.len());
        for span in key_text::spans(&body) {
            let text = match span {
                Span::Script(text) => {
                    template += text;
                    continue;
                }
                Span::Key(text) => text,
            };
            let key = KeyText::read(text)?;
            let place = keys.iter().position(|known| *known == key.info);
            let place = place.unwrap_or_else(|| {
                keys.push(key.info);
                keys.len() - 1
            });
            template += &format!("@{place}{}", key.branches.suffix());
        }
        Self::parse(name, &template, &keys)
    }

    /// Reads a wallet policy and checks every rule of BIP 388 on names, placeholders and keys; whether its script
    /// is one that a vault can have, [`VaultDescriptor::parse`] says of [`Self::to_descriptor`].
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(
        name: &str,
        template: &str,
        keys: &[impl AsRef<str>],
    ) -> Result<Self, WalletPolicyError> {
        let fits = |letter: u8| (0x20..=0x7e).contains(&letter);
        if name.is_empty()
            || name.len() > MAX_NAME
            || !name.bytes().all(fits)
            || name.trim() != name
        {
            return Err(WalletPolicyError::Name(name.chars().take(80).collect()));
        }
        if template.len() > MAX_TEMPLATE {
            return Err(WalletPolicyError::TooLong {
                bytes: template.len(),
            });
        }
        let keys = keys
            .iter()
            .map(|key| key_text::info(key.as_ref()))
            .collect::<Result<Vec<String>, _>>()?;
        key_text::distinct(&keys)?;
        key_text::placeholders_in_order(template, keys.len())?;
        Ok(Self {
            name: name.to_owned(),
            template: template.to_owned(),
            keys,
        })
    }

    /// The name that a device shows: 1 to 64 printable ASCII letters, at most [`MAX_DEVICE_NAME`] of ours.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same wallet policy under another name.
    ///
    /// # Errors
    /// Where no device takes the name.
    pub fn named(self, name: &str) -> Result<Self, WalletPolicyError> {
        Self::parse(name, &self.template, &self.keys)
    }

    /// The script with `@0/**`, `@1/<2;3>/*` … where its keys stand.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// The keys that the placeholders number, as `[f5acc2fd/48'/1'/0'/2']tpub…`; without an origin the key that
    /// nobody can spend with.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The multipath descriptor with its checksum.
    pub fn to_descriptor(&self) -> String {
        let mut body = String::with_capacity(self.template.len());
        for span in key_text::spans(&self.template) {
            match span {
                Span::Script(text) => body += text,
                Span::Key(text) => {
                    let place = key_text::Placeholder::read(text).expect("parsing read it before");
                    body += &self.keys[place.index];
                    body += &place.branches.path();
                }
            }
        }
        let checksum = checksum_of(&body).expect("names, keys and templates are of its alphabet");
        format!("{body}#{checksum}")
    }
}
