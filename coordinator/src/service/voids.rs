//! Voids: wished of signers where nothing was signed, taken in one by one, and enough of them drop the attempt (M4).
//!
//! Invariant: an attempt is dropped only once signers without whom it can satisfy no path of its coins have each
//! promised, with the journal that the policy names or one that it moved to, never to have signed it, while no
//! signature of theirs for it was handed in. Spends to ourselves are not voided: a journal lost and born again
//! refuses old payments by its birth, and cannot refuse those.

mod needed;

use std::collections::BTreeSet;

use bitcoin::Txid;
use policies::VaultId;
use policies::document::Policy;
use policies::journal::{Void, block_every_path, may_recover};
use policies::psbt::{AttemptPurpose, read_strict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use self::needed::still_needed;
use super::agreed::Agreed;
use super::attempts::existing;
use super::journals::signer_of_journal;
use super::record::{Cause, append_event};
use super::voiding::drop_voided;
use super::{Actor, AttemptError, BatchError, MAX_LIMIT, Right, Service, ServiceError, lock_vault};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::{self, AttemptRow};
use crate::store::voids::{self, VoidRow, WishRow};
use crate::store::{batches, memories};

/// Asks signers to void what a batch issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishVoids {
    /// Whether only to say what would be asked.
    #[serde(default)]
    pub preview: bool,
    /// The attempts that were agreed to be voided: where others are meant by now, nobody is asked.
    #[serde(skip)]
    pub agreed: Option<Agreed>,
}

/// How far signers are with voiding an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VoidsView {
    /// The attempt.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The name of the attempt's state; `dropped` once enough signers voided it.
    pub state: String,
    /// Whether signers are asked to void it.
    pub wished: bool,
    /// Signers who voided it.
    pub voided_by: Vec<String>,
    /// Signers who did not.
    pub missing: Vec<String>,
    /// The smallest sets of signers whose voids are enough, together with those that came; none where it is
    /// complete, or where nobody's would be.
    pub needed: Vec<Vec<String>>,
    /// Whether nobody can pay without those who voided it.
    pub complete: bool,
}

/// Whether signers who void an attempt together make it impossible: without them no path is left that it could satisfy.
/// Paths of recovery are counted unless its sequences rule them out. What pays spends coins of the keyset of the version
/// that it was made under, whichever is in force by now.
pub fn voided(made_under: &Policy, signers: &BTreeSet<String>, recovers: bool) -> bool {
    block_every_path(made_under.newest_keyset(), signers, recovers)
}

/// Whether an attempt could be completed by a path of recovery, as far as is known.
fn recovers(row: &AttemptRow) -> bool {
    read_strict(&row.psbt).map_or(true, |psbt| may_recover(psbt.transaction()))
}

/// Asks the signers to void every attempt that a batch issued, so that it is cancelled without a transaction.
///
/// # Errors
/// [`BatchError::UnknownBatch`], [`BatchError::NothingToCancel`]; [`AttemptError::NotVoidable`] where something was
/// signed: cancel that on the chain. Nothing is asked then.
pub async fn wish_voids(
    service: &Service,
    actor: &Actor,
    batch: BatchId,
    request: &WishVoids,
) -> Result<Vec<VoidsView>, ServiceError> {
    actor.require_somewhere(Right::Batch)?;
    let mut tx = if request.preview {
        service.database().begin_read().await?
    } else {
        service.database().begin_write().await?
    };
    let row = batches::lookup(&mut tx, batch)
        .await?
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(BatchError::UnknownBatch { batch })?;
    actor.require(Right::Batch, row.vault)?;
    if !request.preview {
        lock_vault(&mut tx, row.vault).await?;
    }
    let now = service.now();
    let mut views = Vec::new();
    for attempt in attempts::of_batch(&mut tx, batch).await? {
        if !attempt.state.holds_coins() {
            continue;
        }
        refuse_unvoidable(&mut tx, &attempt).await?;
        if !request.preview {
            let wish = WishRow {
                txid: attempt.txid,
                wished_at: now,
                wished_by: actor.name.clone(),
            };
            if voids::wish(&mut tx, row.vault, &wish).await? {
                append(
                    &mut tx,
                    &attempt,
                    "session.void-wished",
                    Map::new(),
                    actor,
                    service,
                )
                .await?;
            }
        }
        views.push(view(service, &mut tx, &attempt).await?);
    }
    if let Some(agreed) = request.agreed {
        let meant: Vec<Txid> = views.iter().map(|view| view.txid).collect();
        agreed.expect(&meant)?;
    }
    if views.is_empty() {
        return Err(BatchError::NothingToCancel { batch }.into());
    }
    tx.commit().await?;
    Ok(views)
}

