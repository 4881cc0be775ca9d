//! Attempts: what signers are asked for, and the signatures they hand in, verified one by one.

use bitcoin::Txid;
use policies::planted::steps::Step;
use policies::psbt::{
    BadSignature, Intake, OfferedSlot, OtherTransaction, PsbtVersion, VerifiedSignature,
    read_intake, read_strict,
};
use policies::{Receipt, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::attempt_view::view;
pub use super::attempt_view::{AttemptView, ChangeView, InputView, MaintenanceView, PaymentView};
use super::culprits;
pub use super::culprits::Culprit;
use super::journals::{remember_refusal, take_receipts};
use super::maintenance::newest_psbt;
use super::opened::Session;
use super::record::{Cause, append_event};
use super::{
    Actor, AttemptError, BatchError, JournalError, MAX_LIMIT, Right, Service, ServiceError,
};
use crate::jobs::FINALIZE;
use crate::roles::issued::offer_again;
use crate::session::attempt::AttemptState;
use crate::session::collection::Collection;
use crate::store::attempts::{self, AttemptRow, SignatureRow};
use crate::store::jobs;

/// A signature that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcceptedSignature {
    /// The input.
    pub input: u32,
    /// Its place in the witness.
    pub place: String,
    /// The signer's name in the policy.
    pub signer: String,
}

/// A signature that does not count, and why; it hurts no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedSignature {
    /// The input.
    pub input: u32,
    /// Where it said it belongs.
    pub place: String,
    /// The signer whose key it names, if it names one of ours.
    pub signer: Option<String>,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub reason: String,
}

/// What became of signatures that were handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SubmittedSignatures {
    /// New ones that count.
    pub accepted: Vec<AcceptedSignature>,
    /// Ones that do not count.
    pub refused: Vec<RefusedSignature>,
    /// How many receipts of pinned journals came with them.
    pub receipts: u32,
    /// The attempt as it stands now.
    pub attempt: AttemptView,
}

/// The attempts of a vault, newest first; those of one state, if one is named.
///
/// # Errors
/// `VaultError::UnknownVault`, [`ServiceError::UnknownState`].
pub async fn list_attempts(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    state: Option<&str>,
    limit: Option<u32>,
) -> Result<Vec<AttemptView>, ServiceError> {
    actor.require(Right::Read, vault)?;
    super::expect_state(state, &AttemptState::NAMES)?;
    let mut tx = service.database().begin_read().await?;
    service.vault(&mut tx, vault).await?;
    let limit = limit.unwrap_or(100).min(MAX_LIMIT);
    let mut views = Vec::new();
    for row in attempts::list(&mut tx, vault, state, limit).await? {
        views.push(view(service, &mut tx, &row).await?);
    }
    Ok(views)
}

/// One attempt.
///
/// # Errors
/// [`AttemptError::UnknownAttempt`].
pub async fn show_attempt(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<AttemptView, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    view(service, &mut tx, &row).await
}

/// The PSBT of an attempt: in version 0 byte for byte as it was reviewed and last issued, in version 2 with
/// the same records around the same transaction.
///
/// # Errors
/// [`AttemptError::UnknownAttempt`].
pub async fn attempt_psbt(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    version: PsbtVersion,
) -> Result<Vec<u8>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    let row = existing(&mut tx, actor, txid).await?;
    let issued = newest_psbt(&mut tx, row, service.now()).await?;
    match version {
        PsbtVersion::Zero => Ok(issued),
        PsbtVersion::Two => read_strict(&issued)
            .map(|strict| strict.write(version))
            .map_err(|refusal| {
                ServiceError::Batch(BatchError::Build {
                    reason: refusal.to_string(),
                })
            }),
    }
}

