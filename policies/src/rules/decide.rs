//! The first rule that matches an intent.

use std::fmt;

use bitcoin::Amount;
use serde::Serialize;

use crate::document::{Policy, Rule};
use crate::{Intent, IntentKind};

/// What a policy says about an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nobody's approval makes it payable.
    Denied(DenyReason),
    /// Payable once the requirement is met.
    Needs(Requirement),
}

/// The approvals that the deciding rule demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The rule's name.
    pub rule: String,
    /// The group whose persons count; any approver when none is named.
    pub group: Option<String>,
    /// Persons, 0 for automatic approval.
    pub count: u32,
}

impl Requirement {
    /// Whether no person needs to approve.
    pub const fn is_automatic(&self) -> bool {
        self.count == 0
    }
}

/// Why an intent is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DenyReason {
    /// The requester is not of the policy.
    #[error("no requester is named {requester}")]
    UnknownRequester {
        /// The name in the intent.
        requester: String,
    },
    /// No rule matches.
    #[error("no rule matches: {}", Joined(.missed))]
    NoMatchingRule {
        /// Why each rule does not match, in order.
        missed: Vec<Missed>,
    },
}

impl DenyReason {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownRequester { .. } => "UNKNOWN_REQUESTER",
            Self::NoMatchingRule { .. } => "NO_MATCHING_RULE",
        }
    }
}

/// A rule that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The rule's name.
    pub rule: String,
    /// The first condition that fails.
    pub miss: Miss,
}

/// The condition of a rule that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// It is for another kind.
    #[error("another kind")]
    Kind,
    /// It is for other requesters.
    #[error("other requesters")]
    Requester,
    /// The destination is on none of its lists.
    #[error("destination on none of its lists")]
    Destination,
    /// The amount exceeds its bound.
    #[error("amount above {max}")]
    Amount {
        /// The bound.
        #[serde(rename = "max_sat", with = "bitcoin::amount::serde::as_sat")]
        max: Amount,
    },
    /// It approves automatically, which is never done for sweeps and repeats.
    #[error("never automatic for sweeps and repeated payments")]
    NeverAutomatic,
}

struct Joined<'a>(&'a [Missed]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the policy has no rules");
        }
        for (position, missed) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{:?} ({})", missed.rule, missed.miss)?;
        }
        Ok(())
    }
}

/// Decides an intent: the first rule that matches says which approvals it needs.
#[must_use]
pub fn decide(policy: &Policy, intent: &Intent) -> Decision {
    let requester = intent.requester.as_str();
    if policy.requester(requester).is_none() {
        return Decision::Denied(DenyReason::UnknownRequester {
            requester: requester.to_owned(),
        });
    }
    let mut missed = Vec::new();
    for rule in &policy.rules {
        match miss(policy, rule, intent) {
            None => {
                return Decision::Needs(Requirement {
                    rule: rule.name.clone(),
                    group: rule.approvals.group.clone(),
                    count: rule.approvals.count,
                });
            }
            Some(miss) => missed.push(Missed {
                rule: rule.name.clone(),
                miss,
            }),
        }
    }
    Decision::Denied(DenyReason::NoMatchingRule { missed })
}

/// The first condition of a rule that the intent fails.
fn miss(policy: &Policy, rule: &Rule, intent: &Intent) -> Option<Miss> {
    if rule.kind.is_some_and(|kind| kind != intent.kind) {
        return Some(Miss::Kind);
    }
    if let Some(requesters) = &rule.requesters
        && !requesters
            .iter()
            .any(|name| name == intent.requester.as_str())
    {
        return Some(Miss::Requester);
    }
    if let Some(lists) = &rule.to
        && !lists
            .iter()
            .filter_map(|name| policy.list(name))
            .any(|list| list.contains(&intent.script_pubkey))
    {
        return Some(Miss::Destination);
    }
    if let Some(max) = rule.amount_max
        && intent.amount > max
    {
        return Some(Miss::Amount { max });
    }
    let never_automatic = intent.kind == IntentKind::Sweep || intent.repeats.is_some();
    (rule.approvals.count == 0 && never_automatic).then_some(Miss::NeverAutomatic)
}
