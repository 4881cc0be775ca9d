//! One key of a descriptor exchanged for another, in its own text: the script stays as it was compiled.

use bitcoin::bip32::Xpub;
use bitcoin::secp256k1::PublicKey;
use miniscript::ForEachKey;
use miniscript::descriptor::DescriptorPublicKey;

use super::keys::checksum_of;
use super::{KeyPosition, VaultDescriptor, is_nums, nums_xpub};

impl VaultDescriptor {
    /// The text of this descriptor with one key, its origin included, exchanged for another, and its checksum; the
    /// internal key that nobody can spend with is derived anew where it was derived from the keys. None where the
    /// descriptor does not have the key.
    pub(crate) fn exchanged(&self, old: &Xpub, new: &KeyPosition) -> Option<String> {
        if !self.key_positions().iter().any(|key| key.xpub == *old) {
            return None;
        }
        let body = self.text().split('#').next()?;
        let old_text = old.to_string();
        let mut out = String::with_capacity(body.len());
        let mut rest = body;
        while let Some(place) = rest.find(&old_text) {
            let (before, from) = rest.split_at(place);
            let origin = before.rfind('[').filter(|_| before.ends_with(']'))?;
            out += before.get(..origin)?;
            out += &spelled(new, before.get(origin..)?);
            rest = from.get(old_text.len()..)?;
        }
        out += rest;
        if let Some((nobody, derived)) = self.nobodys_key(old, new) {
            out = out.replace(&nobody.to_string(), &derived.to_string());
        }
        let checksum = checksum_of(&out)?;
        Some(format!("{out}#{checksum}"))
    }

    /// The internal key that nobody can spend with, where it was derived from the keys, and the one derived from
    /// the keys after the exchange.
    fn nobodys_key(&self, old: &Xpub, new: &KeyPosition) -> Option<(Xpub, Xpub)> {
        let mut found = None;
        self.multipath().for_each_key(|key| {
            if let DescriptorPublicKey::MultiXPub(xkey) = key
                && is_nums(&xkey.xkey)
            {
                found = Some(xkey.xkey);
            }
            true
        });
        let nobody = found?;
        let keys = |of: &dyn Fn(&Xpub) -> PublicKey| -> Vec<PublicKey> {
            let positions = self.key_positions().iter();
            positions.map(|position| of(&position.xpub)).collect()
        };
        let before = keys(&|xpub| xpub.public_key);
        let after = keys(&|xpub| {
            if xpub == old {
                new.xpub.public_key
            } else {
                xpub.public_key
            }
        });
        let derived = |keys: &[PublicKey]| nums_xpub(keys, nobody.network);
        (derived(&before).chain_code == nobody.chain_code).then(|| (nobody, derived(&after)))
    }
}

/// A key whose hardened steps are marked as those of another origin are.
fn spelled(key: &KeyPosition, origin: &str) -> String {
    let text = key.to_string();
    match text.split_once(']') {
        Some((path, xpub)) if origin.contains('\'') => {
            format!("{}]{xpub}", path.replace('h', "'"))
        }
        Some(_) | None => text,
    }
}
