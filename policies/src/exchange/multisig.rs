//! Plain multisig among descriptors: what wallets hold that write their own script from a list of keys.

use bitcoin::bip32::ChildNumber;
use miniscript::ForEachKey;
use miniscript::descriptor::DescriptorPublicKey;

use super::{ExportError, Format};
use crate::descriptor::{KeyPosition, ScriptKind, VaultDescriptor};

/// `wsh(sortedmulti(…))` with both usual branches under each key.
pub(super) struct SortedMultisig {
    /// Signatures that it takes.
    pub(super) threshold: usize,
    /// Its keys, as they stand.
    pub(super) keys: Vec<KeyPosition>,
}

impl SortedMultisig {
    /// The descriptor as sorted multisig, for a format that holds nothing else.
    pub(super) fn of(descriptor: &VaultDescriptor, format: Format) -> Result<Self, ExportError> {
        let script = ExportError::Script {
            format,
            singles: false,
        };
        let multisig = Self::read(descriptor).ok_or(script)?;
        if usual_branches(descriptor) {
            Ok(multisig)
        } else {
            Err(ExportError::Branches(format))
        }
    }

    fn read(descriptor: &VaultDescriptor) -> Option<Self> {
        let body = format!("{:#}", descriptor.multipath());
        let list = body.strip_prefix("wsh(sortedmulti(")?.strip_suffix("))")?;
        let (threshold, keys) = list.split_once(',')?;
        let keys = keys.split(',').map(position).collect::<Option<Vec<_>>>()?;
        Some(Self {
            threshold: threshold.parse().ok()?,
            keys,
        })
    }
}

/// Refuses what a wallet cannot hold that knows sorted multisig and single keys.
pub(super) fn sorted_or_single(
    descriptor: &VaultDescriptor,
    format: Format,
) -> Result<(), ExportError> {
    let single = match descriptor.kind() {
        ScriptKind::Wpkh => true,
        ScriptKind::Tr => !format!("{:#}", descriptor.multipath()).contains(','),
        ScriptKind::Wsh => false,
    };
    if !single && SortedMultisig::read(descriptor).is_none() {
        return Err(ExportError::Script {
            format,
            singles: true,
        });
    }
    if usual_branches(descriptor) {
        Ok(())
    } else {
        Err(ExportError::Branches(format))
    }
}

/// Whether every key serves deposits at 0 and change at 1, right below the extended key.
pub(super) fn usual_branches(descriptor: &VaultDescriptor) -> bool {
    let step = |index| vec![ChildNumber::Normal { index }];
    let usual = [step(0), step(1)];
    descriptor.multipath().for_each_key(|key| match key {
        DescriptorPublicKey::MultiXPub(xkey) => {
            let paths = xkey.derivation_paths.paths().iter();
            paths.map(AsRef::<[ChildNumber]>::as_ref).eq(usual.iter())
        }
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::XPub(_) => false,
    })
}

fn position(text: &str) -> Option<KeyPosition> {
    let DescriptorPublicKey::MultiXPub(xkey) = text.parse().ok()? else {
        return None;
    };
    let (fingerprint, path) = xkey.origin?;
    Some(KeyPosition {
        fingerprint,
        path,
        xpub: xkey.xkey,
    })
}

/// A path from the master key as wallets write it, `m/48'/1'/0'/2'`.
pub(super) fn path_of(key: &KeyPosition) -> String {
    let mut path = "m".to_owned();
    for step in &key.path {
        path += &format!("/{step}");
    }
    path
}
