//! How far a revocation reaches: *announced* until enough signers said that they review under the version that
//! speaks it, then *in force*.
//!
//! Invariant: exact, from the descriptor's paths: in force means that every path has the key of a signer who
//! acknowledged, so that no set of others can sign what the version forbids. A signature that was given before never
//! ends by it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::paths::signer_of;
use crate::PolicyId;
use crate::descriptor::{Effort, VaultDescriptor, minimal};
use crate::document::{Policy, Signer};

/// How far a version reaches among the signers of a keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The version whose people, rules or keys end.
    pub previous: PolicyId,
    /// The signers of its keyset who acknowledged the next one, by name.
    pub acknowledged: Vec<String>,
    /// The signers who did not.
    pub waits_for: Vec<String>,
    /// Whether payments under the version before can still be signed: by ordinary paths.
    pub payments: Force,
    /// Whether anything under it can: by any path, also one with a timelock.
    pub everything: Force,
}

/// Whether what is revoked is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Force {
    /// Enough signers refuse it.
    #[serde(rename = "in force")]
    InForce,
    /// Others can sign it yet.
    Announced {
        /// Any of these sets of further signers brings it in force: minimal sets, by name; none if too many to
        /// list.
        once: Option<Vec<Vec<String>>>,
    },
}

impl Force {
    /// Whether it is in force.
    pub const fn is_in_force(&self) -> bool {
        matches!(self, Self::InForce)
    }
}

/// How far a next version reaches, once these signers of the keyset before it acknowledged it with their journal
/// keys. Names that this keyset does not have count for nothing.
pub fn reach(previous: &Policy, acknowledged: &BTreeSet<String>) -> Reach {
    let (descriptor, signers) = (&previous.descriptor, &previous.signers);
    let split = |has: bool| -> Vec<String> {
        let names = signers.iter().map(|signer| signer.name.clone());
        names
            .filter(|name| acknowledged.contains(name) == has)
            .collect()
    };
    Reach {
        previous: previous.id,
        acknowledged: split(true),
        waits_for: split(false),
        payments: force(descriptor, signers, acknowledged, 0),
        everything: force(descriptor, signers, acknowledged, u16::MAX),
    }
}

/// Whether no path of coins of an age goes without one of these signers.
fn force(
    descriptor: &VaultDescriptor,
    signers: &[Signer],
    acknowledged: &BTreeSet<String>,
    age: u16,
) -> Force {
    let names: Vec<Option<&str>> = (0..descriptor.key_positions().len())
        .map(|key| signer_of(descriptor, signers, key).map(|signer| signer.name.as_str()))
        .collect();
    let of_path = |older: Option<u16>| older.unwrap_or(0) <= age;
    let refuses = |key: &usize| names[*key].is_some_and(|name| acknowledged.contains(name));
    let mut paths = descriptor.paths().iter();
    if paths.all(|path| !of_path(path.older) || path.keys.iter().any(refuses)) {
        return Force::InForce;
    }
    // Those who acknowledged are one holder, who refuses already; each other key stands alone.
    let refusing = names.len();
    let holder_of = |key: usize| if refuses(&key) { refusing } else { key };
    let mut effort = Effort::new();
    let blocking = descriptor.blocking_sets(age, &holder_of, &mut effort).ok();
    let once = blocking.and_then(|sets| {
        let further = sets.into_iter().map(|mut set| {
            set.remove(&refusing);
            set
        });
        minimal(further, &mut effort).ok()
    });
    let named = |set: &BTreeSet<usize>| -> Vec<String> {
        set.iter()
            .map(|key| names[*key].map_or_else(|| format!("key {key}"), str::to_owned))
            .collect()
    };
    Force::Announced {
        once: once.map(|sets| {
            let mut sets: Vec<Vec<String>> = sets.iter().map(named).collect();
            sets.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
            sets
        }),
    }
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
