//! What differs between two versions of a policy, in plain words.
//!
//! Invariant: nothing that differs is left out. Every structure of a document is taken apart by name, so that a
//! field that comes later does not compile until it is compared; where only comments or spelling differ, that is
//! said. A change is called tightened or loosened only where whatever passes under the one version passes under the
//! other as well, each withdrawal taken alone and everything else left as it is; where that cannot be said, it is
//! called changed.

mod facts;
mod keys;
mod limits;
mod lists;
mod people;
mod rules;
mod sense;
mod stopping;
mod vaults;

use serde::Serialize;

use crate::document::Policy;
use facts::{Found, Thing, compare_things};

/// Whether less or more passes than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Less passes.
    Tightened,
    /// More passes.
    Loosened,
    /// Something else passes, or the same.
    Changed,
}

impl Direction {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tightened => "tightened",
            Self::Loosened => "loosened",
            Self::Changed => "changed",
        }
    }

    /// That of the way back.
    const fn back(self) -> Self {
        match self {
            Self::Tightened => Self::Loosened,
            Self::Loosened => Self::Tightened,
            Self::Changed => Self::Changed,
        }
    }
}

/// The part of a document that a change is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Name, place in the line, chain, recent block, validity.
    Head,
    /// Signers, descriptor, recovery.
    Keys,
    /// Requesters and approvers.
    People,
    /// Bounds of every transaction.
    Limits,
    /// Lists of destinations.
    Lists,
    /// The treasury's other vaults.
    Vaults,
    /// Rules.
    Rules,
    /// Who approves spends to ourselves.
    Maintenance,
    /// Who releases a stop, and who lets automatic co-signers go on.
    Stopping,
    /// Who approves the next version.
    Change,
}

impl Part {
    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Head => "Head",
            Self::Keys => "Keys and descriptor",
            Self::People => "People",
            Self::Limits => "Limits of every transaction",
            Self::Lists => "Lists",
            Self::Vaults => "Other vaults",
            Self::Rules => "Rules",
            Self::Maintenance => "Maintenance",
            Self::Stopping => "Stop and go",
            Self::Change => "Next version",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where it is.
    pub part: Part,
    /// Whether less or more passes.
    pub direction: Direction,
    /// What it is about, such as `rule the rest, highest amount`.
    pub about: String,
    /// What it was; none where it is new.
    pub before: Option<String>,
    /// What it is; none where it is gone.
    pub after: Option<String>,
}

/// Every difference between two versions, part by part.
pub fn diff(previous: &Policy, next: &Policy) -> Vec<Change> {
    let mut found = Found::default();
    let things = |policy: &Policy| -> Vec<Thing> {
        let mut things = keys::things(policy);
        things.extend(people::things(policy));
        things.extend(limits::things(policy));
        things.extend(vaults::things(policy));
        things.extend(stopping::things(policy));
        things
    };
    compare_things(&things(previous), &things(next), &mut found);
    lists::compare(previous, next, &mut found);
    rules::compare(previous, next, &mut found);
    let mut changes = found.into_changes();
    if changes.is_empty() && previous.bytes != next.bytes {
        changes.push(Change {
            part: Part::Head,
            direction: Direction::Changed,
            about: "text of the document (comments or spelling; it means the same)".to_owned(),
            before: Some(previous.id.to_string()),
            after: Some(next.id.to_string()),
        });
    }
    changes.sort_by_key(|change| change.part);
    changes
}

#[cfg(all(test, feature = "signing"))]
mod tests;
