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

/// The most comparisons that one analysis may take: bounds the time that a hostile document can take.
const MAX_COMPARISONS: usize = 30_000_000;

/// What joining two sets costs, in comparisons.
const JOINING: usize = 8;

/// What one step over a branch costs, in comparisons.
const STEP: usize = 64;

/// What is left of the work that one analysis may take.
#[derive(Debug)]
pub(crate) struct Effort {
    comparisons: usize,
}

impl Effort {
    pub(crate) const fn new() -> Self {
        Self {
            comparisons: MAX_COMPARISONS,
        }
    }

    fn spend(&mut self, comparisons: usize) -> Result<(), DescriptorError> {
        let left = self.comparisons.checked_sub(comparisons);
        self.comparisons = left.unwrap_or(0);
        left.map(|_| ()).ok_or(DescriptorError::TooManyPaths)
    }
}

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
    let meaning = descriptor.lift().map_err(DescriptorError::insane)?;
    let sets = minimal_sets_of(&meaning, &|key| position_of(keys, key))?;
    if sets.iter().any(|set| set.keys.is_empty()) {
        return Err(DescriptorError::NoKey);
    }
    if sets.iter().all(|set| set.older > 0) {
        return Err(DescriptorError::NoOrdinaryPath);
    }
    Ok(sets)
}

/// The minimal sets of holders without whom nobody can spend a coin of an age.
pub(super) fn blocking_sets(
    descriptor: &Descriptor<DescriptorPublicKey>,
    keys: &[KeyPosition],
    age: u16,
    holder_of: &impl Fn(usize) -> usize,
    effort: &mut Effort,
) -> Result<Vec<BTreeSet<usize>>, DescriptorError> {
    let meaning = descriptor.lift().map_err(DescriptorError::insane)?;
    let index_of = |key: &DescriptorPublicKey| position_of(keys, key).map(holder_of);
    let sets = answer(&meaning, &index_of, Question::Block { age }, effort)?;
    Ok(sets.into_iter().map(|set| set.keys).collect())
}

/// The sets that no other one is part of.
pub(crate) fn minimal(
    sets: impl Iterator<Item = BTreeSet<usize>>,
    effort: &mut Effort,
) -> Result<Vec<BTreeSet<usize>>, DescriptorError> {
    let sets = sets.map(|keys| KeySet { older: 0, keys }).collect();
    let kept = prune(sets, effort)?;
    Ok(kept.into_iter().map(|set| set.keys).collect())
}

/// Where a key of the descriptor stands; the NUMS key nowhere.
pub(super) fn position_of(keys: &[KeyPosition], key: &DescriptorPublicKey) -> Option<usize> {
    match key {
        DescriptorPublicKey::MultiXPub(xkey) if is_nums(&xkey.xkey) => None,
        DescriptorPublicKey::MultiXPub(xkey) => {
            keys.iter().position(|position| position.xpub == xkey.xkey)
        }
        DescriptorPublicKey::Single(_) | DescriptorPublicKey::XPub(_) => None,
    }
}

/// The minimal key sets of a meaning; keys without an index never sign. Two meanings are equal
/// exactly when these are: a monotone function is the same as its minimal satisfactions.
pub(super) fn minimal_sets_of<Pk: miniscript::MiniscriptKey>(
    meaning: &Meaning<Pk>,
    index_of: &impl Fn(&Pk) -> Option<usize>,
) -> Result<Vec<KeySet>, DescriptorError> {
    answer(meaning, index_of, Question::Spend, &mut Effort::new())
}

/// What is asked of a meaning: who can spend, or who must be missing so that nobody can.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// The minimal sets that spend, each with the age that it needs.
    Spend,
    /// The minimal sets whose absence leaves nobody who can spend a coin of this age.
    Block {
        /// Blocks that the coin is old.
        age: u16,
    },
}

