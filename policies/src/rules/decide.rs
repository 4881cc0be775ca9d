//! The first rule that matches an intent.

use serde::Serialize;
use serde::ser::SerializeStruct as _;

use super::miss::{Joined, Miss, Missed};
use super::{Standing, UsableEntry};
use crate::document::{Policy, Rule};
use crate::planted::{Bug, planted};
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
    /// Persons, 0 for automatic approval; only their `own` keys count.
    pub count: u32,
    /// Further persons, who may approve in the coordinator's page.
    #[serde(skip_serializing_if = "is_zero")]
    pub page: u32,
    /// The entry of an open list that makes it payable.
    #[serde(skip)]
    pub entry: Option<UsableEntry>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
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

    /// Why each rule does not match; nothing where no rule was asked.
    pub fn misses(&self) -> &[Missed] {
        match self {
            Self::UnknownRequester { .. } => &[],
            Self::NoMatchingRule { missed } => missed,
        }
    }
}

impl Serialize for DenyReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("DenyReason", 2)?;
        fields.serialize_field("reason", self.code())?;
        fields.serialize_field("misses", self.misses())?;
        fields.end()
    }
}

/// Decides an intent: the first rule that matches says which approvals it needs.
///
/// A rule whose window is exhausted does not match; an intent that was counted before is not counted
/// twice. Whoever grants several intents at once counts each before it decides the next.
#[must_use]
pub fn decide(policy: &Policy, intent: &Intent, standing: &Standing<'_>) -> Decision {
    let requester = intent.requester.as_str();
    if policy.requester(requester).is_none() {
        return Decision::Denied(DenyReason::UnknownRequester {
            requester: requester.to_owned(),
        });
    }
    let mut missed = Vec::new();
    for rule in &policy.rules {
        match matches(policy, rule, intent, standing) {
            Ok(entry) => {
                return Decision::Needs(Requirement {
                    rule: rule.name.clone(),
                    group: rule.approvals.group.clone(),
                    count: rule.approvals.count,
                    page: rule.approvals.page,
                    entry,
                });
            }
            Err(miss) => missed.push(Missed {
                rule: rule.name.clone(),
                miss,
            }),
        }
    }
    Decision::Denied(DenyReason::NoMatchingRule { missed })
}

/// Why each rule before the one that decides does not match; all of them where none does.
#[must_use]
pub fn misses(policy: &Policy, intent: &Intent, standing: &Standing<'_>) -> Vec<Missed> {
    let mut missed = Vec::new();
    for rule in &policy.rules {
        match matches(policy, rule, intent, standing) {
            Ok(_) => break,
            Err(miss) => missed.push(Missed {
                rule: rule.name.clone(),
                miss,
            }),
        }
    }
    missed
}

/// Whether a rule matches: through which entry of an open list, if any, or the first condition that the
/// intent fails.
fn matches(
    policy: &Policy,
    rule: &Rule,
    intent: &Intent,
    standing: &Standing<'_>,
) -> Result<Option<UsableEntry>, Miss> {
    is_about(rule, intent)?;
    let entry = match &rule.to {
        Some(lists) => on_a_list(policy, lists, intent, standing)?,
        None => None,
    };
    bounds(rule, intent)?;
    if let Some(window) = rule.window
        && !standing.windows.counted(&intent.hash())
    {
        let windows = standing.windows;
        let left = windows
            .allowance(&policy.rules, &rule.name, window, standing.now)
            .left();
        if intent.amount > left && !planted(Bug::Window) {
            return Err(Miss::Window {
                left,
                per: window.per,
            });
        }
    }
    Ok(entry)
}

/// Whether a rule is for the intent's kind and requester.
pub(super) fn is_about(rule: &Rule, intent: &Intent) -> Result<(), Miss> {
    if rule.kind.is_some_and(|kind| kind != intent.kind) {
        return Err(Miss::Kind);
    }
    if let Some(requesters) = &rule.requesters
        && !requesters
            .iter()
            .any(|name| name == intent.requester.as_str())
    {
        return Err(Miss::Requester);
    }
    Ok(())
}

/// Whether a rule allows the intent's amount, and to approve it automatically where it would.
pub(super) fn bounds(rule: &Rule, intent: &Intent) -> Result<(), Miss> {
    if let Some(max) = rule.amount_max
        && intent.amount > max
    {
        return Err(Miss::Amount { max });
    }
    let never_automatic = intent.kind == IntentKind::Sweep || intent.repeats.is_some();
    if rule.approvals.count == 0 && never_automatic && !planted(Bug::NeverAutomatic) {
        return Err(Miss::NeverAutomatic);
    }
    Ok(())
}

/// Whether the destination is a script of one of the treasury's vaults that a rule names.
pub(super) fn pays_a_named_vault(policy: &Policy, names: &[String], intent: &Intent) -> bool {
    let mut named = names.iter().filter_map(|name| policy.other_vault(name));
    named.any(|vault| vault.owns(&intent.script_pubkey))
}

/// Whether the destination is on one of the lists, and through which entry of an open one.
fn on_a_list(
    policy: &Policy,
    lists: &[String],
    intent: &Intent,
    standing: &Standing<'_>,
) -> Result<Option<UsableEntry>, Miss> {
    if pays_a_named_vault(policy, lists, intent) {
        return Ok(None);
    }
    let mut miss = Miss::Destination;
    for list in lists.iter().filter_map(|name| policy.list(name)) {
        if list.contains(&intent.script_pubkey) {
            return Ok(None);
        }
        let Some(open) = &list.open else {
            continue;
        };
        match (standing.lists).usable(policy, &list.name, open, intent, standing.now) {
            Ok(entry) => return Ok(Some(entry)),
            Err(found) if miss == Miss::Destination => miss = found,
            Err(_) => {}
        }
    }
    Err(miss)
}
