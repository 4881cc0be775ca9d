//! Statements: what the entitled persons said of open lists and of stops, and what this decider knows of the entries.

use super::approvals::{self, Signed};
use crate::document::{Open, Policy};
use crate::hash::Purpose;
use crate::ids::Subject;
use crate::intent::{Approval, ListAdd, Statement};
use crate::journal::{Heard, History};
use crate::psbt::{Manifest, StrictPsbt};
use crate::review::Refusal;
use crate::review::refusal::ApprovalRefusal;
use crate::rules::{ListEntry, OpenLists, heard, persons_of};
use crate::time::UnixTime;

/// The statements of a file that those signed who are entitled to, in the order of their subjects:
/// additions by the whole quorum, removals and confirmations by one person. What a signer's journal
/// should see, whether or not the transaction is signed: the cooling-off runs from there.
#[must_use]
pub fn statements(psbt: &StrictPsbt, policy: &Policy, now: UnixTime) -> Vec<Heard> {
    let mut ignored = Vec::new();
    let signed = approvals::verify(psbt, policy, true, now, &mut ignored);
    verified(psbt.manifest(), policy, &signed, now, &mut ignored)
}

/// The entitled statements; refuses those that can be about nothing.
pub(super) fn verified(
    manifest: &Manifest,
    policy: &Policy,
    signed: &Signed,
    now: UnixTime,
    refusals: &mut Vec<Refusal>,
) -> Vec<Heard> {
    let mut verified = Vec::new();
    for (subject, statement) in &manifest.statements {
        if let Statement::Ack { .. } = statement {
            refusals.push(Refusal::Approval(ApprovalRefusal::StatementNotCarried {
                statement: *subject,
                purpose: statement.purpose(),
            }));
            continue;
        }
        if statement.entry().is_none() {
            let approvals = (manifest.approvals.values())
                .filter(|approval| approval.subject == *subject)
                .cloned();
            let approvals: Vec<Approval> = approvals.collect();
            verified.extend(heard(policy, statement, &approvals, now));
            continue;
        }
        let Some(add) = entry_of(manifest, statement) else {
            if let Some(entry) = statement.entry() {
                refusals.push(Refusal::Approval(ApprovalRefusal::StatementEntryMissing {
                    statement: *subject,
                    entry,
                }));
            }
            continue;
        };
        let Some(open) = open_list(policy, add) else {
            refusals.push(Refusal::Approval(ApprovalRefusal::StatementListUnknown {
                statement: *subject,
                list: add.list.clone(),
            }));
            continue;
        };
        let persons = persons(policy, open, statement, *subject, signed);
        if is_entitled(open, statement, &persons) {
            let by = signed.statements.get(subject).cloned().unwrap_or_default();
            let statement = statement.clone();
            verified.push(Heard { statement, by });
        }
    }
    verified
}

/// What is known of every entry that the file carries.
pub(super) fn open_lists(
    manifest: &Manifest,
    policy: &Policy,
    signed: &Signed,
    verified: &[Heard],
    history: &History,
) -> OpenLists {
    let mut lists = OpenLists::none();
    for (subject, statement) in &manifest.statements {
        let Statement::ListAdd(add) = statement else {
            continue;
        };
        let Some(open) = open_list(policy, add) else {
            continue;
        };
        let said = |purpose: Purpose| {
            verified
                .iter()
                .map(|said| &said.statement)
                .any(|said| said.purpose() == purpose && said.entry() == Some(*subject))
        };
        let entry = subject.as_bytes();
        lists.insert(ListEntry {
            statement: add.clone(),
            approved_by: persons(policy, open, statement, *subject, signed),
            first_seen: history.seen(entry),
            removed: history.removed(entry) || said(Purpose::ListRemove),
            confirmed: history.confirmed(entry) || said(Purpose::ListConfirm),
        });
    }
    lists
}

fn entry_of<'a>(manifest: &'a Manifest, statement: &'a Statement) -> Option<&'a ListAdd> {
    let entry = match statement {
        Statement::ListAdd(add) => return Some(add),
        Statement::ListRemove { entry } | Statement::ListConfirm { entry } => entry,
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return None,
    };
    match manifest.statements.get(entry)? {
        Statement::ListAdd(add) => Some(add),
        Statement::ListRemove { .. }
        | Statement::ListConfirm { .. }
        | Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => None,
    }
}

fn open_list<'p>(policy: &'p Policy, add: &ListAdd) -> Option<&'p Open> {
    policy.list(&add.list)?.open.as_ref()
}

/// The persons whose signature under a statement counts.
fn persons(
    policy: &Policy,
    open: &Open,
    statement: &Statement,
    subject: Subject,
    signed: &Signed,
) -> Vec<String> {
    let group = match statement {
        Statement::ListAdd(_) | Statement::ListRemove { .. } => open.approvals.group.as_deref(),
        Statement::ListConfirm { .. } => open.test_first.as_ref().map(|test| test.group.as_str()),
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return Vec::new(),
    };
    let keys = signed.statements.get(&subject);
    persons_of(policy, group, keys.map_or(&[][..], Vec::as_slice))
}

fn is_entitled(open: &Open, statement: &Statement, persons: &[String]) -> bool {
    let needed = match statement {
        Statement::ListAdd(_) => open.approvals.count,
        Statement::ListRemove { .. } | Statement::ListConfirm { .. } => 1,
        Statement::Stop(_)
        | Statement::Release { .. }
        | Statement::Go(_)
        | Statement::Ack { .. } => return false,
    };
    usize::try_from(needed).is_ok_and(|needed| persons.len() >= needed)
}
