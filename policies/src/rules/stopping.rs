//! Who may stop a vault, release a stop, and let automatic co-signers sign.
//!
//! One pinned key stops, whether an approver's or a journal's; a stop never ends by itself. A quorum of
//! persons with `own` keys releases it or says go; their signatures end as they say. What the policy does
//! not grant to anybody, nobody may do.

use serde::Serialize;

use super::persons_of;
use crate::document::{Approvals, Policy};
use crate::hash::Purpose;
use crate::ids::KeyId;
use crate::intent::{Approval, PublicKey, SignatureError, Statement};
use crate::journal::{Heard, History};
use crate::planted::{Bug, planted};
use crate::time::UnixTime;

use super::{Entitlement, Said};

/// Why automatic co-signers do not sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(untagged)]
pub enum GoRefusal {
    /// Nobody said go, or too few did.
    #[error("automatic co-signers sign only once {needed} person{}{} said go", if *needed == 1 { "" } else { "s" }, group.as_ref().map(|name| format!(" of {name}")).unwrap_or_default())]
    Missing {
        /// The group whose persons count.
        group: Option<String>,
        /// Persons demanded.
        needed: u32,
    },
    /// The last go is too old, or from before a stop.
    #[error("the last go was said {created}, it counts no more since {until}")]
    TooOld {
        /// When it was said.
        created: UnixTime,
        /// When it ended.
        until: UnixTime,
    },
}

impl GoRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "GO_MISSING",
            Self::TooOld { .. } => "GO_TOO_OLD",
        }
    }

    /// What can be done.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "have the persons of [go] say go, and their statement put into the inbox"
            }
            Self::TooOld { .. } => "have the persons of [go] say go again",
        }
    }
}

/// The pinned key of an id that may stop a vault, where it is a journal's.
pub fn journal_of_key(policy: &Policy, key: KeyId) -> Option<(&str, PublicKey)> {
    let mut signers = policy.signers.iter();
    let signer = signers.find(|signer| signer.journal.id() == key)?;
    Some((signer.name.as_str(), signer.journal))
}

/// Counts who signed a statement that stops, releases or says go; none where the policy lets nobody say it,
/// or the statement is another one.
pub fn stopping(
    policy: &Policy,
    statement: &Statement,
    approvals: &[Approval],
    now: UnixTime,
) -> Option<(Entitlement, Vec<KeyId>)> {
    let quorum = match statement {
        Statement::Stop(_) => None,
        Statement::Release { .. } => Some(policy.release_quorum()?),
        Statement::Go(_) => Some(&policy.go.as_ref()?.approvals),
        Statement::ListAdd(_)
        | Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Ack { .. } => return None,
    };
    let (subject, purpose) = (statement.subject(), statement.purpose());
    let of_this = approvals
        .iter()
        .filter(|approval| approval.subject == subject && approval.purpose == purpose);
    let keys: Vec<KeyId> = of_this
        .filter(|approval| counts(policy, approval, now))
        .map(|approval| approval.key)
        .collect();
    let entitlement = match quorum {
        None => Entitlement {
            group: None,
            needed: 1,
            approved_by: names_of(policy, &keys),
        },
        Some(Approvals { group, count, .. }) => Entitlement {
            group: group.clone(),
            needed: *count,
            approved_by: persons_of(policy, group.as_deref(), &keys),
        },
    };
    Some((entitlement, keys))
}

/// Whether the signature is one that may count at all.
fn counts(policy: &Policy, approval: &Approval, now: UnixTime) -> bool {
    if approval.purpose == Purpose::Stop {
        return signed_stop(policy, approval).is_ok();
    }
    let approver = policy.approver_of_key(approval.key);
    !approval.has_expired(now)
        && approver.is_some_and(|(_, key)| approval.verify(key, policy.vault).is_ok())
}

