//! What a version would have asked of withdrawals that were paid.
//!
//! Invariant: decided by the same function as every withdrawal, in order of time, windows counted by the moments at
//! which they were paid. What was approved is compared with what would be needed; fees and structure are not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Decision, DenyReason, OpenLists, Requirement, Standing, Windows, approving_persons, decide,
    page_persons, satisfied,
};
use crate::document::Policy;
use crate::ids::{KeyId, PolicyId};
use crate::intent::Intent;
use crate::time::UnixTime;

/// A withdrawal that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What was asked for.
    pub intent: Intent,
    /// The keys that approved it.
    pub approving: Vec<KeyId>,
    /// When it was paid.
    pub paid_at: UnixTime,
}

/// What a version would have asked of past withdrawals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// The version.
    pub policy: PolicyId,
    /// All withdrawals, in order of time.
    pub withdrawals: Vec<Replayed>,
}

/// What a version would have asked of one withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The withdrawal's requester.
    pub requester: String,
    /// The withdrawal's id.
    pub id: String,
    /// Its amount.
    #[serde(rename = "amount_sat", with = "bitcoin::amount::serde::as_sat")]
    pub amount: bitcoin::Amount,
    /// When it was paid.
    pub paid_at: UnixTime,
    /// What becomes of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What becomes of a past withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// It had all the approvals that it would need.
    Passes {
        /// What it would need.
        #[serde(flatten)]
        requirement: Requirement,
        /// Who counts, by keys of their own.
        approved: Vec<String>,
    },
    /// It would need more approvals than it had.
    Short {
        /// What it would need.
        #[serde(flatten)]
        requirement: Requirement,
        /// Who counts.
        approved: Vec<String>,
        /// How many persons more.
        more: u32,
    },
    /// No approval would make it payable.
    Denied {
        /// Why.
        #[serde(flatten)]
        reason: DenyReason,
    },
}

impl Replay {
    /// How many would be short of how many approvals.
    pub fn short(&self) -> BTreeMap<u32, usize> {
        let mut short: BTreeMap<u32, usize> = BTreeMap::new();
        for replayed in &self.withdrawals {
            if let Outcome::Short { more, .. } = &replayed.outcome {
                let count = short.entry(*more).or_default();
                *count = count.saturating_add(1);
            }
        }
        short
    }

    /// How many would be denied.
    pub fn denied(&self) -> usize {
        let denied = |replayed: &&Replayed| match replayed.outcome {
            Outcome::Denied { .. } => true,
            Outcome::Passes { .. } | Outcome::Short { .. } => false,
        };
        self.withdrawals.iter().filter(denied).count()
    }
}

/// Replays past withdrawals against a version. A withdrawal that would be denied is not counted into windows, one
/// that would need more approvals is; `lists` is what is known of the entries of open lists.
#[must_use]
pub fn replay(policy: &Policy, past: &[Past], lists: &OpenLists) -> Replay {
    let mut in_order: Vec<&Past> = past.iter().collect();
    in_order.sort_by_key(|past| past.paid_at);
    let mut windows = Windows::none();
    let mut lists = lists.clone();
    let mut withdrawals = Vec::with_capacity(in_order.len());
    for Past {
        intent,
        approving,
        paid_at,
    } in in_order
    {
        let standing = Standing {
            windows: &windows,
            lists: &lists,
            now: *paid_at,
        };
        let outcome = match decide(policy, intent, &standing) {
            Decision::Denied(reason) => Outcome::Denied { reason },
            Decision::Needs(requirement) => {
                windows.count(&requirement.rule, intent.hash(), intent.amount, *paid_at);
                lists.pay(intent);
                asked(policy, intent, approving, requirement)
            }
        };
        withdrawals.push(Replayed {
            requester: intent.requester.to_string(),
            id: intent.id.to_string(),
            amount: intent.amount,
            paid_at: *paid_at,
            outcome,
        });
    }
    Replay {
        policy: policy.id,
        withdrawals,
    }
}

fn asked(
    policy: &Policy,
    intent: &Intent,
    approving: &[KeyId],
    requirement: Requirement,
) -> Outcome {
    let own = approving_persons(policy, &requirement, intent, approving);
    let page = page_persons(policy, &requirement, intent, approving);
    if satisfied(policy, &requirement, intent, approving).is_ok() {
        return Outcome::Passes {
            approved: own,
            requirement,
        };
    }
    let counted = |persons: usize| u32::try_from(persons).unwrap_or(u32::MAX);
    let together = counted(own.len()).saturating_add(counted(page.len()));
    let needed = requirement.count.saturating_add(requirement.page);
    let more = requirement
        .count
        .saturating_sub(counted(own.len()))
        .max(needed.saturating_sub(together));
    let mut approved = own;
    if requirement.page > 0 {
        approved.extend(page);
    }
    Outcome::Short {
        requirement,
        approved,
        more,
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