/// Takes what a signer returned, in any encoding; each signature is verified alone.
///
/// # Errors
/// [`AttemptError::Intake`], [`AttemptError::OtherTransaction`], [`AttemptError::AttemptClosed`];
/// [`JournalError::Refused`] for a receipt that is wrong, and then nothing is taken.
/// A bad signature is no error: it is reported, and hurts no other.
pub async fn submit_signatures(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    bytes: &[u8],
) -> Result<SubmittedSignatures, ServiceError> {
    actor.require_somewhere(Right::Sign)?;
    let intake = read_intake(bytes).map_err(|refusal| {
        ServiceError::Attempt(AttemptError::Intake {
            reason_code: refusal.code(),
            reason: refusal.to_string(),
        })
    })?;
    let Sifted {
        good,
        receipts,
        refused,
    } = sift(service, actor, txid, intake).await?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let row = existing(&mut tx, actor, txid).await?;
    tx.lock(&format!("attempt {txid}")).await?;
    refuse_closed(&row)?;
    let session = Session::open(service, &mut tx, &row).await?;
    let receipts = match take_receipts(&mut tx, &row, &session, &receipts, now).await? {
        Ok(taken) => taken,
        Err(refused) => {
            tx.rollback().await?;
            remember_refusal(service, actor, &row, &refused).await?;
            return Err(JournalError::Refused(Box::new(refused)).into());
        }
    };
    let good = session.issued.offer(good.iter().map(offer_again));
    let taken = session.collection.take(&good).map_err(other_transaction)?;
    let mut accepted = Vec::new();
    for verified in &taken.new {
        let input = u32::try_from(verified.input()).unwrap_or(u32::MAX);
        let key = verified.key();
        let signer = session
            .collection
            .signer_of(verified.input(), key)
            .unwrap_or_default();
        let stored = SignatureRow {
            input,
            key,
            signer: signer.clone(),
            signature: verified.signature().to_vec(),
            received_at: now,
        };
        if attempts::add_signature(&mut tx, txid, &stored).await? {
            accepted.push(AcceptedSignature {
                input,
                place: key.to_string(),
                signer,
            });
        }
    }
    culprits::record(&mut tx, &row, &refused, actor, now).await?;
    if !accepted.is_empty() {
        append_signed(&mut tx, &row, &accepted, actor, now).await?;
    }
    if taken.collection.is_complete() && row.state == AttemptState::Issued {
        jobs::enqueue(&mut tx, FINALIZE, &txid.to_string(), now).await?;
    }
    let attempt = view(service, &mut tx, &row).await?;
    tx.mark(Step::Signature);
    tx.commit().await?;
    Ok(SubmittedSignatures {
        accepted,
        refused,
        receipts,
        attempt,
    })
}

/// The most receipts that one hand-in is asked for.
const MAX_RECEIPTS: usize = 16;

/// What a signer returned, every signature verified.
struct Sifted {
    good: Vec<VerifiedSignature>,
    receipts: Vec<Receipt>,
    refused: Vec<RefusedSignature>,
}

/// Verifies what was handed in before anything is locked and away from other requests: thousands of
/// bad signatures cost their sender's time and nobody else's.
async fn sift(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    mut intake: Intake,
) -> Result<Sifted, ServiceError> {
    let session = {
        let mut tx = service.database().begin_read().await?;
        let row = existing(&mut tx, actor, txid).await?;
        refuse_closed(&row)?;
        Session::open(service, &mut tx, &row).await?
    };
    intake.receipts.truncate(MAX_RECEIPTS);
    let receipts = std::mem::take(&mut intake.receipts);
    tokio::task::spawn_blocking(move || {
        let taken = session
            .collection
            .take(&intake)
            .map_err(other_transaction)?;
        let refused = taken.refused.iter();
        Ok(Sifted {
            refused: refused
                .map(|bad| refused_view(&session.collection, bad))
                .collect(),
            good: taken.new,
            receipts,
        })
    })
    .await
    .map_err(|error| {
        ServiceError::Batch(BatchError::Build {
            reason: error.to_string(),
        })
    })?
}

fn other_transaction(other: OtherTransaction) -> ServiceError {
    ServiceError::Attempt(AttemptError::OtherTransaction {
        expected: other.expected,
        found: other.found,
    })
}

fn refuse_closed(row: &AttemptRow) -> Result<(), ServiceError> {
    match row.state {
        AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool
        | AttemptState::Confirmed { .. } => Ok(()),
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Settled { .. }
        | AttemptState::Dead { .. } => Err(ServiceError::Attempt(AttemptError::AttemptClosed {
            txid: row.txid,
            state: row.state.name(),
        })),
    }
}

async fn append_signed(
    tx: &mut Transaction,
    row: &AttemptRow,
    accepted: &[AcceptedSignature],
    actor: &Actor,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let mut signers: Vec<&str> = accepted
        .iter()
        .map(|signature| signature.signer.as_str())
        .collect();
    signers.sort_unstable();
    signers.dedup();
    let mut body = Map::new();
    body.insert("signatures".to_owned(), json!(accepted.len()));
    body.insert("signers".to_owned(), json!(signers));
    body.insert("txid".to_owned(), json!(row.txid));
    append_event(
        tx,
        row.vault,
        ("session", &row.txid.to_string()),
        "session.signatures-taken",
        body,
        Cause::by(&actor.name, now),
    )
    .await
}

pub(super) async fn existing(
    tx: &mut Transaction,
    actor: &Actor,
    txid: Txid,
) -> Result<AttemptRow, ServiceError> {
    attempts::lookup(tx, txid)
        .await?
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(ServiceError::Attempt(AttemptError::UnknownAttempt { txid }))
}

fn refused_view(collection: &Collection, bad: &BadSignature) -> RefusedSignature {
    let (place, signer) = match bad.slot {
        OfferedSlot::Place(key) => (key.to_string(), collection.signer_of(bad.input, key)),
        OfferedSlot::FinalWitness { position } => (format!("witness element {position}"), None),
        OfferedSlot::Unreadable { key_type } => (format!("record of type 0x{key_type:02x}"), None),
    };
    RefusedSignature {
        input: u32::try_from(bad.input).unwrap_or(u32::MAX),
        place,
        signer,
        code: bad.reason.code().to_owned(),
        reason: bad.reason.to_string(),
    }
}
