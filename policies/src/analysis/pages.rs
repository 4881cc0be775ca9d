//! Which approvals trust the coordinator's page: a key touched there proves presence, not reading.

use serde::Serialize;

use crate::document::{Policy, Tool};

/// What of a policy's approvals is `page` approvals; no promise rests on them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PageApprovals {
    /// The keys that are touched in the coordinator's page.
    pub keys: Vec<PageKey>,
    /// The rules that ask for them, besides the `own` approvals they demand.
    pub rules: Vec<PageRule>,
}

/// A key that is touched in the coordinator's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageKey {
    /// The approver's entry.
    pub approver: String,
    /// The person.
    pub person: String,
    /// The key.
    pub key: String,
    /// The page's domain.
    pub rp_id: String,
    /// Whether its maker's service may copy it to other devices.
    pub synced: bool,
}

/// A rule that asks for approvals in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageRule {
    /// The rule.
    pub rule: String,
    /// Persons that must approve by `own` keys.
    pub own: u32,
    /// Further persons that may do so in the page.
    pub page: u32,
}

/// The page approvals of a policy.
pub(super) fn page_approvals(policy: &Policy) -> PageApprovals {
    let mut keys = Vec::new();
    for approver in &policy.approvers {
        let pinned = approver.keys.iter().filter(|key| key.tool == Tool::Page);
        keys.extend(pinned.filter_map(|pinned| {
            let party = pinned.passkey.as_ref()?;
            Some(PageKey {
                approver: approver.name.clone(),
                person: approver.person.clone(),
                key: pinned.key.to_string(),
                rp_id: party.rp_id.clone(),
                synced: party.synced,
            })
        }));
    }
    let rules = policy.rules.iter().filter(|rule| rule.approvals.page > 0);
    PageApprovals {
        keys,
        rules: rules
            .map(|rule| PageRule {
                rule: rule.name.clone(),
                own: rule.approvals.count,
                page: rule.approvals.page,
            })
            .collect(),
    }
}
