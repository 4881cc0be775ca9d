//! Who holds the keys: keys of one person, or on one host, are lost and stolen together.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::descriptor::VaultDescriptor;
use crate::document::Signer;

/// Whoever holds some of the descriptor's keys together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The person; several with `/` between them where they share a host.
    pub name: String,
    /// The signers, by name.
    pub signers: Vec<String>,
    /// The hosts that the document names.
    pub hosts: BTreeSet<String>,
}

/// The holder of every key of a descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Holders {
    list: Vec<Holder>,
    of_key: Vec<usize>,
}

impl Holders {
    /// Puts keys together that share a person or a host, also through a third key; a key that no
    /// signer holds stands alone.
    pub(crate) fn of(descriptor: &VaultDescriptor, signers: &[Signer]) -> Self {
        let keys = descriptor.key_positions().len();
        let held: Vec<Option<&Signer>> = (0..keys)
            .map(|key| super::paths::signer_of(descriptor, signers, key))
            .collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for key in 0..keys {
            let (together, apart): (Vec<_>, Vec<_>) = groups
                .into_iter()
                .partition(|group| group.iter().any(|other| share(held[*other], held[key])));
            groups = apart;
            let mut group: Vec<usize> = together.into_iter().flatten().collect();
            group.push(key);
            group.sort_unstable();
            groups.push(group);
        }
        groups.sort_unstable();
        let mut of_key = vec![0; keys];
        let mut list = Vec::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            for key in group {
                of_key[*key] = index;
            }
            list.push(holder(group, &held));
        }
        Self { list, of_key }
    }

    /// Whose key it is.
    pub(crate) fn of_key(&self, key: usize) -> usize {
        self.of_key[key]
    }

    /// The holders in the order of their first keys.
    pub(super) fn list(&self) -> &[Holder] {
        &self.list
    }

    /// The sets in the holders' names, small ones first, each sorted.
    pub(super) fn names(&self, sets: &[BTreeSet<usize>]) -> Vec<Vec<String>> {
        let mut named: Vec<Vec<String>> = sets
            .iter()
            .map(|set| {
                let names = set.iter().map(|holder| self.list[*holder].name.clone());
                let sorted: BTreeSet<String> = names.collect();
                sorted.into_iter().collect()
            })
            .collect();
        named.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        named
    }
}

fn share(a: Option<&Signer>, b: Option<&Signer>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    let same_host = match (host(a), host(b)) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => false,
    };
    a.person == b.person || same_host
}

fn host(signer: &Signer) -> Option<&String> {
    signer
        .device
        .as_ref()
        .and_then(|device| device.host.as_ref())
}

fn holder(group: &[usize], held: &[Option<&Signer>]) -> Holder {
    let signers: Vec<&Signer> = group.iter().filter_map(|key| held[*key]).collect();
    let persons: BTreeSet<&str> = signers
        .iter()
        .map(|signer| signer.person.as_str())
        .collect();
    let name = if persons.is_empty() {
        group
            .iter()
            .map(|key| format!("key {key}"))
            .collect::<Vec<_>>()
            .join("/")
    } else {
        persons.into_iter().collect::<Vec<_>>().join("/")
    };
    Holder {
        name,
        signers: signers.iter().map(|signer| signer.name.clone()).collect(),
        hosts: signers
            .iter()
            .filter_map(|signer| host(signer).cloned())
            .collect(),
    }
}
