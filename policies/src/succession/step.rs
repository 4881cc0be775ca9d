//! Whether a version follows another, and what kind of step that is.

use std::collections::BTreeSet;

use bitcoin::hex::DisplayHex;
use serde::Serialize;

use crate::document::{Policy, Signer};
use crate::planted::{Bug, planted};
use crate::{Keyset, PolicyId, UnixTime, VaultId};

/// What a step to the next version changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// People, rules and limits: signers may follow it by themselves.
    Rules,
    /// Signers, descriptor or recovery: at each signer a human pins it.
    Keyset,
}

/// What of a keyset a version alters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Altered {
    /// Names, persons, keys or journals of signers.
    Signers,
    /// The descriptor.
    Descriptor,
    /// Where a recovery pays.
    Recovery,
}

impl std::fmt::Display for Altered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signers => "the signers",
            Self::Descriptor => "the descriptor",
            Self::Recovery => "where a recovery pays",
        })
    }
}

/// Why a version does not follow another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum SuccessionMistake {
    /// It is of another vault.
    #[error("it is of another vault, {found}")]
    OtherVault {
        /// The vault of the version before.
        expected: VaultId,
        /// The vault that it names.
        found: VaultId,
    },
    /// It names another version as the one before.
    #[error("it follows {}, not {expected}", found.map_or_else(|| "no version".to_owned(), |id| id.to_string()))]
    OtherPrevious {
        /// The version before.
        expected: PolicyId,
        /// The version that it names.
        found: Option<PolicyId>,
    },
    /// Its number is not the next one.
    #[error("it is version {found}, after version {previous}")]
    VersionNotNext {
        /// The number before.
        previous: u32,
        /// Its number.
        found: u32,
    },
    /// It is of another chain.
    #[error("it is of another chain than the version before")]
    OtherNetwork,
    /// It alters the keyset and names an older one all the same: a change of keys as a change of rules.
    #[error("it alters {} but names the keyset {found}", joined(.altered))]
    KeysetClaimed {
        /// What is altered.
        altered: BTreeSet<Altered>,
        /// The keyset that it names.
        found: Keyset,
    },
    /// It alters nothing of the keyset and does not name the one before.
    #[error("it alters nothing of the keyset {expected}, but names {found}")]
    KeysetNotKept {
        /// The keyset before.
        expected: Keyset,
        /// The keyset that it names, or its own id.
        found: Keyset,
    },
}

fn joined(altered: &BTreeSet<Altered>) -> String {
    let words: Vec<String> = altered.iter().map(Altered::to_string).collect();
    words.join(" and ")
}

impl SuccessionMistake {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherVault { .. } => "SUCCESSOR_OTHER_VAULT",
            Self::OtherPrevious { .. } => "SUCCESSOR_OTHER_PREVIOUS",
            Self::VersionNotNext { .. } => "SUCCESSOR_VERSION",
            Self::OtherNetwork => "SUCCESSOR_OTHER_NETWORK",
            Self::KeysetClaimed { .. } => "KEYSET_CLAIMED",
            Self::KeysetNotKept { .. } => "KEYSET_NOT_KEPT",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            // Not how to alter it: it may be a genuine version, of a vault whose home this is not.
            Self::OtherVault { expected, .. } => {
                format!("use the home of that vault; every version of this one names the vault {expected}")
            }
            Self::OtherPrevious { expected, .. } => {
                format!("write previous = \"{expected}\", or take the successor of the pinned version")
            }
            Self::VersionNotNext { .. } => {
                "write the number after that of the version before".to_owned()
            }
            Self::OtherNetwork => {
                "leave network, genesis and signet_challenge as they are: a vault never moves to another chain"
                    .to_owned()
            }
            Self::KeysetClaimed { .. } => {
                "remove keyset: this version introduces one, and a human pins it at each signer".to_owned()
            }
            Self::KeysetNotKept { expected, .. } => format!("write keyset = \"{expected}\""),
        }
    }
}

/// Decides whether a version follows another, and which kind of step that is. Who approved it is
/// [`super::approved()`]'s question.
///
/// # Errors
/// Every mistake, never none.
pub fn follows(previous: &Policy, next: &Policy) -> Result<Step, Vec<SuccessionMistake>> {
    let mut mistakes = Vec::new();
    if next.vault != previous.vault {
        mistakes.push(SuccessionMistake::OtherVault {
            expected: previous.vault,
            found: next.vault,
        });
        // It goes on from nothing here: how it differs otherwise is nobody's mistake.
        if next.previous != Some(previous.id) {
            return Err(mistakes);
        }
    }
    if next.previous != Some(previous.id) {
        mistakes.push(SuccessionMistake::OtherPrevious {
            expected: previous.id,
            found: next.previous,
        });
    }
    if previous.version.checked_add(1) != Some(next.version) {
        mistakes.push(SuccessionMistake::VersionNotNext {
            previous: previous.version,
            found: next.version,
        });
    }
    let chain = |policy: &Policy| {
        let challenge = policy.signet_challenge.as_ref();
        let challenge = challenge.map(|script| script.as_bytes().to_lower_hex_string());
        (policy.network, policy.genesis, challenge)
    };
    if chain(next) != chain(previous) {
        mistakes.push(SuccessionMistake::OtherNetwork);
    }
    let altered = altered(previous, next);
    let introduced = Keyset::introduced_by(next.id);
    let step = if altered.is_empty() {
        if next.keyset != previous.keyset {
            mistakes.push(SuccessionMistake::KeysetNotKept {
                expected: previous.keyset,
                found: next.keyset,
            });
        }
        Step::Rules
    } else if next.keyset == previous.keyset && planted(Bug::KeysetSmuggled) {
        Step::Rules
    } else {
        if next.keyset != introduced {
            mistakes.push(SuccessionMistake::KeysetClaimed {
                altered,
                found: next.keyset,
            });
        }
        Step::Keyset
    };
    if mistakes.is_empty() {
        Ok(step)
    } else {
        Err(mistakes)
    }
}

/// What of the keyset differs. What a device is called does not count: no key rests on it.
fn altered(previous: &Policy, next: &Policy) -> BTreeSet<Altered> {
    let signers = |policy: &Policy| -> BTreeSet<String> {
        let one = |signer: &Signer| {
            let Signer {
                name,
                person,
                key,
                journal,
                device: _,
            } = signer;
            format!("{name} {person} {} {journal}", key.position())
        };
        policy.signers.iter().map(one).collect()
    };
    let mut altered = BTreeSet::new();
    if signers(previous) != signers(next) {
        altered.insert(Altered::Signers);
    }
    // Also where only the spelling differs: then the scripts are the same, and a human sees it.
    if previous.descriptor != next.descriptor {
        altered.insert(Altered::Descriptor);
    }
    if previous.recovery != next.recovery {
        altered.insert(Altered::Recovery);
    }
    altered
}

/// The first moment at which a successor counts for a signer whose journal first held it at `proposed`; nothing
/// where the version before lets none follow.
pub fn ripe_at(previous: &Policy, proposed: UnixTime) -> Option<UnixTime> {
    let change = previous.change.as_ref()?;
    let delay = if planted(Bug::VersionDelay) {
        0
    } else {
        change.delay
    };
    Some(proposed.saturating_add(delay))
}
