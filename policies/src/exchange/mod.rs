//! A vault's descriptor in the formats of other wallets and devices, and theirs read back.
//!
//! Invariant: what is written describes exactly the scripts of the vault; a format that cannot say them is
//! refused by name, and never written with less. What is read is bounded, and what it lacked or was not taken
//! over is told.

mod bsms;
mod caravan;
mod coldcard;
mod core;
mod device_name;
mod error;
mod format;
mod import;
mod multisig;
mod sheet;
mod slip132;
mod sparrow;
mod specter;
mod wallet_policy;

pub use bsms::{KeyRecord, KeyRecordError, MAX_DESCRIPTION};
pub use device_name::{MAX_DEVICE_NAME, device_name};
pub use error::ExportError;
pub use format::Format;
pub use import::{DraftFacts, Holder, ImportError, Imported, MAX_IMPORT, Note, import};
pub use slip132::plain_version;
pub use wallet_policy::{WalletPolicy, WalletPolicyError};

use crate::{Keychain, Policy};

/// Writes the vault of a policy version in a format, byte for byte as its readers take it.
///
/// # Errors
/// Where the format, or the wallet that reads it, cannot hold the vault's script.
pub fn export(policy: &Policy, format: Format) -> Result<String, ExportError> {
    let descriptor = &policy.descriptor;
    Ok(match format {
        Format::Descriptor => format!("{}\n", descriptor.text()),
        Format::Branches => {
            let [deposits, change] = Keychain::BOTH.map(|keychain| descriptor.branch(keychain));
            format!("{deposits}\n{change}\n")
        }
        Format::WalletPolicy => pretty(&WalletPolicy::of(policy)?),
        Format::Bsms => bsms::record(descriptor),
        Format::Nunchuk => bsms::for_nunchuk(descriptor)?,
        Format::Core => core::requests(descriptor),
        Format::Coldcard => coldcard::text(policy)?,
        Format::ColdcardEdge => coldcard::edge(policy)?,
        Format::Sparrow => sparrow::text(descriptor)?,
        Format::Specter => specter::json(policy)?,
        Format::Caravan => caravan::json(policy)?,
        Format::Sheet => sheet::text(policy),
        Format::SheetHtml => sheet::html(policy),
    })
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("names and numbers are JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
