//! Wallets of others, read from the files that they export.
//!
//! Invariant: reading is bounded and keeps every key with its origin; what a file lacked and what of it was not
//! taken over is a [`Note`], and a file that contradicts itself is refused.

mod descriptor_text;
mod draft;
mod error;
mod json;
mod key;
mod lines;
mod note;

pub use draft::DraftFacts;
pub use error::ImportError;
pub use note::Note;

use bitcoin::{Network, NetworkKind};

use super::Format;
use crate::descriptor::{DescriptorError, KeyPosition, VaultDescriptor};

/// Bytes of the largest file that is read.
pub const MAX_IMPORT: usize = 256 * 1024;

/// Beginnings of extended private keys.
const PRIVATE: [&str; 10] = [
    "xprv", "tprv", "yprv", "zprv", "Yprv", "Zprv", "uprv", "vprv", "Uprv", "Vprv",
];

/// A wallet as its file describes it.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The format that was recognized.
    pub format: Format,
    /// The wallet's name, as the file has it.
    pub name: Option<String>,
    /// The chain, where the file names it.
    pub network: Option<Network>,
    /// Its descriptor; read for [`Network::Regtest`] where the keys are of a test network and the file names none.
    pub descriptor: VaultDescriptor,
    /// What is known of the holders of its keys, in the order of [`VaultDescriptor::key_positions`].
    pub holders: Vec<Holder>,
    /// What the file lacked, and what was not taken over.
    pub notes: Vec<Note>,
}

/// What a file says of a key besides the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// What the wallet calls the key.
    pub label: Option<String>,
    /// The kind of its device, as policies name kinds.
    pub device: Option<String>,
}

/// What a format's reader found, before the descriptor is checked.
struct Found {
    format: Format,
    name: Option<String>,
    network: Option<Network>,
    /// With or without checksum; both branches in each key.
    descriptor: String,
    holders: Vec<(KeyPosition, Holder)>,
    /// The first deposit address, where the file says it.
    first_address: Option<String>,
    /// The descriptor of change, where the file has one of its own.
    notes: Vec<Note>,
}

/// Reads a file that another wallet exported.
///
/// # Errors
/// When no known format is recognized, a part is missing or contradicts another, or the wallet is none that a
/// vault can be.
pub fn import(bytes: &[u8]) -> Result<Imported, ImportError> {
    if bytes.len() > MAX_IMPORT {
        return Err(ImportError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotText)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(ImportError::Empty);
    }
    let mut words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    if words.any(|word| word.len() > 100 && PRIVATE.iter().any(|start| word.starts_with(start))) {
        return Err(ImportError::Descriptor(DescriptorError::PrivateKey));
    }
    let found = if text.starts_with(['{', '[']) && !text.starts_with("[[") && is_json(text) {
        json::read(text)?
    } else {
        lines::read(text)?
    };
    checked(found)
}

/// Whether a text is JSON rather than a key, which begins with a bracket as well.
fn is_json(text: &str) -> bool {
    let inside = text[1..].trim_start();
    inside.starts_with(['{', '"', ']', '}'])
}

fn checked(found: Found) -> Result<Imported, ImportError> {
    let kind = descriptor_text::network_kind(&found.descriptor);
    let network = match (found.network, kind) {
        (Some(network), Some(kind)) if NetworkKind::from(network) != kind => {
            return Err(ImportError::NetworkDiffers {
                said: network,
                keys: kind,
            });
        }
        (Some(network), _) => network,
        (None, Some(NetworkKind::Test)) => Network::Regtest,
        (None, Some(NetworkKind::Main) | None) => Network::Bitcoin,
    };
    let mut notes = found.notes;
    let text = descriptor_text::with_checksum(&found.descriptor, &mut notes)?;
    let descriptor = VaultDescriptor::parse(&text, network)?;
    let mut said = found
        .network
        .or((network == Network::Bitcoin).then_some(network));
    if let Some(address) = &found.first_address {
        let of = descriptor_text::network_of_address(&descriptor, address)?;
        said = said.or(of);
    }
    let holders = descriptor.key_positions().iter().map(|position| {
        let known = found.holders.iter().find(|(key, _)| key == position);
        known.map(|(_, holder)| holder.clone()).unwrap_or_default()
    });
    Ok(Imported {
        format: found.format,
        name: found.name,
        network: said,
        holders: holders.collect(),
        descriptor,
        notes,
    })
}
