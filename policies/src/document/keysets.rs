//! The keysets whose coins a vault may hold, as its newest version knows them.
//!
//! Invariant: a script that the newest descriptor gives is the newest keyset's, whichever keysets had it before.

use bitcoin::Script;

use super::{Policy, Signer};
use crate::descriptor::VaultDescriptor;
use crate::{Keychain, Keyset};

/// One keyset: its scripts, and who signs for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysetView<'p> {
    /// The keyset.
    pub keyset: Keyset,
    /// Its scripts.
    pub descriptor: &'p VaultDescriptor,
    /// The holders of its keys.
    pub signers: &'p [Signer],
    /// Whether a later one replaced it.
    pub is_former: bool,
}

impl Policy {
    /// The keyset that this version has.
    pub fn newest_keyset(&self) -> KeysetView<'_> {
        KeysetView {
            keyset: self.keyset,
            descriptor: &self.descriptor,
            signers: &self.signers,
            is_former: false,
        }
    }

    /// The keysets whose coins the vault may hold, the newest first.
    pub fn keysets(&self) -> impl Iterator<Item = KeysetView<'_>> {
        let newest = self.newest_keyset();
        let former = self.former.iter().map(|former| KeysetView {
            keyset: former.keyset,
            descriptor: &former.descriptor,
            signers: &former.signers,
            is_former: true,
        });
        std::iter::once(newest).chain(former)
    }

    /// The keyset that a coin is of: the first one whose descriptor gives its script at this place.
    pub fn keyset_of(
        &self,
        keychain: Keychain,
        index: u32,
        script: &Script,
    ) -> Option<KeysetView<'_>> {
        let gives = |view: &KeysetView<'_>| {
            view.descriptor.script_pubkey(keychain, index).as_script() == script
        };
        self.keysets().find(gives)
    }
}
