//! Reading `[[vaults]]`.

use bitcoin::Network;

use super::super::other_vault::{DEFAULT_REACH, MAX_REACH};
use super::super::reader::{Mistakes, Table};
use super::super::{OtherVault, Problem, Signer};
use super::people::all;
use super::{name, spending};
use crate::VaultId;

pub(super) fn vaults(
    root: &Table<'_>,
    network: Option<Network>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<OtherVault>> {
    let Some(field) = root.optional("vaults") else {
        return Some(Vec::new());
    };
    let entries = field.array(mistakes)?;
    all(&entries, mistakes, |entry, mistakes| {
        let table = entry.table(&["name", "vault", "descriptor", "reach"], &[], mistakes)?;
        let vault_name = table
            .required("name", mistakes)
            .and_then(|field| name(&field, mistakes));
        let vault = table.required("vault", mistakes).and_then(|field| {
            field.parse(mistakes, |text| {
                text.parse::<VaultId>()
                    .map_err(|_| "a vault's id, 64 lower hex digits")
            })
        });
        let descriptor = table
            .required("descriptor", mistakes)
            .and_then(|field| spending::descriptor(&field, network, mistakes));
        let reach = match table.optional("reach") {
            Some(field) => field.integer(1..=u64::from(MAX_REACH), mistakes),
            None => Some(DEFAULT_REACH),
        };
        Some(OtherVault {
            name: vault_name?,
            vault: vault?,
            descriptor: descriptor?,
            reach: reach?,
        })
    })
}

/// Each vault stands once, and none shares a key with this one or another: a key serves one vault alone.
pub(super) fn check(vaults: &[OtherVault], signers: &[Signer], mistakes: &mut Mistakes<'_>) {
    for (index, vault) in vaults.iter().enumerate() {
        let before = vaults.get(..index).unwrap_or_default();
        if let Some(first) = before.iter().position(|other| other.vault == vault.vault) {
            mistakes.add(
                &format!("vaults[{index}].vault"),
                Problem::Duplicate {
                    value: vault.vault.to_string(),
                    first: format!("vaults[{first}].vault"),
                },
            );
        }
        let ours = signers.iter().enumerate().map(|(at, signer)| {
            let path = format!("signers[{at}].key");
            (path, signer.key.xpub.public_key)
        });
        let theirs = before.iter().enumerate().flat_map(|(at, other)| {
            let keys = other.descriptor.key_positions().iter();
            keys.map(move |key| (format!("vaults[{at}].descriptor"), key.xpub.public_key))
        });
        let keys = vault.descriptor.key_positions();
        let own = |key| keys.iter().any(|own| own.xpub.public_key == key);
        if let Some((first, _)) = ours.chain(theirs).find(|(_, key)| own(*key)) {
            mistakes.add(
                &format!("vaults[{index}].descriptor"),
                Problem::DuplicateKey { first },
            );
        }
    }
}
