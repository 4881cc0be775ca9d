//! Where a vault stands once some of its signers are gone: who can still sign, how many more may go, what thieves
//! can do, and what to do first.
//!
//! Invariant: exact, from the descriptor's paths, and bounded in time: where there are more sets than can be listed,
//! none are given, never some. Keys of one person or host are lost and stolen together, but for those named here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::holders::Holders;
use super::paths::{signer_of, spending_paths};
use crate::PolicyId;
use crate::descriptor::{Effort, KeyPath, VaultDescriptor, minimal};
use crate::document::Policy;

/// In which way a signer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// Nobody has the key any more.
    Lost,
    /// A thief has the key; nobody counts on its owner.
    Stolen,
    /// Cannot sign now, and comes back.
    Away,
    /// Can sign now, and soon no more.
    Leaving,
}

impl Gone {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stolen => "stolen",
            Self::Away => "away",
            Self::Leaving => "leaving",
        }
    }
}

/// A signer was named whom the policy does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no signer is named {name}")]
pub struct UnknownSigner {
    /// The name.
    pub name: String,
}

/// Where a vault stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The version.
    pub policy: PolicyId,
    /// Who is gone, and how: of two ways the worse one.
    pub gone: BTreeMap<String, Gone>,
    /// The signers who can sign now.
    pub can_sign: Vec<String>,
    /// The ordinary paths that are open now, by name.
    pub open_paths: Vec<String>,
    /// Now, and after each timelock.
    pub stages: Vec<Stage>,
    /// What to do, the most urgent first.
    pub advice: Vec<Advice>,
}

/// Where coins of an age stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Blocks that the coins are old; none for any coin, also the newest.
    pub older: Option<u16>,
    /// Whether those who can sign now can spend them.
    pub spendable: bool,
    /// Whether they can be spent once those who are away are back.
    pub spendable_with_away: bool,
    /// Whose further loss freezes them, once those who leave have left and those who are away are back: minimal
    /// sets of holders; the empty set where they are frozen; none if too many to list.
    pub freezing: Option<Vec<Vec<String>>>,
    /// Whether the stolen keys alone can spend them.
    pub thieves_can: bool,
    /// The holders whose keys the thieves lack: minimal sets; none if too many to list. Nothing was stolen: as for
    /// any thief.
    pub thieves_lack: Option<Vec<Vec<String>>>,
}

impl Stage {
    /// The fewest holders whose keys thieves lack; none where it is not known.
    pub fn fewest_lacking(&self) -> Option<usize> {
        self.thieves_lack.as_ref()?.iter().map(Vec::len).min()
    }