/// The minimal sets that answer a question. A threshold of k among n is blocked by n−k+1 blocked
/// branches, so that both questions are one computation.
pub(super) fn answer<Pk: miniscript::MiniscriptKey>(
    meaning: &Meaning<Pk>,
    index_of: &impl Fn(&Pk) -> Option<usize>,
    question: Question,
    effort: &mut Effort,
) -> Result<Vec<KeySet>, DescriptorError> {
    let always = || vec![KeySet::nothing()];
    let constant = |spends: bool| match question {
        Question::Spend => spends,
        Question::Block { .. } => !spends,
    };
    let sets = match meaning {
        Meaning::Unsatisfiable if constant(false) => always(),
        Meaning::Trivial if constant(true) => always(),
        Meaning::Unsatisfiable | Meaning::Trivial => Vec::new(),
        Meaning::Key(key) => match index_of(key) {
            Some(index) => vec![KeySet {
                older: 0,
                keys: BTreeSet::from([index]),
            }],
            None if constant(false) => always(),
            None => Vec::new(),
        },
        Meaning::After(_) => return Err(DescriptorError::AbsoluteTimelock),
        Meaning::Older(lock) => {
            let bitcoin::relative::LockTime::Blocks(height) =
                bitcoin::relative::LockTime::from(*lock)
            else {
                return Err(DescriptorError::TimeBasedTimelock);
            };
            match question {
                Question::Spend => vec![KeySet {
                    older: height.value(),
                    keys: BTreeSet::new(),
                }],
                Question::Block { age } if age < height.value() => always(),
                Question::Block { .. } => Vec::new(),
            }
        }
        Meaning::Sha256(_) | Meaning::Hash256(_) | Meaning::Ripemd160(_) | Meaning::Hash160(_) => {
            return Err(DescriptorError::HashLock);
        }
        Meaning::Thresh(thresh) => {
            let needed = match question {
                Question::Spend => thresh.k(),
                Question::Block { .. } => thresh.n().saturating_sub(thresh.k()).saturating_add(1),
            };
            // reached[j]: the minimal ways to satisfy j of the branches seen so far.
            let mut reached: Vec<Vec<KeySet>> = vec![Vec::new(); needed.saturating_add(1)];
            reached[0].push(KeySet::nothing());
            for branch in thresh.iter() {
                let ways = answer(branch, index_of, question, effort)?;
                for j in (0..needed).rev() {
                    let joined = reached[j].len().saturating_mul(ways.len());
                    effort.spend(joined.saturating_mul(JOINING).saturating_add(STEP))?;
                    let more: Vec<KeySet> = reached[j]
                        .iter()
                        .flat_map(|set| ways.iter().map(|way| set.with(way)))
                        .collect();
                    let next = j.saturating_add(1);
                    reached[next].extend(more);
                    let pruned = prune(std::mem::take(&mut reached[next]), effort)?;
                    reached[next] = pruned;
                }
            }
            reached.pop().unwrap_or_default()
        }
    };
    prune(sets, effort)
}

/// Sorts, and drops every set that another one covers.
fn prune(mut sets: Vec<KeySet>, effort: &mut Effort) -> Result<Vec<KeySet>, DescriptorError> {
    sets.sort_by(|a, b| (a.older, a.keys.len(), &a.keys).cmp(&(b.older, b.keys.len(), &b.keys)));
    sets.dedup();
    if sets.len() > MAX_PATHS {
        return Err(DescriptorError::TooManyPaths);
    }
    let mut minimal: Vec<KeySet> = Vec::with_capacity(sets.len());
    for set in sets {
        // Equal size and age cannot cover one another once distinct: compare with smaller ones only.
        let comparable =
            |kept: &&KeySet| kept.keys.len() < set.keys.len() || kept.older < set.older;
        effort.spend(minimal.iter().filter(comparable).count())?;
        if !minimal
            .iter()
            .filter(comparable)
            .any(|kept| kept.covers(&set))
        {
            minimal.push(set);
        }
    }
    Ok(minimal)
}

#[cfg(test)]
mod tests;
