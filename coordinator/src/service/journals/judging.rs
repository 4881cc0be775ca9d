//! Receipts as they come in with signatures: judged, remembered, or refused with all that came with them.
//!
//! Invariant: what is accepted of one journal only ever grows.

use policies::journal::{LastKnown, Standing, StandingError, standing};
use policies::{PublicKey, Receipt, UnixTime};
use serde_json::{Map, json};
use watchtower::store::database::Transaction;

use super::moves::{moved_from, moved_to};
use super::{append, lock_journals};
use crate::service::opened::Session;
use crate::service::{Actor, Service, ServiceError};
use crate::store::attempts::{self, AttemptRow};
use crate::store::journals::{self, JournalRow, MoveRow, RefusalRow};
use crate::store::reissues;

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

/// Judges the receipts that came with signatures and remembers those that are right; says how many, or
/// which one is wrong.
pub(in crate::service) async fn take_receipts(
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
pub(in crate::service) async fn remember_refusal(
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
