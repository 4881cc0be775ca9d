//! The signers' journals as receipts show them: what intake accepts, refuses, and follows when one moves.
//!
//! What devices return without a receipt is taken: hardware wallets keep no journal, and the signers whose
//! honesty counts check everything themselves. A receipt that is there must be right, or nothing that came
//! with it is taken. Invariant: what is accepted of one journal only ever grows.

use bitcoin::Txid;
use bitcoin::hex::{DisplayHex, FromHex};
use policies::document::Policy;
use policies::journal::{
    LastKnown, MoveCertificate, MoveStatement, Standing, StandingError, accept_moves, standing,
};
use policies::{PublicKey, Receipt, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::opened::Session;
use super::{Actor, JournalError, Right, Service, ServiceError, lock_vault};
use crate::store::attempts::{self, AttemptRow};
use crate::store::journals::{self, JournalRow, MoveRow, RefusalRow};
use crate::store::reissues;
use crate::store::vaults;

/// Hands in that a journal moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMove {
    /// The old journal's certificate, in hex.
    pub certificate: String,
}

/// The journal of a signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JournalView {
    /// The signer's name in the policy.
    pub signer: String,
    /// The journal whose receipts count now.
    pub journal: String,
    /// How often it moved from the one that the policy names.
    pub moves: u32,
    /// The number of its last entry, as its last receipt says.
    pub counter: Option<u64>,
    /// Its head after that.
    pub head: Option<String>,
    /// The head of the event chain that the signer was told then.
    pub event_head: Option<String>,
    /// When that receipt came in (unix seconds).
    #[schema(value_type = Option<u64>)]
    pub received_at: Option<UnixTime>,
    /// The last receipt that was refused since.
    pub refused: Option<RefusedReceiptView>,
}

/// A receipt that was refused, with the signatures that came with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedReceiptView {
    /// The signer.
    pub signer: String,
    /// The journal that the receipt names.
    pub journal: String,
    /// The attempt it was handed in for.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub refused_at: UnixTime,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedReceipt {
    /// The journal that it names.
    pub journal: PublicKey,
    /// The signer whose journal that is or was.
    pub signer: Option<String>,
    /// The stable code.
    pub code: &'static str,
    /// The reason in words.
    pub reason: String,
    /// What to do.
    pub hint: &'static str,
    /// The receipt, where the journal signed it.
    receipt: Option<Vec<u8>>,
}

/// The journals of a vault's signers.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn list_journals(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
) -> Result<Vec<JournalView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    views(&mut tx, vault, &policy).await
}

pub(super) async fn views(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<Vec<JournalView>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let mut views = Vec::new();
    for signer in &policy.signers {
        let own = moved_from(&moves, signer.journal);
        let current = own.last().map_or(signer.journal, |last| last.statement.to);
        let known = journals::lookup(tx, vault, &current).await?;
        let received_at = known.as_ref().map(|known| known.received_at);
        let refused = journals::last_refusal(tx, vault, &signer.name).await?;
        views.push(JournalView {
            signer: signer.name.clone(),
            journal: current.to_string(),
            moves: u32::try_from(own.len()).unwrap_or(u32::MAX),
            counter: known.as_ref().map(|known| known.counter),
            head: known.as_ref().map(|known| known.head.to_string()),
            event_head: (known.as_ref())
                .and_then(|known| known.receipt.body.event_head)
                .map(|head| head.to_lower_hex_string()),
            received_at,
            refused: refused.map(refused_view),
        });
    }
    Ok(views)
}

fn refused_view(row: RefusalRow) -> RefusedReceiptView {
    RefusedReceiptView {
        signer: row.signer,
        journal: row.journal.to_string(),
        txid: row.txid,
        code: row.code,
        reason: row.reason,
        hint: row.hint,
        refused_at: row.refused_at,
    }
}

