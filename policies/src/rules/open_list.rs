//! Open lists: which destinations their quorums added, and whether an entry may be paid yet.
//!
//! An entry is usable once its quorum signed it, from `not_before` until `expires`, after the cooling-off
//! since the decider first saw it, and until one person removed it. Where the list says `test_first`, only
//! a small payment of one line of withdrawals goes there until a person of the named group confirms it.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, Script};

use super::Miss;
use crate::document::{Open, Policy};
use crate::ids::{IntentHash, KeyId, Subject};
use crate::intent::{Intent, IntentKind, ListAdd};
use crate::planted::{Bug, planted};
use crate::time::UnixTime;

/// What the decider knows of the entries of open lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenLists {
    entries: BTreeMap<Subject, ListEntry>,
    paid: Vec<Intent>,
    not_first: BTreeSet<IntentHash>,
}

/// What the decider knows of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// What was signed.
    pub statement: ListAdd,
    /// The persons of the list's quorum who signed it with `own` keys, sorted.
    pub approved_by: Vec<String>,
    /// When the decider first saw it so signed; none when that is now.
    pub first_seen: Option<UnixTime>,
    /// Whether a person of the list's group removed it.
    pub removed: bool,
    /// Whether a person of the `test_first` group confirmed the first payment.
    pub confirmed: bool,
}

/// An entry that may be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableEntry {
    /// The subject of the statement that added it.
    pub subject: Subject,
    /// The list's name.
    pub list: String,
    /// The entry's label.
    pub label: String,
    /// The first moment at which it may not be used any more.
    pub expires: UnixTime,
    /// Whether this is the small first payment, which nobody confirmed yet.
    pub is_test: bool,
}

impl OpenLists {
    /// No entry is known.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds what is known of an entry, in place of what was.
    pub fn insert(&mut self, entry: ListEntry) {
        self.entries.insert(entry.statement.subject(), entry);
    }

    /// The entry that a statement added.
    pub fn get(&self, subject: &Subject) -> Option<&ListEntry> {
        self.entries.get(subject)
    }

    /// Remembers that an intent is paid, so that another one to its script is not the first.
    pub fn pay(&mut self, intent: &Intent) {
        self.paid.push(intent.clone());
    }

    /// Remembers that another line than this intent's was paid to its script.
    pub fn pay_another_before(&mut self, intent: IntentHash) {
        self.not_first.insert(intent);
    }

    /// Whether a script may be paid as an entry of an open list.
    ///
    /// # Errors
    /// [`Miss::Destination`] when no entry pays it, otherwise why the first that does may not be used.
    pub fn usable(
        &self,
        policy: &Policy,
        list: &str,
        open: &Open,
        intent: &Intent,
        now: UnixTime,
    ) -> Result<UsableEntry, Miss> {
        let mut first = None;
        for (subject, entry) in self.entries_of(list, &intent.script_pubkey) {
            match self.usable_entry(policy, open, entry, intent, now) {
                Ok(is_test) => {
                    return Ok(UsableEntry {
                        subject: *subject,
                        list: list.to_owned(),
                        label: entry.statement.label.clone(),
                        expires: entry.statement.expires,
                        is_test,
                    });
                }
                Err(miss) => first = first.or(Some(miss)),
            }
        }
        Err(first.unwrap_or(Miss::Destination))
    }

    fn entries_of<'a>(
        &'a self,
        list: &'a str,
        script: &'a Script,
    ) -> impl Iterator<Item = (&'a Subject, &'a ListEntry)> {
        self.entries.iter().filter(move |(_, entry)| {
            entry.statement.list == list && entry.statement.script_pubkey.as_script() == script
        })
    }

    /// Whether the entry may be used, and then whether for the test payment only.
    fn usable_entry(
        &self,
        policy: &Policy,
        open: &Open,
        entry: &ListEntry,
        intent: &Intent,
        now: UnixTime,
    ) -> Result<bool, Miss> {
        let approved = listed(policy, open, &entry.approved_by);
        let needed = open.approvals.count;
        let short = usize::try_from(needed).is_ok_and(|needed| approved < needed);
        if short && !planted(Bug::ListQuorum) {
            return Err(Miss::EntryQuorum {
                needed,
                approved: u32::try_from(approved).unwrap_or(u32::MAX),
            });
        }
        if entry.removed && !planted(Bug::ListRemoval) {
            return Err(Miss::EntryRemoved);
        }
        let statement = &entry.statement;
        if now < statement.not_before {
            return Err(Miss::EntryNotYetValid {
                from: statement.not_before,
            });
        }
        if now >= statement.expires && !planted(Bug::ListExpiry) {
            return Err(Miss::EntryExpired {
                expired: statement.expires,
            });
        }
        let until = entry.first_seen.unwrap_or(now).saturating_add(open.delay);
        if now < until && !planted(Bug::ListDelay) {
            return Err(Miss::CoolingOff { until });
        }
        let Some(test) = open.test_first.as_ref().filter(|_| !entry.confirmed) else {
            return Ok(false);
        };
        if intent.amount > test.amount && !planted(Bug::TestAmount) {
            return Err(Miss::TestAmount { max: test.amount });
        }
        if self.is_not_first(intent) && !planted(Bug::TestConfirmation) {
            return Err(Miss::AwaitingConfirmation);
        }
        Ok(true)
    }

    fn is_not_first(&self, intent: &Intent) -> bool {
        self.not_first.contains(&intent.hash())
            || self.paid.iter().any(|paid| {
                paid.script_pubkey == intent.script_pubkey && !are_of_one_line(paid, intent)
            })
    }
}

/// The persons among these who are of the list's group still.
fn listed(policy: &Policy, open: &Open, persons: &[String]) -> usize {
    let listed = persons.iter().filter(|person| {
        policy.approvers.iter().any(|approver| {
            approver.person == **person
                && (open.approvals.group.as_ref())
                    .is_none_or(|group| approver.groups.contains(group))
        })
    });
    listed.collect::<BTreeSet<_>>().len()
}

/// The distinct persons of a group among the holders of keys whose approvals count everywhere, sorted.
pub fn persons_of(policy: &Policy, group: Option<&str>, keys: &[KeyId]) -> Vec<String> {
    let persons: BTreeSet<&str> = keys
        .iter()
        .filter_map(|key| super::quorum::own_approver(policy, *key))
        .filter(|approver| {
            group.is_none_or(|group| approver.groups.iter().any(|name| name == group))
        })
        .map(|approver| approver.person.as_str())
        .collect();
    persons.into_iter().map(str::to_owned).collect()
}

/// Whether two intents to one script are surely of one line of withdrawals.
fn are_of_one_line(one: &Intent, other: &Intent) -> bool {
    let first = |intent: &Intent| intent.replaces.clone().unwrap_or_else(|| intent.id.clone());
    let same_line = one.requester == other.requester && first(one) == first(other);
    let sweeps = one.kind == IntentKind::Sweep || other.kind == IntentKind::Sweep;
    same_line || sweeps || one.amount == other.amount
}

impl UsableEntry {
    /// The most that may be paid before a person confirms the entry.
    pub fn test_amount(&self, policy: &Policy) -> Option<Amount> {
        let open = policy.list(&self.list)?.open.as_ref()?;
        self.is_test
            .then(|| open.test_first.as_ref().map(|test| test.amount))
            .flatten()
    }
}

#[cfg(test)]
#[path = "open_list_tests.rs"]
mod tests;
