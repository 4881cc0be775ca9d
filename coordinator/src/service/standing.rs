//! What a decision rests on besides policy and intent, as the database has it: one function for
//! submitting, approving, building, issuing and showing.
//!
//! A window counts from the reservation of coins and loses a count only when an exclusive transaction is
//! settled; what is promised and not reserved counts nowhere. An entry of an open list is first seen when
//! enough persons had signed it. The cost is that of one window, never of the history.

use std::collections::BTreeSet;

use bitcoin::{Amount, ScriptBuf};
use policies::document::Policy;
use policies::rules::{Entitlement, ListEntry, OpenLists, Standing, Windows, entitlement};
use policies::{Approval, Intent, IntentHash, ListAdd, Statement, Subject, UnixTime, VaultId};
use watchtower::store::database::Transaction;

use super::ServiceError;
use crate::store::statements::{self, StatementApprovalRow, StatementRow};
use crate::store::{windows, withdrawals};

/// The most earlier payments to one script that are looked at: one of another line is enough.
const PAID_BEFORE: u32 = 20;

/// What is known, for the intents that it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Known {
    windows: Windows,
    lists: OpenLists,
    now: UnixTime,
}

impl Known {
    /// Reads what decisions about these intents rest on. Signatures under entries count if they hold at
    /// `until`: whoever builds needs them until the last signer has signed.
    pub(super) async fn load(
        tx: &mut Transaction,
        vault: VaultId,
        policy: &Policy,
        intents: &[&Intent],
        now: UnixTime,
        until: UnixTime,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            windows: read_windows(tx, vault, policy, intents, now).await?,
            lists: read_lists(tx, vault, policy, intents, until).await?,
            now,
        })
    }

    /// As policies ask for it.
    pub(super) fn standing(&self) -> Standing<'_> {
        Standing {
            windows: &self.windows,
            lists: &self.lists,
            now: self.now,
        }
    }

    /// Counts an intent that is granted together with those decided after it.
    pub(super) fn grant(&mut self, rule: &str, intent: &Intent) {
        self.windows
            .count(rule, intent.hash(), intent.amount, self.now);
        self.lists.pay(intent);
    }

    /// What the windows count.
    pub(super) fn windows(&self) -> &Windows {
        &self.windows
    }
}

/// Sums each rule's window into one count at this moment, with what was counted under names that no rule has any
/// more; which intents count already is kept beside.
async fn read_windows(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    intents: &[&Intent],
    now: UnixTime,
) -> Result<Windows, ServiceError> {
    let mut counted = Windows::none();
    let mut any = false;
    let names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    for (number, rule) in (0_u64..).zip(&policy.rules) {
        let Some(window) = rule.window else {
            continue;
        };
        any = true;
        let since = now.saturating_sub(window.per);
        let spent = windows::spent(tx, vault, &rule.name, &names, since).await?;
        counted.count(&rule.name, no_intents_hash(number), spent, now);
    }
    if any {
        for intent in intents {
            let hash = intent.hash();
            if windows::is_counted(tx, hash).await? {
                counted.count("", hash, Amount::ZERO, now);
            }
        }
    }
    Ok(counted)
}

/// A name for the sum of a rule: no intent's hash is a small number.
fn no_intents_hash(number: u64) -> IntentHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    IntentHash::from_bytes(bytes)
}

async fn read_lists(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    intents: &[&Intent],
    until: UnixTime,
) -> Result<OpenLists, ServiceError> {
    let mut lists = OpenLists::none();
    if policy.lists.iter().all(|list| list.open.is_none()) {
        return Ok(lists);
    }
    let scripts: BTreeSet<&ScriptBuf> =
        intents.iter().map(|intent| &intent.script_pubkey).collect();
    for script in scripts {
        let mut any = false;
        for row in statements::adding(tx, vault, script).await? {
            if let Some(entry) = Entry::read(tx, policy, row, until).await? {
                any = true;
                lists.insert(entry.known());
            }
        }
        if any {
            for paid in withdrawals::ever_batched_to(tx, vault, script, PAID_BEFORE).await? {
                lists.pay(&paid.intent);
            }
        }
    }
    Ok(lists)
}

