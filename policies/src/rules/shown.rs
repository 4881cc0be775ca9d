//! What a person was shown of the entries of open lists: statements with signatures, out of files.
//!
//! Invariant: only signatures of entitled persons under the pinned policy count, as for every signer. What
//! such a person cannot know is when each signer first saw an entry; [`super::prospects`] leaves that open.

use std::collections::BTreeMap;

use super::{ListEntry, OpenLists, entitlement};
use crate::document::Policy;
use crate::ids::Subject;
use crate::intent::{Approval, ListAdd, Statement};
use crate::psbt::Manifest;
use crate::time::UnixTime;

/// A statement about an open list, with the signatures that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What is said.
    pub statement: Statement,
    /// Who is claimed to have signed it.
    pub approvals: Vec<Approval>,
}

impl Said {
    /// Every statement that a transfer carries.
    pub fn carried(manifest: &Manifest) -> Vec<Self> {
        let statements = manifest.statements.iter();
        let with_approvals = statements.map(|(subject, statement)| Self {
            statement: statement.clone(),
            approvals: manifest
                .approvals
                .values()
                .filter(|approval| approval.subject == *subject)
                .cloned()
                .collect(),
        });
        with_approvals.collect()
    }
}

/// The entries of open lists as statements show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntriesShown(OpenLists);

impl EntriesShown {
    /// Nothing was shown.
    pub fn none() -> Self {
        Self::default()
    }

    /// What statements say together, whatever file each came from: their signatures are verified and
    /// counted here.
    #[must_use]
    pub fn of(policy: &Policy, said: &[Said], now: UnixTime) -> Self {
        let mut adds: BTreeMap<Subject, &ListAdd> = BTreeMap::new();
        for one in said {
            if let Statement::ListAdd(add) = &one.statement {
                adds.insert(add.subject(), add);
            }
        }
        let counted = |statement: &Statement, add: &ListAdd| {
            let same = said.iter().filter(|one| one.statement == *statement);
            let approvals: Vec<Approval> = same.flat_map(|one| one.approvals.clone()).collect();
            entitlement(policy, statement, add, &approvals, now)
        };
        let holds = |statement: &Statement, add: &ListAdd| {
            counted(statement, add).is_some_and(|counted| counted.is_met())
        };
        let mut lists = OpenLists::none();
        for (entry, add) in adds {
            let Some(added) = counted(&Statement::ListAdd(add.clone()), add) else {
                continue;
            };
            lists.insert(ListEntry {
                statement: add.clone(),
                approved_by: added.approved_by,
                // As if long ago: each signer counts the cooling-off itself.
                first_seen: Some(UnixTime::ZERO),
                removed: holds(&Statement::ListRemove { entry }, add),
                confirmed: holds(&Statement::ListConfirm { entry }, add),
            });
        }
        Self(lists)
    }

    /// The entries, as if they had cooled off, for a replay of what was paid.
    #[must_use]
    pub fn into_lists(self) -> OpenLists {
        self.0
    }

    /// The entries, as if they had cooled off.
    pub(super) const fn cooled_off(&self) -> &OpenLists {
        &self.0
    }
}
