//! Journals that move to another key, as their certificates say.
//!
//! Invariant: no journal moves twice, so that its moves are a line.

use bitcoin::hex::FromHex;
use policies::document::Policy;
use policies::journal::{MoveCertificate, MoveStatement, accept_moves};
use policies::{PublicKey, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::{JournalView, append, lock_journals, views};
use crate::service::{Actor, JournalError, Right, Service, ServiceError, lock_vault};
use crate::store::journals::{self, MoveRow};

/// Hands in that a journal moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMove {
    /// The old journal's certificate, in hex.
    pub certificate: String,
}

/// Takes in that a journal moved: from now on receipts of the new key count, and those of the old do not.
/// The same again answers the same.
///
/// # Errors
/// [`JournalError::Move`], [`JournalError::MovedAlready`].
pub async fn submit_move(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &SubmitMove,
) -> Result<Vec<JournalView>, ServiceError> {
    actor.require(Right::Sign, vault)?;
    let malformed = ServiceError::Malformed {
        field: "certificate",
        expected: "a certificate in hex",
    };
    let bytes = Vec::<u8>::from_hex(&request.certificate).map_err(|_| malformed)?;
    let certificate = MoveCertificate::decode(&bytes)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    lock_journals(&mut tx, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let moves = journals::moves(&mut tx, vault).await?;
    let MoveStatement {
        from, to, counter, ..
    } = certificate.statement.clone();
    if let Some(known) = moves
        .iter()
        .find(|known| known.certificate.statement.from == from)
    {
        if known.certificate == certificate {
            return views(&mut tx, vault, &policy).await;
        }
        return Err(JournalError::MovedAlready {
            from,
            to: known.certificate.statement.to,
        }
        .into());
    }
    let mut chain = moved_to(&moves, from);
    chain.push(certificate.clone());
    let signer = accept_moves(&policy, &chain)?;
    let known = journals::lookup(&mut tx, vault, &from).await?;
    if let Some(known) = known.filter(|known| known.counter >= counter) {
        return Err(JournalError::SignedAfterMove {
            from,
            counter: known.counter,
            moved_at: counter,
        }
        .into());
    }
    let row = MoveRow {
        signer: signer.name.clone(),
        number: next_number(&moves, &signer.name),
        certificate,
        received_at: now,
    };
    journals::insert_move(&mut tx, vault, &row).await?;
    let mut body = Map::new();
    body.insert("certificate".to_owned(), json!(request.certificate));
    body.insert("counter".to_owned(), json!(counter));
    body.insert("signer".to_owned(), json!(row.signer));
    body.insert("to".to_owned(), json!(to.to_string()));
    append(&mut tx, vault, &from, "journal.moved", body, actor, now).await?;
    let answer = views(&mut tx, vault, &policy).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The moves of a journal, one after the other. A signer who was replaced may have had another one under the same name,
/// which moved as well.
pub(super) fn moved_from(moves: &[MoveRow], journal: PublicKey) -> Vec<MoveCertificate> {
    let mut chain: Vec<MoveCertificate> = Vec::new();
    // No journal moves twice, so that this ends with the moves.
    while chain.len() < moves.len() {
        let at = chain.last().map_or(journal, |last| last.statement.to);
        let mut all = moves.iter().map(|known| &known.certificate);
        match all.find(|known| known.statement.from == at) {
            Some(next) => chain.push(next.clone()),
            None => break,
        }
    }
    chain
}

/// The moves that led to a journal, one after the other.
pub(super) fn moved_to(moves: &[MoveRow], journal: PublicKey) -> Vec<MoveCertificate> {
    let mut chain: Vec<MoveCertificate> = Vec::new();
    while chain.len() < moves.len() {
        let at = chain.last().map_or(journal, |first| first.statement.from);
        let mut all = moves.iter().map(|known| &known.certificate);
        match all.find(|known| known.statement.to == at) {
            Some(before) => chain.push(before.clone()),
            None => break,
        }
    }
    chain.reverse();
    chain
}

/// The number of the next move under a signer's name.
fn next_number(moves: &[MoveRow], signer: &str) -> u32 {
    let own = moves.iter().filter(|known| known.signer == signer);
    let last = own.map(|known| known.number).max();
    last.unwrap_or_default().saturating_add(1)
}

/// The signer whose journal this is: the one that the policy names, or one that it moved to.
pub(in crate::service) async fn signer_of_journal(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
    journal: &PublicKey,
) -> Result<Option<String>, ServiceError> {
    if let Some(signer) = policy.signer_of_journal(journal) {
        return Ok(Some(signer.name.clone()));
    }
    let moves = journals::moves(tx, vault).await?;
    let chain = moved_to(&moves, *journal);
    let first = chain.first().map(|first| first.statement.from);
    let signer = first.and_then(|first| policy.signer_of_journal(&first));
    Ok(signer.map(|signer| signer.name.clone()))
}