/// An entry of an open list with everything that was said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) add: ListAdd,
    pub(super) row: StatementRow,
    pub(super) entitlement: Entitlement,
    /// Its approvals that hold.
    pub(super) approvals: Vec<Approval>,
    pub(super) removed: bool,
    /// The statements that confirm its first payment, with the signatures that hold.
    pub(super) confirmations: Vec<(Statement, Vec<Approval>)>,
}

impl Entry {
    /// Reads an entry; none where the policy has no such open list.
    pub(super) async fn read(
        tx: &mut Transaction,
        policy: &Policy,
        row: StatementRow,
        until: UnixTime,
    ) -> Result<Option<Self>, ServiceError> {
        let Statement::ListAdd(add) = row.statement.clone() else {
            return Ok(None);
        };
        let approvals = holding(tx, row.vault, row.subject, until).await?;
        let Some(entitlement) = entitlement(policy, &row.statement, &add, &approvals, until) else {
            return Ok(None);
        };
        let mut entry = Self {
            add,
            entitlement,
            approvals,
            removed: false,
            confirmations: Vec::new(),
            row,
        };
        for said in statements::of_entry(tx, entry.row.vault, entry.row.subject).await? {
            match said.statement {
                Statement::ListAdd(_)
                | Statement::Stop(_)
                | Statement::Release { .. }
                | Statement::Go(_)
                | Statement::Ack { .. } => {}
                Statement::ListRemove { .. } => entry.removed |= said.entitled_at.is_some(),
                Statement::ListConfirm { .. } => {
                    if said.entitled_at.is_some() {
                        let signed = holding(tx, said.vault, said.subject, until).await?;
                        if !signed.is_empty() {
                            entry.confirmations.push((said.statement, signed));
                        }
                    }
                }
            }
        }
        Ok(Some(entry))
    }

    pub(super) fn is_confirmed(&self) -> bool {
        !self.confirmations.is_empty()
    }

    fn known(&self) -> ListEntry {
        ListEntry {
            statement: self.add.clone(),
            approved_by: self.entitlement.approved_by.clone(),
            first_seen: self.row.entitled_at,
            removed: self.removed,
            confirmed: self.is_confirmed(),
        }
    }

    /// What a manifest carries so that signers can see the entry: its own statement first.
    pub(super) fn carried(&self) -> Vec<(Statement, Vec<Approval>)> {
        let mut carried = vec![(self.row.statement.clone(), self.approvals.clone())];
        carried.extend(self.confirmations.iter().cloned());
        carried
    }
}

/// The signatures under a statement that hold at a moment, one a key.
pub(super) async fn holding(
    tx: &mut Transaction,
    vault: VaultId,
    subject: Subject,
    until: UnixTime,
) -> Result<Vec<Approval>, ServiceError> {
    let mut holding: Vec<Approval> = Vec::new();
    for row in statements::approvals_of(tx, vault, subject).await? {
        let approval = row.approval;
        let ends = approval.purpose != policies::hash::Purpose::ListRemove;
        if ends && approval.has_expired(until) {
            continue;
        }
        // They come in the order of their ends: of one key the last holds longest.
        holding.retain(|other| other.key != approval.key);
        holding.push(approval);
    }
    Ok(holding)
}

/// Whether a signature adds anything to those under its statement: one of another key does, and one that holds longer.
pub(super) fn adds(standing: &[StatementApprovalRow], approval: &Approval) -> bool {
    let ends = approval.purpose != policies::hash::Purpose::ListRemove;
    standing.iter().all(|row| {
        row.approval.key != approval.key || (ends && row.approval.expires < approval.expires)
    })
}
