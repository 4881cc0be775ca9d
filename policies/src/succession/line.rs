//! The whole line of a vault's versions, read together.

use super::step::{SuccessionMistake, follows};
use crate::PolicyId;
use crate::document::{FormerKeyset, Policy};

/// Why documents are no line of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineMistake {
    /// There is none.
    #[error("there is no version")]
    Empty,
    /// The line does not begin with a first version.
    #[error("the line begins with version {version}")]
    NotFirst {
        /// The number of its first document.
        version: u32,
    },
    /// A version does not follow the one before it.
    #[error("version {version} does not follow the one before it: {}", .mistakes.first().map(ToString::to_string).unwrap_or_default())]
    DoesNotFollow {
        /// Its id.
        version: PolicyId,
        /// Every mistake.
        mistakes: Vec<SuccessionMistake>,
    },
}

/// The newest of a line's versions, which knows those before it. Each version names the one before by the hash of
/// its bytes, so that whoever pinned the newest id pinned all of them.
///
/// # Errors
/// When the documents, oldest first, are not one line from a first version on.
pub fn line(versions: Vec<Policy>) -> Result<Policy, LineMistake> {
    let mut versions = versions.into_iter();
    let mut newest = versions.next().ok_or(LineMistake::Empty)?;
    if newest.version != 1 {
        let version = newest.version;
        return Err(LineMistake::NotFirst { version });
    }
    newest.longest_skew = newest.limits.clock_skew;
    newest.earlier.clear();
    newest.former.clear();
    for next in versions {
        newest = succeed(newest, next)?;
    }
    Ok(newest)
}

impl Policy {
    /// The next version, which knows this one and those before it.
    ///
    /// # Errors
    /// When it does not follow this one.
    pub fn succeeded_by(&self, next: Self) -> Result<Self, LineMistake> {
        succeed(self.clone(), next)
    }
}

fn succeed(previous: Policy, mut next: Policy) -> Result<Policy, LineMistake> {
    follows(&previous, &next).map_err(|mistakes| LineMistake::DoesNotFollow {
        version: next.id,
        mistakes,
    })?;
    // A journal born under an earlier version must not take in what was made within that version's skew.
    next.longest_skew = previous.longest_skew.max(next.limits.clock_skew);
    let mut former = previous.former;
    if next.keyset == previous.keyset {
        next.earlier = previous.earlier;
        next.earlier.insert(0, previous.id);
    } else {
        next.earlier = Vec::new();
        let replaced = FormerKeyset {
            keyset: previous.keyset,
            descriptor: previous.descriptor,
            signers: previous.signers,
        };
        former.retain(|keyset| keyset.descriptor != replaced.descriptor);
        former.insert(0, replaced);
    }
    // Coins of a descriptor that is in use again are the newest keyset's.
    former.retain(|keyset| keyset.descriptor != next.descriptor);
    next.former = former;
    Ok(next)
}