/// An attempt of which something was signed, as far as is known here, is not voided.
async fn refuse_unvoidable(tx: &mut Transaction, attempt: &AttemptRow) -> Result<(), ServiceError> {
    let signed = !signed_it(tx, attempt.txid).await?.is_empty();
    let pays = matches!(attempt.purpose, AttemptPurpose::Pay | AttemptPurpose::Bump);
    if attempt.state == AttemptState::Issued && pays && !signed {
        return Ok(());
    }
    Err(AttemptError::NotVoidable {
        txid: attempt.txid,
        state: attempt.state.name(),
        purpose: attempt.purpose.name(),
        signed,
    }
    .into())
}

/// The attempts of a vault that signers are asked to void, with who did not yet.
///
/// # Errors
/// `VaultError::UnknownVault`.
pub async fn wished_voids(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    limit: Option<u32>,
) -> Result<Vec<VoidsView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(100).min(MAX_LIMIT);
    let mut views = Vec::new();
    for txid in voids::wished(&mut tx, vault, limit).await? {
        let row = existing(&mut tx, actor, txid).await?;
        views.push(view(service, &mut tx, &row).await?);
    }
    Ok(views)
}

/// How far signers are with voiding one attempt.
///
/// # Errors
/// [`AttemptError::UnknownAttempt`].
pub async fn show_voids(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<VoidsView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    view(service, &mut tx, &row).await
}

