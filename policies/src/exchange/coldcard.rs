//! Coldcard's text of a multisig wallet (its `shared/multisig.py`, `from_file`) and the name and descriptor that
//! its EDGE firmware enrols (its `docs/miniscript.md`).

use std::collections::BTreeSet;

use serde::Serialize;

use super::multisig::{SortedMultisig, path_of};
use super::wallet_policy::WalletPolicy;
use super::{ExportError, Format, device_name, pretty};
use crate::Policy;

/// Letters of the longest name that it takes.
const MAX_NAME: usize = 20;
/// The most keys of its multisig wallets (`MAX_SIGNERS`).
const MAX_SIGNERS: usize = 15;

#[derive(Serialize)]
struct Edge<'a> {
    name: String,
    desc: &'a str,
}

/// The text of a multisig wallet: `Derivation:` stands before the keys that it is of.
pub(super) fn text(policy: &Policy) -> Result<String, ExportError> {
    let format = Format::Coldcard;
    let multisig = SortedMultisig::of(&policy.descriptor, format)?;
    let found = multisig.keys.len();
    if found > MAX_SIGNERS {
        return Err(ExportError::Keys {
            format,
            found,
            most: MAX_SIGNERS,
        });
    }
    let mut seen = BTreeSet::new();
    for key in &multisig.keys {
        let fingerprint = key.fingerprint;
        if !seen.insert(fingerprint) {
            return Err(ExportError::Fingerprint {
                format,
                fingerprint,
            });
        }
    }
    let mut out = format!(
        "# Multisig wallet of the vault {}\nName: {}\nPolicy: {} of {found}\nFormat: P2WSH\n",
        policy.name,
        device_name(policy, MAX_NAME),
        multisig.threshold,
    );
    let mut last = String::new();
    for key in &multisig.keys {
        let path = path_of(key);
        if path != last {
            out += &format!("\nDerivation: {path}\n\n");
        }
        last = path;
        let fingerprint = key.fingerprint.to_string().to_ascii_uppercase();
        out += &format!("{fingerprint}: {}\n", key.xpub);
    }
    Ok(out)
}

/// What the EDGE firmware enrols: it wants an origin at every key, and no place of a key twice.
pub(super) fn edge(policy: &Policy) -> Result<String, ExportError> {
    let name = device_name(policy, MAX_NAME);
    // The same rules on keys as BIP 388's.
    WalletPolicy::from_descriptor(&name, &policy.descriptor)?;
    Ok(pretty(&Edge {
        name,
        desc: policy.descriptor.text(),
    }))
}
