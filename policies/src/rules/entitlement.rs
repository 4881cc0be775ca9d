//! Entitlement: whether those who signed a statement about an open list may say it.
//!
//! Adding takes the list's quorum, removing one person of it, confirming one person of the `test_first`
//! group; persons count, and only their `own` keys. Used by whoever meets a statement outside a transfer.

use super::persons_of;
use crate::document::Policy;
use crate::hash::Purpose;
use crate::intent::{Approval, ListAdd, Statement};
use crate::time::UnixTime;

/// Who signed a statement, and how many must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// The group whose persons count; any approver when none is named.
    pub group: Option<String>,
    /// Persons demanded.
    pub needed: u32,
    /// The persons whose signatures count, sorted.
    pub approved_by: Vec<String>,
}

impl Entitlement {
    /// Whether enough persons signed.
    pub fn is_met(&self) -> bool {
        usize::try_from(self.needed).is_ok_and(|needed| self.approved_by.len() >= needed)
    }
}

/// Counts who signed a statement about `entry` (the same where it adds); none where the policy has no such
/// open list, or nothing to confirm on it. A removal never ends.
pub fn entitlement(
    policy: &Policy,
    statement: &Statement,
    entry: &ListAdd,
    approvals: &[Approval],
    now: UnixTime,
) -> Option<Entitlement> {
    let open = policy.list(&entry.list)?.open.as_ref()?;
    let (group, needed) = match statement {
        Statement::ListAdd(_) => (open.approvals.group.clone(), open.approvals.count),
        Statement::ListRemove { .. } => (open.approvals.group.clone(), 1),
        Statement::ListConfirm { .. } => (Some(open.test_first.as_ref()?.group.clone()), 1),
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return None,
    };
    let (subject, purpose) = (statement.subject(), statement.purpose());
    let counts = |approval: &&Approval| {
        approval.subject == subject
            && approval.purpose == purpose
            && (purpose == Purpose::ListRemove || !approval.has_expired(now))
            && (policy.approver_of_key(approval.key))
                .is_some_and(|(_, key)| approval.verify(key, policy.vault).is_ok())
    };
    let keys: Vec<_> = approvals
        .iter()
        .filter(counts)
        .map(|approval| approval.key)
        .collect();
    Some(Entitlement {
        approved_by: persons_of(policy, group.as_deref(), &keys),
        group,
        needed,
    })
}

#[cfg(all(test, feature = "signing"))]
#[path = "entitlement_tests.rs"]
mod tests;
