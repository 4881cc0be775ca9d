//! Exact weights of the vault's inputs.
//!
//! miniscript's `Plan::satisfaction_weight` counts the script of a taproot leaf but not the witness
//! script of `wsh` (rust-miniscript issue 701); it is added here.

use std::collections::BTreeSet;

use bitcoin::taproot::TapLeafHash;
use bitcoin::{VarInt, Weight, relative};
use miniscript::Descriptor;
use miniscript::descriptor::{DefiniteDescriptorKey, DescriptorPublicKey};
use miniscript::plan::AssetProvider;

use super::paths::{KeyPath, KeySet};
use super::{DescriptorError, VaultDescriptor};
use crate::Keychain;

/// Outpoint, sequence and the length byte of an empty scriptSig, in weight units.
pub const TXIN_BASE_WEIGHT: Weight = Weight::from_wu(4 * (32 + 4 + 4 + 1));

/// A Schnorr signature with the default sighash type (BIP 341).
const SCHNORR_BYTES: usize = 64;

/// Turns minimal key sets into paths with their weights.
pub(super) fn weigh(
    descriptor: &VaultDescriptor,
    sets: Vec<KeySet>,
) -> Result<Vec<KeyPath>, DescriptorError> {
    let script = descriptor.at(Keychain::External, 0);
    sets.into_iter()
        .map(|set| {
            let keys = set.keys.len();
            let signers = Signers {
                descriptor,
                set: &set,
            };
            let plan = script
                .definite
                .clone()
                .plan(&signers)
                .map_err(|_| DescriptorError::Unplannable { keys })?;
            let mut bytes = plan.witness_size();
            if let Descriptor::Wsh(wsh) = &script.definite {
                let script_bytes = wsh.inner_script().len();
                bytes += VarInt::from(script_bytes).size() + script_bytes;
                // The stack count covers the script too.
                let items = plan.witness_template().len();
                bytes += VarInt::from(items + 1).size() - VarInt::from(items).size();
            }
            let weight = u64::try_from(bytes).expect("a witness is shorter than 2^64 bytes");
            Ok(KeyPath {
                keys: set.keys.into_iter().collect(),
                older: (set.older > 0).then_some(set.older),
                satisfaction_weight: Weight::from_wu(weight),
            })
        })
        .collect()
}

/// Exactly the keys of one set sign, at exactly its age.
struct Signers<'a> {
    descriptor: &'a VaultDescriptor,
    set: &'a KeySet,
}

impl Signers<'_> {
    fn signs(&self, key: &DefiniteDescriptorKey) -> bool {
        let DescriptorPublicKey::XPub(xkey) = key.as_descriptor_public_key() else {
            return false;
        };
        let keys: &BTreeSet<usize> = &self.set.keys;
        self.descriptor
            .key_positions()
            .iter()
            .position(|position| position.xpub == xkey.xkey)
            .is_some_and(|index| keys.contains(&index))
    }
}

impl AssetProvider<DefiniteDescriptorKey> for Signers<'_> {
    fn provider_lookup_ecdsa_sig(&self, key: &DefiniteDescriptorKey) -> bool {
        self.signs(key)
    }

    fn provider_lookup_tap_key_spend_sig(&self, key: &DefiniteDescriptorKey) -> Option<usize> {
        self.signs(key).then_some(SCHNORR_BYTES)
    }

    fn provider_lookup_tap_leaf_script_sig(
        &self,
        key: &DefiniteDescriptorKey,
        _: &TapLeafHash,
    ) -> Option<usize> {
        self.signs(key).then_some(SCHNORR_BYTES)
    }

    fn check_older(&self, lock: relative::LockTime) -> bool {
        match lock {
            relative::LockTime::Blocks(height) => height.value() <= self.set.older,
            relative::LockTime::Time(_) => false,
        }
    }
}