/// What was refused last of journals that nothing was accepted of since, in the vaults that the actor sees.
pub(super) async fn troubled(
    service: &Service,
    tx: &mut Transaction,
    actor: &Actor,
) -> Result<Vec<RefusedReceiptView>, ServiceError> {
    let mut troubled = Vec::new();
    for vault in vaults::list(tx).await? {
        if actor.vault.is_none_or(|own| own == vault.id) {
            let policy = service.policy(tx, vault.policy).await?;
            let journals = views(tx, vault.id, &policy).await?;
            troubled.extend(journals.into_iter().filter_map(|journal| journal.refused));
        }
    }
    Ok(troubled)
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
fn moved_from(moves: &[MoveRow], journal: PublicKey) -> Vec<MoveCertificate> {
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
fn moved_to(moves: &[MoveRow], journal: PublicKey) -> Vec<MoveCertificate> {
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
pub(super) async fn signer_of_journal(
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

async fn lock_journals(tx: &mut Transaction, vault: VaultId) -> Result<(), ServiceError> {
    Ok(tx.lock(&format!("journals {vault}")).await?)
}

/// The last accepted receipt of each signer's journal, for the manifest: a journal that was rolled back
/// knows less than it says, and refuses.
pub(super) async fn last_receipts(
    tx: &mut Transaction,
    vault: VaultId,
    policy: &Policy,
) -> Result<Vec<Receipt>, ServiceError> {
    let moves = journals::moves(tx, vault).await?;
    let mut receipts = Vec::new();
    for signer in &policy.signers {
        let moved = moved_from(&moves, signer.journal);
        let current = moved
            .last()
            .map_or(signer.journal, |last| last.statement.to);
        if let Some(known) = journals::lookup(tx, vault, &current).await? {
            receipts.push(known.receipt);
        }
    }
    Ok(receipts)
}

/// Judges the receipts that came with signatures and remembers those that are right; says how many, or
/// which one is wrong.
pub(super) async fn take_receipts(
    tx: &mut Transaction,
    row: &AttemptRow,
    session: &Session,
    receipts: &[Receipt],
    now: UnixTime,
) -> Result<Result<u32, RefusedReceipt>, ServiceError> {
    if receipts.is_empty() {
        return Ok(Ok(0));
    }
    lock_journals(tx, row.vault).await?;
    let moves = journals::moves(tx, row.vault).await?;
    let stored = attempts::receipts(tx, row.txid).await?;
    let mut issued = vec![session.strict.manifest_hash()];
    let again = reissues::of_attempt(tx, row.txid).await?;
    issued.extend(again.iter().map(|reissue| reissue.manifest));
    let mut taken = 0_u32;
    for receipt in receipts {
        let bytes = receipt.encode();
        // What we sent along comes back, or what was taken before comes again.
        let is_ours = session
            .strict
            .manifest()
            .receipts
            .values()
            .any(|sent| sent == receipt);
        let is_known = stored.iter().any(|(_, known)| *known == bytes);
        if is_ours || is_known {
            taken = taken.saturating_add(u32::from(is_known));
            continue;
        }
        let journal = receipt.body.journal;
        let known = journals::lookup(tx, row.vault, &journal).await?;
        let signer = match judge(receipt, row, session, &issued, &moves, known.as_ref()) {
            Ok(signer) => signer,
            Err(refused) => return Ok(Err(refused)),
        };
        attempts::add_receipt(tx, row.txid, journal.id().to_bytes(), &bytes, now).await?;
        let next = JournalRow {
            journal,
            signer,
            counter: receipt.body.counter,
            head: receipt.body.head,
            receipt: receipt.clone(),
            received_at: now,
        };
        journals::store(tx, row.vault, &next).await?;
        journals::resolve_refusals(tx, row.vault, &next.signer, now).await?;
        taken = taken.saturating_add(1);
    }
    Ok(Ok(taken))
}

/// Whose receipt it is, or why it is wrong.
fn judge(
    receipt: &Receipt,
    row: &AttemptRow,
    session: &Session,
    issued: &[[u8; 32]],
    moves: &[MoveRow],
    known: Option<&JournalRow>,
) -> Result<String, RefusedReceipt> {
    let journal = receipt.body.journal;
    let policy = &session.policy;
    let refuse = |signer: Option<&str>, code, reason: String, hint, signed: bool| RefusedReceipt {
        journal,
        signer: signer.map(str::to_owned),
        code,
        reason,
        hint,
        receipt: signed.then(|| receipt.encode()),
    };
    if let Err(error) = receipt.verify(row.vault, &journal) {
        let hint = "hand in what the signer wrote, unaltered";
        return Err(refuse(
            None,
            "journal_receipt_invalid",
            error.to_string(),
            hint,
            false,
        ));
    }
    // Whose coins are spent signs, also where the policy has replaced the signer.
    let signers = || session.keyset().signers.iter().chain(&policy.signers);
    let pinned = signers()
        .find(|signer| signer.journal == journal)
        .or_else(|| {
            let first = moved_to(moves, journal).first()?.statement.from;
            signers().find(|signer| signer.journal == first)
        });
    let Some(signer) = pinned else {
        let reason =
            format!("the receipt is of journal {journal}, which no signer of the policy keeps");
        let hint = "if the journal moved, hand in the certificate of its move first";
        return Err(refuse(None, "journal_foreign", reason, hint, true));
    };
    let name = Some(signer.name.as_str());
    if receipt.body.txid != row.txid || !issued.contains(&receipt.body.manifest) {
        let reason = "the receipt is for another transaction or manifest".to_owned();
        let hint = "hand in what the signer wrote for this attempt";
        return Err(refuse(
            name,
            "journal_receipt_for_another",
            reason,
            hint,
            false,
        ));
    }
    let last = known.map(|known| LastKnown {
        counter: known.counter,
        head: known.head,
    });
    let own = moved_from(moves, signer.journal);
    match standing(&receipt.body, signer.journal, &own, last) {
        Ok(Standing::First | Standing::Newer | Standing::Same) => Ok(signer.name.clone()),
        Err(error) => {
            let code = code_of(&error);
            Err(refuse(name, code, error.to_string(), error.hint(), true))
        }
    }
}

/// The stable code of a refusal, as this interface writes codes.
const fn code_of(error: &StandingError) -> &'static str {
    match error {
        StandingError::Foreign { .. } => "journal_foreign",
        StandingError::MovedAway { .. } => "journal_moved",
        StandingError::SignedAfterMove { .. } => "journal_signed_after_move",
        StandingError::Stale { .. } => "journal_stale",
        StandingError::Forked { .. } => "journal_forked",
    }
}

/// Remembers that a receipt was refused, in a transaction of its own: what came with it is not taken.
pub(super) async fn remember_refusal(
    service: &Service,
    actor: &Actor,
    row: &AttemptRow,
    refused: &RefusedReceipt,
) -> Result<(), ServiceError> {
    // What no journal signed says nothing about any.
    let Some(receipt) = refused.receipt.clone() else {
        return Ok(());
    };
    let now = service.now();
    let stored = RefusalRow {
        journal: refused.journal,
        receipt,
        txid: row.txid,
        signer: refused.signer.clone().unwrap_or_default(),
        code: refused.code.to_owned(),
        reason: refused.reason.clone(),
        hint: refused.hint.to_owned(),
        refused_at: now,
    };
    let mut tx = service.database().begin_write().await?;
    if journals::add_refusal(&mut tx, row.vault, &stored).await? {
        let mut body = Map::new();
        body.insert("code".to_owned(), json!(stored.code));
        body.insert("signer".to_owned(), json!(stored.signer));
        body.insert("text".to_owned(), json!(stored.reason));
        body.insert("txid".to_owned(), json!(stored.txid));
        let journal = &refused.journal;
        append(
            &mut tx,
            row.vault,
            journal,
            "journal.refused",
            body,
            actor,
            now,
        )
        .await?;
    }
    Ok(tx.commit().await?)
}

async fn append(
    tx: &mut Transaction,
    vault: VaultId,
    journal: &PublicKey,
    kind: &str,
    body: Map<String, serde_json::Value>,
    actor: &Actor,
    at: UnixTime,
) -> Result<(), ServiceError> {
    events::append(
        tx,
        &NewEvent {
            object_kind: "journal",
            object_id: &journal.to_string(),
            kind,
            vault: Some(vault),
            body,
            actor: &actor.name,
            reason: "",
            at,
        },
    )
    .await?;
    Ok(())
}