/// Takes a signer's void in; once enough came, the attempt is dropped: its coins are free, and what it pays is
/// approved as before. The same again answers the same.
///
/// # Errors
/// [`AttemptError::UnknownAttempt`], [`AttemptError::VoidUnreadable`], [`AttemptError::VoidForeign`],
/// [`AttemptError::OtherTransaction`]; [`AttemptError::VoidOfSigned`] for one who signed the attempt;
/// [`AttemptError::NotVoidable`].
pub async fn submit_void(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    bytes: &[u8],
) -> Result<VoidsView, ServiceError> {
    actor.require_somewhere(Right::Sign)?;
    let vault = {
        let mut tx = service.database().begin_read().await?;
        existing(&mut tx, actor, txid).await?.vault
    };
    let trimmed = bytes.trim_ascii_end();
    let void = Void::decode(trimmed).map_err(|error| AttemptError::VoidUnreadable {
        reason: error.to_string(),
    })?;
    if void.txid != txid {
        let found = void.txid;
        let expected = txid;
        return Err(AttemptError::OtherTransaction { expected, found }.into());
    }
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    tx.lock(&format!("attempt {txid}")).await?;
    let row = existing(&mut tx, actor, txid).await?;
    let policy = service.policy(&mut tx, row.policy).await?;
    void.verify(vault)
        .map_err(|error| AttemptError::VoidUnreadable {
            reason: error.to_string(),
        })?;
    let journal = void.journal;
    let signer = signer_of_journal(&mut tx, vault, &policy, &journal)
        .await?
        .ok_or(AttemptError::VoidForeign { journal })?;
    let known = voids::of_attempt(&mut tx, txid).await?;
    if known.iter().any(|known| known.void.journal == journal) {
        return view(service, &mut tx, &row).await;
    }
    if signed_it(&mut tx, txid).await?.contains(&signer) {
        return Err(AttemptError::VoidOfSigned { txid, signer }.into());
    }
    let pays = matches!(row.purpose, AttemptPurpose::Pay | AttemptPurpose::Bump);
    if row.state != AttemptState::Issued || !pays {
        return Err(AttemptError::NotVoidable {
            txid,
            state: row.state.name(),
            purpose: row.purpose.name(),
            signed: false,
        }
        .into());
    }
    let stored = VoidRow {
        void,
        received_at: now,
    };
    voids::insert(&mut tx, &stored).await?;
    let mut body = Map::new();
    body.insert("journal".to_owned(), json!(journal.to_string()));
    body.insert("signer".to_owned(), json!(signer));
    append(&mut tx, &row, "session.void-taken", body, actor, service).await?;
    if voided(
        &policy,
        &counting(&mut tx, &row, &policy).await?,
        recovers(&row),
    ) {
        let cause = Cause {
            actor: &actor.name,
            reason: "voided by signers without whom nobody can sign it",
            at: now,
        };
        drop_voided(&mut tx, txid, cause).await?;
    }
    let row = existing(&mut tx, actor, txid).await?;
    let answer = view(service, &mut tx, &row).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The signers of whom it is known that they signed an attempt.
async fn signed_it(tx: &mut Transaction, txid: Txid) -> Result<BTreeSet<String>, ServiceError> {
    let signatures = attempts::signatures(tx, txid).await?;
    // What a journal says that was imported counts as a signature that was handed in.
    let remembered = memories::of_attempt(tx, txid).await?;
    Ok(signatures
        .into_iter()
        .map(|row| row.signer)
        .chain(remembered.into_iter().map(|row| row.signer))
        .collect())
}

/// The signers whose voids count: who signed it as well is believed by his signature.
async fn counting(
    tx: &mut Transaction,
    row: &AttemptRow,
    policy: &Policy,
) -> Result<BTreeSet<String>, ServiceError> {
    let signed = signed_it(tx, row.txid).await?;
    let mut counting = BTreeSet::new();
    for stored in voids::of_attempt(tx, row.txid).await? {
        let signer = signer_of_journal(tx, row.vault, policy, &stored.void.journal).await?;
        counting.extend(signer.filter(|name| !signed.contains(name)));
    }
    Ok(counting)
}

pub(super) async fn view(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<VoidsView, ServiceError> {
    let policy = service.policy(tx, row.policy).await?;
    let counting = counting(tx, row, &policy).await?;
    let missing = policy.signers.iter().map(|signer| signer.name.clone());
    let missing: Vec<String> = missing.filter(|name| !counting.contains(name)).collect();
    let needed = if row.state == AttemptState::Issued {
        let signed = signed_it(tx, row.txid).await?;
        let may = missing.iter().filter(|name| !signed.contains(*name));
        let may: Vec<String> = may.cloned().collect();
        still_needed((&policy, recovers(row)), &counting, &may)
    } else {
        Vec::new()
    };
    Ok(VoidsView {
        txid: row.txid,
        state: row.state.name().to_owned(),
        wished: voids::wish_of(tx, row.txid).await?.is_some(),
        complete: voided(&policy, &counting, recovers(row)),
        voided_by: counting.into_iter().collect(),
        missing,
        needed,
    })
}

async fn append(
    tx: &mut Transaction,
    row: &AttemptRow,
    kind: &str,
    mut body: Map<String, serde_json::Value>,
    actor: &Actor,
    service: &Service,
) -> Result<(), ServiceError> {
    body.insert("txid".to_owned(), json!(row.txid));
    append_event(
        tx,
        row.vault,
        ("session", &row.txid.to_string()),
        kind,
        body,
        Cause::by(&actor.name, service.now()),
    )
    .await
}
