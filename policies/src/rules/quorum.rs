//! Counting the persons who approve.

use serde::Serialize;

use super::Requirement;
use crate::document::{Approver, Policy, Requester, Tool};
use crate::planted::{Bug, planted};
use crate::{Intent, KeyId};

/// Fewer persons than demanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("rule {rule:?} needs {needed} persons{}, {} approved", of_group(.group.as_deref()), .approved.len())]
pub struct Shortfall {
    /// The rule.
    pub rule: String,
    /// The group whose persons count.
    pub group: Option<String>,
    /// Persons demanded.
    pub needed: u32,
    /// The persons who count.
    pub approved: Vec<String>,
}

fn of_group(group: Option<&str>) -> String {
    group.map(|name| format!(" of {name}")).unwrap_or_default()
}

/// The distinct persons whose approval by an `own` key counts for a requirement, sorted: holders of known
/// keys in the group, without the requester's person.
pub fn approving_persons(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    approving: &[KeyId],
) -> Vec<String> {
    let own = |key: &KeyId| own_approver(policy, *key);
    persons(
        policy,
        requirement,
        intent,
        approving.iter().filter_map(own),
    )
}

/// The further persons whose approval counts only where a rule asks for `page` approvals: they touched a
/// key in the coordinator's page. Sorted.
pub fn page_persons(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    approving: &[KeyId],
) -> Vec<String> {
    let known = |key: &KeyId| policy.approver_of_key(*key).map(|(approver, _)| approver);
    let mut all = persons(
        policy,
        requirement,
        intent,
        approving.iter().filter_map(known),
    );
    let own = approving_persons(policy, requirement, intent, approving);
    all.retain(|person| !own.contains(person));
    all
}

/// The approver who holds a key of tool `own`. Keys of every other tool count nowhere else.
pub(super) fn own_approver(policy: &Policy, key: KeyId) -> Option<&Approver> {
    policy
        .approver_of_key(key)
        .filter(|(_, pinned)| pinned.tool == Tool::Own || planted(Bug::PageAsOwn))
        .map(|(approver, _)| approver)
}

fn persons<'p>(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    approving: impl Iterator<Item = &'p Approver>,
) -> Vec<String> {
    let requester = policy.requester(intent.requester.as_str());
    let mut persons: Vec<&str> = approving
        .filter(|approver| {
            requirement
                .group
                .as_ref()
                .is_none_or(|group| approver.groups.contains(group) || planted(Bug::OtherGroup))
        })
        .filter(|approver| {
            requester
                .is_some_and(|requester| !is_behind(requester, approver) || planted(Bug::OwnPerson))
        })
        .map(|approver| approver.person.as_str())
        .collect();
    persons.sort_unstable();
    if !planted(Bug::KeysForPersons) {
        persons.dedup();
    }
    persons.into_iter().map(str::to_owned).collect()
}

/// Whether an approver is the person behind a requester, whose approvals never count on its requests.
pub fn is_behind(requester: &Requester, approver: &Approver) -> bool {
    approver.person == requester.person
        || (approver.keys.iter()).any(|key| requester.keys.contains(key))
}

/// Whether the holders of the approving keys meet a requirement.
///
/// # Errors
/// Who counts, when they are too few.
pub fn satisfied(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    approving: &[KeyId],
) -> Result<(), Shortfall> {
    let mut approved = approving_persons(policy, requirement, intent, approving);
    let reaches = |needed: u32, found: usize| usize::try_from(needed).is_ok_and(|n| found >= n);
    let own = reaches(requirement.count, approved.len());
    let needed = requirement.count.saturating_add(requirement.page);
    if requirement.page > 0 {
        approved.extend(page_persons(policy, requirement, intent, approving));
    }
    if own && reaches(needed, approved.len()) {
        return Ok(());
    }
    Err(Shortfall {
        rule: requirement.rule.clone(),
        group: requirement.group.clone(),
        needed,
        approved,
    })
}
