//! The records of BIP 129 (BSMS), unencrypted: the descriptor record of round 2, and the key record of round 1.
//!
//! Lines end in a line feed, the last one in nothing, as in the vectors of the BIP: some readers count lines.

mod key_record;

pub use key_record::{KeyRecord, KeyRecordError, MAX_DESCRIPTION};

use super::multisig::{sorted_or_single, usual_branches};
use super::{ExportError, Format};
use crate::Keychain;
use crate::descriptor::VaultDescriptor;
use bitcoin::Address;

/// The first line of every record.
pub(super) const VERSION: &str = "BSMS 1.0";
/// The third line of a descriptor record that is no template.
pub(super) const NO_RESTRICTIONS: &str = "No path restrictions";
/// The third line of a template's record: deposits, then change.
pub(super) const RESTRICTIONS: &str = "/0/*,/1/*";

/// The descriptor record: a template `…/**` where every key has the usual branches, otherwise the descriptor
/// with its own.
pub(super) fn record(descriptor: &VaultDescriptor) -> String {
    let text = descriptor.text();
    let body = text.split_once('#').map_or(text, |(body, _)| body);
    let (second, third) = if usual_branches(descriptor) {
        (body.replace("/<0;1>/*", "/**"), RESTRICTIONS)
    } else {
        (text.to_owned(), NO_RESTRICTIONS)
    };
    let script = descriptor.script_pubkey(Keychain::External, 0);
    let first = Address::from_script(&script, descriptor.network())
        .expect("the scripts of every kind of vault have addresses");
    format!("{VERSION}\n{second}\n{third}\n{first}")
}

/// The same, refused where Nunchuk would not derive the record's address (libnunchuk's `bsms.hpp` writes its
/// own script from the keys, sorted).
pub(super) fn for_nunchuk(descriptor: &VaultDescriptor) -> Result<String, ExportError> {
    sorted_or_single(descriptor, Format::Nunchuk)?;
    Ok(record(descriptor))
}
