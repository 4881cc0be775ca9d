//! Puts papers into the books: attempts, requests, moves of journals, statements, verdicts.

use std::collections::BTreeMap;

use policies::UnixTime;
use watchtower::store::database::Transaction;

use super::Rebuild;
use crate::rebuilding::{Gathered, Remembered, Requested};
use crate::service::ServiceError;
use crate::service::remembering::{Books, Memory, remember, said_by_journal};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::journals::{self, MoveRow};
use crate::store::statements::{self, StatementApprovalRow, StatementRow};
use crate::store::withdrawals::{self, WithdrawalKey, WithdrawalRow};

/// Takes in all attempts that can be true; those that cannot.
pub(super) async fn fill_attempts<'g>(
    tx: &mut Transaction,
    books: Books<'_>,
    gathered: &'g Gathered,
) -> Result<Vec<&'g Remembered>, ServiceError> {
    let mut open = gathered.in_order();
    // One may spend an output of another that follows in the order: one that lies about its time.
    loop {
        let mut doubted = Vec::new();
        let before = open.len();
        for attempt in open {
            let txid = attempt.record.txid;
            let mut said = Vec::new();
            for ((signer, _), export) in &gathered.journals {
                said.extend(said_by_journal(export, signer, txid, books.cause.at));
            }
            match remember(tx, books, attempt, &said).await? {
                Memory::Known | Memory::New => {
                    tracing::debug!(%txid, "an attempt is known again");
                }
                Memory::Doubted(_) => doubted.push(attempt),
            }
        }
        if doubted.is_empty() || doubted.len() == before {
            return Ok(doubted);
        }
        open = doubted;
    }
}

/// Keeps the request of a withdrawal that an attempt pays, and that of any other unless it is held or over.
pub(super) async fn fill_request(
    tx: &mut Transaction,
    rebuild: &Rebuild,
    gathered: &Gathered,
    one: &Requested,
    is_held: bool,
) -> Result<(), ServiceError> {
    let key = key_of(gathered, one);
    let Some(row) = withdrawals::lookup(tx, &key).await? else {
        return Ok(());
    };
    let is_paid = row.state.attempt().is_some();
    if let Some(request) = &one.request
        && one.closed.is_none()
        && (is_paid || !is_held)
    {
        withdrawals::set_request(tx, &key, request).await?;
    }
    if is_paid || !rebuild.held.contains(&key.vault) {
        fill_verdicts(tx, gathered, &row).await?;
    }
    Ok(())
}

pub(super) fn key_of(gathered: &Gathered, one: &Requested) -> WithdrawalKey {
    WithdrawalKey {
        vault: gathered.policy().vault,
        requester: one.intent.requester.clone(),
        id: one.intent.id.clone(),
    }
}

pub(super) async fn fill_moves(
    tx: &mut Transaction,
    gathered: &Gathered,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let vault = gathered.policy().vault;
    let mut last: BTreeMap<&String, u32> = BTreeMap::new();
    for ((signer, _), export) in &gathered.journals {
        for certificate in export.journal.moves() {
            let number = last.entry(signer).or_default();
            *number = number.saturating_add(1);
            let number = *number;
            let row = MoveRow {
                signer: signer.clone(),
                number,
                certificate: certificate.clone(),
                received_at: now,
            };
            journals::insert_move(tx, vault, &row).await?;
        }
    }
    Ok(())
}

/// An entry counts from when a signer first saw it with its quorum: that is in the signers' journals.
pub(super) async fn fill_statements(
    tx: &mut Transaction,
    gathered: &Gathered,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let vault = gathered.policy().vault;
    for (subject, said) in &gathered.statements {
        let journals = gathered.journals.values();
        let seen = journals.filter_map(|one| one.journal.history().seen(subject.as_bytes()));
        let row = StatementRow {
            vault,
            subject: *subject,
            statement: said.statement.clone(),
            list: said.list.clone(),
            script_pubkey: said.script_pubkey.clone(),
            stored_at: seen.clone().min().unwrap_or(now),
            stored_by: "rebuild".to_owned(),
            entitled_at: None,
        };
        statements::insert(tx, &row).await?;
        for (approval, approver) in said.approvals.values() {
            let signed = StatementApprovalRow {
                approval: approval.clone(),
                approver: approver.clone(),
                received_at: row.stored_at,
            };
            statements::add_approval(tx, vault, &signed).await?;
        }
        if let Some(seen) = seen.min() {
            statements::set_entitled(tx, vault, *subject, seen).await?;
        }
    }
    Ok(())
}

pub(super) async fn fill_verdicts(
    tx: &mut Transaction,
    gathered: &Gathered,
    row: &WithdrawalRow,
) -> Result<(), ServiceError> {
    for verdict in gathered.verdicts.get(&row.hash).into_iter().flatten() {
        let stored = ApprovalRow {
            intent: row.hash,
            approval: verdict.approval.clone(),
            proof: verdict.proof.clone(),
            approver: verdict.approver.clone(),
            received_at: row.submitted_at,
        };
        approvals::insert(tx, &stored).await?;
    }
    Ok(())
}
