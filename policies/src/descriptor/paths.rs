//! The minimal sets of keys that can spend, found by lifting the descriptor to its meaning.

use std::collections::BTreeSet;

use bitcoin::Weight;
use miniscript::Descriptor;
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::Liftable;
use miniscript::policy::semantic::Policy as Meaning;

use super::{DescriptorError, KeyPosition, is_nums};

/// The most minimal key sets that are analysed.
pub const MAX_PATHS: usize = 10_000;

/// The most combinations looked at in one step: bounds the time that a hostile document can take.
const MAX_COMBINATIONS: usize = 20 * MAX_PATHS;

/// One minimal set of keys that can spend a coin of an age, and what its witness weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath {
    /// Indexes into [`super::VaultDescriptor::key_positions`], ascending.
    pub keys: Vec<usize>,
    /// Blocks that the coin must be old; none on an ordinary path.
    pub older: Option<u16>,
    /// The heaviest witness of this path with its stack count and witness script.
    pub satisfaction_weight: Weight,
}

/// A minimal satisfaction: keys by index, and the age in blocks (0 for none).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeySet {
    pub(super) older: u16,
    pub(super) keys: BTreeSet<usize>,
}

impl KeySet {
    fn nothing() -> Self {
        Self {
            older: 0,
            keys: BTreeSet::new(),
        }
    }

    fn with(&self, other: &Self) -> Self {
        Self {
            older: self.older.max(other.older),
            keys: self.keys.union(&other.keys).copied().collect(),
        }
    }

    /// Whether everything that satisfies `other` satisfies this one too.
    fn covers(&self, other: &Self) -> bool {
        self.older <= other.older && self.keys.is_subset(&other.keys)
    }
}

/// The minimal key sets of a descriptor, sorted by age and then keys.
pub(super) fn minimal_sets(
    descriptor: &Descriptor<DescriptorPublicKey>,
    keys: &[KeyPosition],
) -> Result<Vec<KeySet>, DescriptorError> {
    let meaning = descriptor.lift().map_err(DescriptorError::Insane)?;
    let sets = minimal_sets_of(&meaning, &|key| match key {
        DescriptorPublicKey::MultiXPub(xkey) if is_nums(&xkey.xkey) => None,
        DescriptorPublicKey::MultiXPub(xkey) => {
            keys.iter().position(|position| position.xpub == xkey.xkey)
        }
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::XPub(_) => None,
    })?;
    if sets.iter().any(|set| set.keys.is_empty()) {
        return Err(DescriptorError::NoKey);
    }
    if sets.iter().all(|set| set.older > 0) {
        return Err(DescriptorError::NoOrdinaryPath);
    }
    Ok(sets)
}

/// The minimal key sets of a meaning; keys without an index never sign. Two meanings are equal
/// exactly when these are: a monotone function is the same as its minimal satisfactions.
pub(super) fn minimal_sets_of<Pk: miniscript::MiniscriptKey>(
    meaning: &Meaning<Pk>,
    index_of: &impl Fn(&Pk) -> Option<usize>,
) -> Result<Vec<KeySet>, DescriptorError> {
    let sets = match meaning {
        Meaning::Unsatisfiable => Vec::new(),
        Meaning::Trivial => vec![KeySet::nothing()],
        Meaning::Key(key) => index_of(key)
            .map(|index| KeySet {
                older: 0,
                keys: BTreeSet::from([index]),
            })
            .into_iter()
            .collect(),
        Meaning::After(_) => return Err(DescriptorError::AbsoluteTimelock),
        Meaning::Older(lock) => match bitcoin::relative::LockTime::from(*lock) {
            bitcoin::relative::LockTime::Blocks(height) => vec![KeySet {
                older: height.value(),
                keys: BTreeSet::new(),
            }],
            bitcoin::relative::LockTime::Time(_) => {
                return Err(DescriptorError::TimeBasedTimelock);
            }
        },
        Meaning::Sha256(_) | Meaning::Hash256(_) | Meaning::Ripemd160(_) | Meaning::Hash160(_) => {
            return Err(DescriptorError::HashLock);
        }
        Meaning::Thresh(thresh) => {
            // reached[j]: the minimal ways to satisfy j of the branches seen so far.
            let mut reached: Vec<Vec<KeySet>> = vec![Vec::new(); thresh.k().saturating_add(1)];
            reached[0].push(KeySet::nothing());
            for branch in thresh.iter() {
                let ways = minimal_sets_of(branch, index_of)?;
                for j in (0..thresh.k()).rev() {
                    if reached[j].len().saturating_mul(ways.len()) > MAX_COMBINATIONS {
                        return Err(DescriptorError::TooManyPaths);
                    }
                    let more: Vec<KeySet> = reached[j]
                        .iter()
                        .flat_map(|set| ways.iter().map(|way| set.with(way)))
                        .collect();
                    let next = j.saturating_add(1);
                    reached[next].extend(more);
                    let pruned = prune(std::mem::take(&mut reached[next]))?;
                    reached[next] = pruned;
                }
            }
            reached.pop().unwrap_or_default()
        }
    };
    prune(sets)
}

/// Sorts, and drops every set that another one covers.
fn prune(mut sets: Vec<KeySet>) -> Result<Vec<KeySet>, DescriptorError> {
    sets.sort_by(|a, b| (a.older, a.keys.len(), &a.keys).cmp(&(b.older, b.keys.len(), &b.keys)));
    sets.dedup();
    if sets.len() > MAX_PATHS {
        return Err(DescriptorError::TooManyPaths);
    }
    let mut minimal: Vec<KeySet> = Vec::with_capacity(sets.len());
    for set in sets {
        // Equal size and age cannot cover one another once distinct: compare with smaller ones only.
        let covered = minimal.iter().any(|kept| {
            (kept.keys.len() < set.keys.len() || kept.older < set.older) && kept.covers(&set)
        });
        if !covered {
            minimal.push(set);
        }
    }
    Ok(minimal)
}
