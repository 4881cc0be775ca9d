//! Who has approved a withdrawal, and who still may: persons, never keys, and never the requester's own.
//!
//! Invariant: it asks the same rules that every signer asks (`policies::rules`), with every key that the policy
//! names; so nobody is asked for an approval that would not count.

use policies::document::Policy;
use policies::rules::{Requirement, approving_persons, page_persons};
use policies::{Intent, KeyId};

/// What the deciding rule demands, and of whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needed {
    /// The rule.
    pub rule: String,
    /// The group whose persons count; any approver if none.
    pub group: Option<String>,
    /// Persons demanded with keys of their own tools; 0 is automatic.
    pub count: u32,
    /// Further persons demanded, who may also approve in the page.
    pub page: u32,
    /// Persons who approved with their own tools.
    pub approved_by: Vec<String>,
    /// Persons who approved in the page, where the rule counts that.
    pub page_by: Vec<String>,
    /// How many persons are missing.
    pub missing: u32,
    /// Persons who may still approve with their own tools; empty once nobody is missing.
    pub may_approve: Vec<String>,
    /// Persons whose approval in the page would count now.
    pub may_on_page: Vec<String>,
}

impl Needed {
    /// By the keys that approve.
    pub(super) fn of(
        policy: &Policy,
        requirement: &Requirement,
        intent: &Intent,
        approving: &[KeyId],
    ) -> Self {
        let every: Vec<KeyId> = (policy.approvers.iter())
            .flat_map(|approver| approver.keys.iter().map(|pinned| pinned.key.id()))
            .collect();
        let approved_by = approving_persons(policy, requirement, intent, approving);
        let page_by = if requirement.page > 0 {
            page_persons(policy, requirement, intent, approving)
        } else {
            Vec::new()
        };
        let own = number(approved_by.len());
        let total = requirement.count.saturating_add(requirement.page);
        let counted = own.saturating_add(number(page_by.len()));
        let missing_own = requirement.count.saturating_sub(own);
        let missing = total.saturating_sub(counted).max(missing_own);
        let able = approving_persons(policy, requirement, intent, &every);
        let on_page = page_persons(policy, requirement, intent, &every);
        let outstanding = |persons: Vec<String>, wanted: bool| -> Vec<String> {
            let kept = persons.into_iter().filter(|person| {
                wanted && !approved_by.contains(person) && !page_by.contains(person)
            });
            kept.collect()
        };
        let page_helps = requirement.page > 0 && missing > missing_own;
        let mut anybody = able.clone();
        anybody.extend(on_page);
        anybody.sort_unstable();
        let may_on_page = outstanding(anybody, page_helps);
        // Who approved in the page may still approve with the own tool.
        let may_approve = able
            .into_iter()
            .filter(|person| missing > 0 && !approved_by.contains(person))
            .collect();
        Self {
            rule: requirement.rule.clone(),
            group: requirement.group.clone(),
            count: requirement.count,
            page: requirement.page,
            missing,
            may_approve,
            may_on_page,
            approved_by,
            page_by,
        }
    }

    /// Whether it waits for this person.
    pub fn awaits(&self, person: &str) -> bool {
        let among = |persons: &[String]| persons.iter().any(|one| one == person);
        among(&self.may_approve) || among(&self.may_on_page)
    }

    /// Persons whose approval counts in the page, and not with a tool of their own.
    pub fn only_on_page(&self) -> Vec<&str> {
        let others = self.may_on_page.iter();
        others
            .filter(|person| !self.may_approve.contains(person))
            .map(String::as_str)
            .collect()
    }

    /// Whether no person needs to approve.
    pub const fn is_automatic(&self) -> bool {
        self.count == 0 && self.page == 0
    }

    /// Whether all who may still approve are fewer than those missing.
    pub fn is_out_of_reach(&self) -> bool {
        let mut able: Vec<&String> = self.may_approve.iter().chain(&self.may_on_page).collect();
        able.sort_unstable();
        able.dedup();
        number(able.len()) < self.missing
    }

    /// What it demands, in words.
    pub fn says(&self) -> String {
        if self.is_automatic() {
            return "It is approved automatically.".to_owned();
        }
        let group = (self.group.as_deref())
            .map_or_else(String::new, |group| format!(" of the group {group}"));
        let own = match self.count {
            0 => String::new(),
            1 => format!("1 person{group} with a tool of their own"),
            count => format!("{count} persons{group} with tools of their own"),
        };
        let page = match (self.count, self.page) {
            (_, 0) => String::new(),
            (0, page) => format!("{page}{group}, who may use the page"),
            (_, page) => format!(", and {page} more, who may use the page"),
        };
        format!("It needs {own}{page}.")
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