    /// Whether nobody will be able to spend coins of this age.
    pub fn is_frozen(&self) -> bool {
        (self.freezing.as_ref()).is_some_and(|sets| sets.iter().any(Vec::is_empty))
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Advice {
    /// Thieves can spend: move the coins before they do.
    MoveNow,
    /// Thieves lack few keys: stop, so that no signer pays while it is looked into.
    Stop {
        /// The fewest holders whose keys they lack.
        lacking: usize,
    },
    /// Thieves can spend coins once they are old: refresh them before.
    RefreshBefore {
        /// Blocks.
        older: u16,
    },
    /// Nobody can spend, at any age: look for copies of keys.
    FindKeys {
        /// The signers whose keys are lost or stolen.
        signers: Vec<String>,
    },
    /// Ordinary spends are over: recover once the coins are old.
    RecoverAfter {
        /// Blocks.
        older: u16,
    },
    /// Nobody can spend until those who are away come back.
    CallBack {
        /// The signers who are away.
        signers: Vec<String>,
    },
    /// Replace these signers while a spend is possible, those with stolen keys first.
    Replace {
        /// The signers.
        signers: Vec<String>,
        /// Whether they must still sign the move to the new keyset themselves.
        while_they_sign: bool,
    },
    /// One loss more freezes coins that nothing else reaches now.
    NoMargin {
        /// The holders of whom each one's loss freezes.
        holders: Vec<String>,
    },
    /// There is nothing to do at once.
    Nothing,
}

/// Where the vault stands once these signers are gone.
///
/// # Errors
/// When the policy has no signer of a name.
pub fn standing(policy: &Policy, gone: &[(String, Gone)]) -> Result<Standing, UnknownSigner> {
    let mut ways: BTreeMap<String, Gone> = BTreeMap::new();
    for (name, way) in gone {
        if policy.signer(name).is_none() {
            return Err(UnknownSigner { name: name.clone() });
        }
        let worse = ways.get(name).map_or(*way, |other| worse(*other, *way));
        ways.insert(name.clone(), worse);
    }
    let descriptor = &policy.descriptor;
    let keys = Keys::of(policy, &ways);
    let can_sign = policy.signers.iter().filter(|signer| {
        ways.get(&signer.name)
            .is_none_or(|way| *way == Gone::Leaving)
    });
    let can_sign: Vec<String> = can_sign.map(|signer| signer.name.clone()).collect();
    let named = spending_paths(descriptor, &policy.signers);
    let open_paths = descriptor
        .paths()
        .iter()
        .zip(named)
        .filter(|(path, named)| named.ordinary && keys.all(path, Keys::signs_now))
        .map(|(_, named)| named.name)
        .collect();
    let stages = stages(descriptor, &keys);
    let advice = advice(&ways, &stages, &keys, descriptor);
    Ok(Standing {
        policy: policy.id,
        gone: ways,
        can_sign,
        open_paths,
        stages,
        advice,
    })
}

/// Of two ways of being gone the one that counts: a stolen key is stolen, whatever else it is.
fn worse(one: Gone, other: Gone) -> Gone {
    const ORDER: [Gone; 4] = [Gone::Stolen, Gone::Lost, Gone::Leaving, Gone::Away];
    let first = ORDER.into_iter().find(|way| [one, other].contains(way));
    first.unwrap_or(one)
}

/// In which way each key of the descriptor is gone, and who holds it.
struct Keys {
    gone: Vec<Option<Gone>>,
    holders: Holders,
}

impl Keys {
    fn of(policy: &Policy, ways: &BTreeMap<String, Gone>) -> Self {
        let descriptor = &policy.descriptor;
        let gone = (0..descriptor.key_positions().len())
            .map(|key| {
                let signer = signer_of(descriptor, &policy.signers, key)?;
                ways.get(&signer.name).copied()
            })
            .collect();
        Self {
            gone,
            holders: Holders::of(descriptor, &policy.signers),
        }
    }

    fn all(&self, path: &KeyPath, holds: fn(Option<Gone>) -> bool) -> bool {
        path.keys.iter().all(|key| holds(self.gone[*key]))
    }

    fn signs_now(way: Option<Gone>) -> bool {
        matches!(way, None | Some(Gone::Leaving))
    }

    fn signs_or_comes_back(way: Option<Gone>) -> bool {
        matches!(way, None | Some(Gone::Leaving | Gone::Away))
    }

    /// Whether the key will not sign any more.
    fn is_over(way: Option<Gone>) -> bool {
        matches!(way, Some(Gone::Lost | Gone::Stolen | Gone::Leaving))
    }

    fn is_stolen(way: Option<Gone>) -> bool {
        way == Some(Gone::Stolen)
    }
}

fn stages(descriptor: &VaultDescriptor, keys: &Keys) -> Vec<Stage> {
    let mut effort = Effort::new();
    let ages: BTreeSet<u16> = descriptor
        .paths()
        .iter()
        .filter_map(|path| path.older)
        .collect();
    std::iter::once(None)
        .chain(ages.into_iter().map(Some))
        .map(|older| stage(descriptor, keys, older, &mut effort))
        .collect()
}

fn stage(
    descriptor: &VaultDescriptor,
    keys: &Keys,
    older: Option<u16>,
    effort: &mut Effort,
) -> Stage {
    let age = older.unwrap_or(0);
    let paths: Vec<&KeyPath> = descriptor
        .paths()
        .iter()
        .filter(|path| path.older.unwrap_or(0) <= age)
        .collect();
    let can = |holds: fn(Option<Gone>) -> bool| paths.iter().any(|path| keys.all(path, holds));
    // All keys that are over are one holder more, whom the vault has lost already: a set blocks besides them
    // exactly if it blocks together with them.
    let over = keys.holders.list().len();
    let holder_of = |key: usize| {
        if Keys::is_over(keys.gone[key]) {
            over
        } else {
            keys.holders.of_key(key)
        }
    };
    let blocking = descriptor.blocking_sets(age, &holder_of, effort).ok();
    let freezing = blocking.and_then(|sets| {
        let besides = sets.into_iter().map(|mut set| {
            set.remove(&over);
            set
        });
        minimal(besides, effort).ok()
    });
    let lacking = paths.iter().map(|path| {
        let lacking = path.keys.iter();
        lacking
            .filter(|key| !Keys::is_stolen(keys.gone[**key]))
            .map(|key| keys.holders.of_key(*key))
            .collect::<BTreeSet<usize>>()
    });
    let lacking = minimal(lacking, effort).ok();
    let named =
        |sets: &Option<Vec<BTreeSet<usize>>>| sets.as_ref().map(|sets| keys.holders.names(sets));
    Stage {
        older,
        spendable: can(Keys::signs_now),
        spendable_with_away: can(Keys::signs_or_comes_back),
        freezing: named(&freezing),
        thieves_can: can(Keys::is_stolen),
        thieves_lack: named(&lacking),
    }
}

fn advice(
    ways: &BTreeMap<String, Gone>,
    stages: &[Stage],
    keys: &Keys,
    descriptor: &VaultDescriptor,
) -> Vec<Advice> {
    let named = |wanted: &[Gone]| -> Vec<String> {
        let found = ways.iter().filter(|(_, way)| wanted.contains(way));
        found.map(|(name, _)| name.clone()).collect()
    };
    let mut advice = Vec::new();
    let Some(now) = stages.first() else {
        return advice;
    };
    let stolen = named(&[Gone::Stolen]);
    if now.thieves_can {
        advice.push(Advice::MoveNow);
    } else if !stolen.is_empty() {
        if let Some(lacking) = now.fewest_lacking() {
            advice.push(Advice::Stop { lacking });
        }
        let first = stages.iter().find(|stage| stage.thieves_can);
        if let Some(older) = first.and_then(|stage| stage.older) {
            advice.push(Advice::RefreshBefore { older });
        }
    }
    if !now.spendable {
        let away = named(&[Gone::Away]);
        let later = stages.iter().find(|stage| stage.spendable_with_away);
        if now.spendable_with_away {
            advice.push(Advice::CallBack { signers: away });
        } else if let Some(older) = later.and_then(|stage| stage.older) {
            advice.push(Advice::RecoverAfter { older });
        } else {
            let signers = named(&[Gone::Lost, Gone::Stolen]);
            advice.push(Advice::FindKeys { signers });
        }
    }
    let over = named(&[Gone::Lost, Gone::Stolen]);
    let can_move = now.spendable || now.spendable_with_away;
    if can_move && !over.is_empty() {
        let mut signers = stolen;
        signers.extend(named(&[Gone::Lost]));
        let while_they_sign = false;
        advice.push(Advice::Replace {
            signers,
            while_they_sign,
        });
    }
    let leaving = named(&[Gone::Leaving]);
    if can_move && !leaving.is_empty() {
        let stays = |way: Option<Gone>| way.is_none() || way == Some(Gone::Away);
        let without = descriptor.paths().iter();
        let mut without = without.filter(|path| path.older.is_none());
        let while_they_sign = !without.any(|path| keys.all(path, stays));
        advice.push(Advice::Replace {
            signers: leaving,
            while_they_sign,
        });
    }
    if can_move && !now.is_frozen() {
        let single = now.freezing.iter().flatten().filter(|set| set.len() == 1);
        let holders: Vec<String> = single.flatten().cloned().collect();
        if !holders.is_empty() && !ways.is_empty() {
            advice.push(Advice::NoMargin { holders });
        }
    }
    if advice.is_empty() {
        advice.push(Advice::Nothing);
    }
    advice
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
