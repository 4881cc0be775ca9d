//! Sparrow's file of an output descriptor (its `io/Descriptor.java`): comments, then the descriptor of both
//! branches, then one of each; it reads the first. It holds sorted multisig and single keys (drongo's
//! `OutputDescriptor.java`).

use super::multisig::sorted_or_single;
use super::{ExportError, Format};
use crate::Keychain;
use crate::descriptor::VaultDescriptor;

pub(super) fn text(descriptor: &VaultDescriptor) -> Result<String, ExportError> {
    sorted_or_single(descriptor, Format::Sparrow)?;
    let [deposits, change] = Keychain::BOTH.map(|keychain| descriptor.branch(keychain));
    Ok(format!(
        "# Receive and change descriptor (BIP389):\n{}\n\n\
         # Receive descriptor (Bitcoin Core):\n{deposits}\n\n\
         # Change descriptor (Bitcoin Core):\n{change}\n",
        descriptor.text()
    ))
}
