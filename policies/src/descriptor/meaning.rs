//! What a descriptor means, as a policy over names, for people to read beside the text of the descriptor.
//!
//! Lifted from the script itself, so that it says what can spend and not what somebody wrote down about it. The
//! internal key that nobody can spend with does not stand in it.

use std::sync::Arc;

use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::{Liftable, Semantic};

use super::VaultDescriptor;
use super::paths::position_of;

impl VaultDescriptor {
    /// The policy that the script means, with a name for each of [`VaultDescriptor::key_positions`]; none where it
    /// cannot be lifted.
    pub fn meaning(&self, name_of: impl Fn(usize) -> String) -> Option<String> {
        let meaning = self.multipath().lift().ok()?;
        let named = named(&meaning, &|key| {
            position_of(self.key_positions(), key).map(&name_of)
        });
        Some(named.normalized().to_string())
    }
}

fn named(
    meaning: &Semantic<DescriptorPublicKey>,
    name_of: &impl Fn(&DescriptorPublicKey) -> Option<String>,
) -> Semantic<String> {
    match meaning {
        Semantic::Trivial => Semantic::Trivial,
        Semantic::Key(key) => name_of(key).map_or(Semantic::Unsatisfiable, Semantic::Key),
        Semantic::Older(lock) => Semantic::Older(*lock),
        Semantic::After(lock) => Semantic::After(*lock),
        // A vault's descriptor has no hash locks.
        Semantic::Unsatisfiable
        | Semantic::Sha256(_)
        | Semantic::Hash256(_)
        | Semantic::Ripemd160(_)
        | Semantic::Hash160(_) => Semantic::Unsatisfiable,
        Semantic::Thresh(branches) => {
            Semantic::Thresh(branches.map_ref(|branch| Arc::new(named(branch, name_of))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NAMES, compiled, vault};
    use crate::ScriptKind;

    #[test]
    fn a_script_says_what_it_means_over_names_and_without_the_key_of_nobody() {
        for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
            let vault = vault(&compiled(kind));
            let named = vault.meaning(|key| {
                let xpub = &vault.key_positions()[key].xpub;
                let names = NAMES.into_iter();
                let mut found = names.filter(|name| {
                    super::super::samples::named(name, bitcoin::Network::Regtest)
                        .key
                        .xpub
                        == *xpub
                });
                found.next().expect("one of the names").to_owned()
            });
            let mut text = named.expect("a meaning");
            for name in ["alice", "bob", "machine", "vault-key"] {
                assert!(text.contains(&format!("pk({name})")), "{text}");
                text = text.replace(&format!("pk({name})"), "pk");
            }
            assert!(text.contains("older(12960)"), "{text}");
            assert!(!text.contains("UNSATISFIABLE"), "{text}");
        }
    }
}
