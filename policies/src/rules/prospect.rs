//! Which rules may decide an intent, for a person who knows the policy, the statements shown, and nothing
//! of windows and journals.
//!
//! Invariant: whatever a decider knows besides, the rule that decides an intent counted for the first time
//! is one of these; where there is none, everybody denies it. So an approver's tool refuses only what no
//! signature could ever make payable, and says of the rest what it hinges on.

use super::decide::{bounds, is_about, pays_a_named_vault};
use super::{DenyReason, EntriesShown, Miss, Missed, Requirement, UsableEntry};
use crate::document::{Policy, Rule, TestFirst, Window};
use crate::intent::Intent;
use crate::time::UnixTime;

/// A rule that decides where its conditions hold and no rule before it decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// The approvals that the rule then demands.
    pub requirement: Requirement,
    /// The open lists of which one must hold the destination; empty where none must.
    pub lists: Vec<ListProspect>,
    /// The window that must have room for the amount.
    pub window: Option<Window>,
}

/// An open list on which the destination may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListProspect {
    /// Its name.
    pub list: String,
    /// Seconds between the first sight of an entry and its use, by each signer's journal.
    pub delay: u64,
    /// Whether the first payment to an entry is a small one.
    pub test_first: Option<TestFirst>,
    /// What the statements shown say of the destination, cooling-off apart; [`Miss::Destination`] where
    /// they say nothing.
    pub shown: Result<UsableEntry, Miss>,
}

impl Prospect {
    /// Whether the rule decides whatever others know; then no rule after it ever does.
    pub fn is_certain(&self) -> bool {
        self.lists.is_empty() && self.window.is_none()
    }
}

/// The rules that may decide an intent, in order; a certain one is the last.
///
/// # Errors
/// Why the intent is denied whatever anybody knows.
pub fn prospects(
    policy: &Policy,
    intent: &Intent,
    shown: &EntriesShown,
    now: UnixTime,
) -> Result<Vec<Prospect>, DenyReason> {
    let requester = intent.requester.as_str();
    if policy.requester(requester).is_none() {
        return Err(DenyReason::UnknownRequester {
            requester: requester.to_owned(),
        });
    }
    let mut prospects = Vec::new();
    let mut missed = Vec::new();
    for rule in &policy.rules {
        match prospect(policy, rule, intent, shown, now) {
            Ok(prospect) => {
                let certain = prospect.is_certain();
                prospects.push(prospect);
                if certain {
                    break;
                }
            }
            Err(miss) => missed.push(Missed {
                rule: rule.name.clone(),
                miss,
            }),
        }
    }
    if prospects.is_empty() {
        return Err(DenyReason::NoMatchingRule { missed });
    }
    Ok(prospects)
}

/// Under which conditions a rule matches, or the one that fails whatever anybody knows. In the order of
/// [`super::decide()`].
fn prospect(
    policy: &Policy,
    rule: &Rule,
    intent: &Intent,
    shown: &EntriesShown,
    now: UnixTime,
) -> Result<Prospect, Miss> {
    is_about(rule, intent)?;
    let lists = match &rule.to {
        Some(names) => lists(policy, names, intent, shown, now)?,
        None => Vec::new(),
    };
    bounds(rule, intent)?;
    if let Some(window) = rule.window
        && intent.amount > window.amount
    {
        return Err(Miss::Window {
            left: window.amount,
            per: window.per,
        });
    }
    Ok(Prospect {
        requirement: Requirement {
            rule: rule.name.clone(),
            group: rule.approvals.group.clone(),
            count: rule.approvals.count,
            page: rule.approvals.page,
            entry: None,
        },
        lists,
        window: rule.window,
    })
}

/// The open lists of which one must hold the destination; none where the document itself lists it.
fn lists(
    policy: &Policy,
    names: &[String],
    intent: &Intent,
    shown: &EntriesShown,
    now: UnixTime,
) -> Result<Vec<ListProspect>, Miss> {
    if pays_a_named_vault(policy, names, intent) {
        return Ok(Vec::new());
    }
    let mut open_ones = Vec::new();
    for list in names.iter().filter_map(|name| policy.list(name)) {
        if list.contains(&intent.script_pubkey) {
            return Ok(Vec::new());
        }
        if let Some(open) = &list.open {
            let entries = shown.cooled_off();
            open_ones.push(ListProspect {
                list: list.name.clone(),
                delay: open.delay,
                test_first: open.test_first.clone(),
                shown: entries.usable(policy, &list.name, open, intent, now),
            });
        }
    }
    if open_ones.is_empty() {
        return Err(Miss::Destination);
    }
    Ok(open_ones)
}

#[cfg(all(test, feature = "signing"))]
#[path = "prospect_tests.rs"]
mod tests;