/// Why a signature on a stop counts for nothing; `name` is whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongStop {
    /// The policy pins no such key.
    Foreign,
    /// It says something else.
    Purpose {
        /// Whose key it is.
        name: String,
    },
    /// It says when it ends; a stop does not.
    Ends {
        /// Whose key it is.
        name: String,
    },
    /// It is not that key's signature.
    Signature {
        /// Whose key it is.
        name: String,
        /// What is wrong.
        error: SignatureError,
    },
}

/// Verifies a signature on a stop under the pinned key of an approver or of a journal; gives whose it is.
///
/// # Errors
/// Why it counts for nothing.
pub fn signed_stop(policy: &Policy, approval: &Approval) -> Result<String, WrongStop> {
    let vault = policy.vault;
    let (name, verified) = if let Some((approver, key)) = policy.approver_of_key(approval.key) {
        (approver.name.clone(), approval.verify(key, vault))
    } else {
        let journal = journal_of_key(policy, approval.key);
        let (name, key) = journal.ok_or(WrongStop::Foreign)?;
        (format!("journal of {name}"), approval.verify(&key, vault))
    };
    if approval.purpose != Purpose::Stop {
        return Err(WrongStop::Purpose { name });
    }
    if approval.expires != UnixTime::ZERO {
        return Err(WrongStop::Ends { name });
    }
    match verified {
        Ok(()) => Ok(name),
        Err(_) if planted(Bug::StopSignature) => Ok(name),
        Err(error) => Err(WrongStop::Signature { name, error }),
    }
}

fn names_of(policy: &Policy, keys: &[KeyId]) -> Vec<String> {
    let name = |key: &KeyId| match policy.approver_of_key(*key) {
        Some((approver, _)) => Some(approver.person.clone()),
        None => journal_of_key(policy, *key).map(|(name, _)| format!("journal of {name}")),
    };
    let mut names: Vec<String> = keys.iter().filter_map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// A stop or a release that counts, with the keys behind it: what a journal is told.
pub fn heard(
    policy: &Policy,
    statement: &Statement,
    approvals: &[Approval],
    now: UnixTime,
) -> Option<Heard> {
    let (counted, by) = stopping(policy, statement, approvals, now)?;
    let enough = counted.is_met() || planted(Bug::ReleaseQuorum) && !by.is_empty();
    enough.then(|| Heard {
        statement: statement.clone(),
        by,
    })
}

/// Whether automatic co-signers may sign: where the policy asks for a go, one must have been said by its
/// quorum, not from the future, within its time, and after the last stop that this journal saw.
///
/// # Errors
/// [`GoRefusal`].
pub fn may_go(
    policy: &Policy,
    said: &[Said],
    history: &History,
    now: UnixTime,
) -> Result<(), GoRefusal> {
    let Some(rule) = &policy.go else {
        return Ok(());
    };
    let latest = now.saturating_add(policy.limits.clock_skew);
    let mut last = None;
    for one in said {
        let Statement::Go(go) = &one.statement else {
            continue;
        };
        let counted = stopping(policy, &one.statement, &one.approvals, now);
        if go.created <= latest && counted.is_some_and(|(counted, _)| counted.is_met()) {
            last = last.max(Some(go.created));
        }
    }
    let Some(created) = last else {
        return Err(GoRefusal::Missing {
            group: rule.approvals.group.clone(),
            needed: rule.approvals.count,
        });
    };
    let until = created.saturating_add(rule.within);
    // Clocks differ: what may have been said before the stop was heard does not outlive it.
    let skew = policy.limits.clock_skew;
    let stopped = history.last_stop();
    let stopped = stopped.filter(|stopped| {
        let slack = if planted(Bug::GoBeforeStop) { 0 } else { skew };
        created <= stopped.saturating_add(slack)
    });
    match stopped {
        Some(stopped) => Err(GoRefusal::TooOld {
            created,
            until: stopped.min(until),
        }),
        None if now >= until && !planted(Bug::GoAge) => Err(GoRefusal::TooOld { created, until }),
        None => Ok(()),
    }
}

#[cfg(all(test, feature = "signing"))]
#[path = "stopping_tests.rs"]
mod tests;
