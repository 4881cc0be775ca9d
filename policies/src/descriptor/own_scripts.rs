//! Exact lookup of the vault's own scripts, on both keychains.

use std::collections::HashMap;
use std::sync::PoisonError;

use bitcoin::{Script, ScriptBuf};

use super::{ScriptKind, VaultDescriptor};
use crate::Keychain;

/// The scripts derived so far, shared by all clones of a descriptor: only a cache.
#[derive(Debug, Default)]
pub(super) struct ScriptTable {
    derived: u32,
    positions: HashMap<ScriptBuf, (Keychain, u32)>,
}

/// The vault's own scripts `0..=upto` of both keychains; derived on the first lookup that needs them.
#[derive(Debug, Clone, Copy)]
pub struct OwnScripts<'a> {
    descriptor: &'a VaultDescriptor,
    upto: u32,
}

impl<'a> OwnScripts<'a> {
    /// The scripts with indexes up to and including `upto`.
    pub fn new(descriptor: &'a VaultDescriptor, upto: u32) -> Self {
        Self {
            descriptor,
            upto: upto.min(super::MAX_INDEX),
        }
    }

    /// Whether the script is one of them.
    pub fn contains(&self, script: &Script) -> bool {
        self.find(script).is_some()
    }

    /// Where the script stands among them.
    pub fn find(&self, script: &Script) -> Option<(Keychain, u32)> {
        let ours = match self.descriptor.kind() {
            ScriptKind::Wsh => script.is_p2wsh(),
            ScriptKind::Tr => script.is_p2tr(),
            ScriptKind::Wpkh => script.is_p2wpkh(),
        };
        if !ours {
            return None;
        }
        let mut table = self
            .descriptor
            .scripts()
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while table.derived <= self.upto {
            let index = table.derived;
            for keychain in Keychain::BOTH {
                let own = self.descriptor.script_pubkey(keychain, index);
                table.positions.insert(own, (keychain, index));
            }
            table.derived = index.saturating_add(1);
        }
        table
            .positions
            .get(script)
            .copied()
            .filter(|(_, index)| *index <= self.upto)
    }
}
