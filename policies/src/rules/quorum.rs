//! Counting the persons who approve.

use std::collections::BTreeSet;

use super::Requirement;
use crate::document::Policy;
use crate::{Intent, KeyId};

/// Fewer persons than demanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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

/// The distinct persons whose approval counts for a requirement, sorted: holders of known keys in
/// the group, without the requester's person.
pub fn approving_persons(
    policy: &Policy,
    requirement: &Requirement,
    intent: &Intent,
    approving: &[KeyId],
) -> Vec<String> {
    let requester = policy.requester(intent.requester.as_str());
    let persons: BTreeSet<&str> = approving
        .iter()
        .filter_map(|key| policy.approver_of_key(*key))
        .map(|(approver, _)| approver)
        .filter(|approver| {
            requirement
                .group
                .as_ref()
                .is_none_or(|group| approver.groups.contains(group))
        })
        .filter(|approver| {
            requester.is_some_and(|requester| {
                approver.person != requester.person
                    && !approver.keys.iter().any(|key| requester.keys.contains(key))
            })
        })
        .map(|approver| approver.person.as_str())
        .collect();
    persons.into_iter().map(str::to_owned).collect()
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
    let approved = approving_persons(policy, requirement, intent, approving);
    let enough = usize::try_from(requirement.count).is_ok_and(|needed| approved.len() >= needed);
    if enough {
        return Ok(());
    }
    Err(Shortfall {
        rule: requirement.rule.clone(),
        group: requirement.group.clone(),
        needed: requirement.count,
        approved,
    })
}
