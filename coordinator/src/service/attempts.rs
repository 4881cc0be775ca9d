//! Attempts: what signers are asked for, and the signatures they hand in, verified one by one.

use bitcoin::{Address, Network, Txid};
use policies::document::{Policy, format_sat_per_vb};
use policies::psbt::{
    BadSignature, Intake, Manifest, OfferedSignature, OfferedSlot, StrictPsbt, read_intake,
    read_strict,
};
use policies::{Intent, PolicyId, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};
use watchtower::store::{coins, mempool_test};

use super::{Actor, MAX_LIMIT, Right, Service, ServiceError};
use crate::jobs::FINALIZE;
use crate::roles::issued::{IssuedTransaction, SpentCoin};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::session::collection::Collection;
use crate::store::attempts::{self, AttemptRow, SignatureRow};
use crate::store::jobs;

/// An input of an attempt and who has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InputView {
    /// The coin: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// Signers whose signature is there.
    pub signed: Vec<String>,
    /// Signers of ordinary paths whose signature is not there.
    pub missing: Vec<String>,
    /// Whether the signatures suffice.
    pub quorum: bool,
}

/// A payment of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentView {
    /// The output.
    pub output: u32,
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// The amount.
    pub amount_sat: u64,
    /// The address.
    pub address: Option<String>,
}

/// Change of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeView {
    /// The output.
    pub output: u32,
    /// The index on the internal keychain.
    pub index: u32,
    /// The amount.
    pub amount_sat: u64,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptView {
    /// Its transaction's id, which signing does not change.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// The vault that pays.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The policy version it was reviewed under.
    #[schema(value_type = String)]
    pub policy: PolicyId,
    /// Its batch.
    #[schema(value_type = String)]
    pub batch: BatchId,
    /// Its number within the batch.
    pub number: u32,
    /// The name of its state.
    pub state: String,
    /// How many events it has had.
    pub version: u64,
    /// The fee.
    pub fee_sat: u64,
    /// The weight with the heaviest ordinary witnesses.
    pub weight_wu: u64,
    /// The feerate at that weight, in sat/vB.
    pub feerate_sat_vb: String,
    /// Its inputs, in order.
    pub inputs: Vec<InputView>,
    /// Its payments.
    pub payments: Vec<PaymentView>,
    /// Its change.
    pub changes: Vec<ChangeView>,
    /// Signers who have signed every input.
    pub signed_by: Vec<String>,
    /// Signers of ordinary paths who have not signed every input.
    pub missing_signers: Vec<String>,
    /// Whether every input has a quorum.
    pub complete: bool,
    /// The height of the block that confirms it.
    pub height: Option<u32>,
    /// The block that confirms it.
    pub block: Option<String>,
    /// The settled transaction that made it dead.
    #[schema(value_type = Option<String>)]
    pub dead_by: Option<Txid>,
    /// What the node's mempool said when asked: empty if it would take it.
    pub mempool_test: Option<String>,
    /// When it was built (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
}

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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
/// [`ServiceError::UnknownVault`].
pub async fn list_attempts(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    state: Option<&str>,
    limit: Option<u32>,
) -> Result<Vec<AttemptView>, ServiceError> {
    actor.require(Right::Read, vault)?;
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
/// [`ServiceError::UnknownAttempt`].
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

/// The PSBT of an attempt, byte for byte as it was reviewed and issued.
///
/// # Errors
/// [`ServiceError::UnknownAttempt`].
pub async fn attempt_psbt(
    service: &Service,
    actor: &Actor,
    txid: Txid,
) -> Result<Vec<u8>, ServiceError> {
    actor.require_somewhere(Right::Read)?;
    let mut tx = service.database().begin_read().await?;
    Ok(existing(&mut tx, actor, txid).await?.psbt)
}

/// Takes what a signer returned, in any encoding; each signature is verified alone.
///
/// # Errors
/// [`ServiceError::Intake`], [`ServiceError::OtherTransaction`], [`ServiceError::AttemptClosed`].
/// A bad signature is no error: it is reported, and hurts no other.
pub async fn submit_signatures(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    bytes: &[u8],
) -> Result<SubmittedSignatures, ServiceError> {
    actor.require_somewhere(Right::Sign)?;
    let intake = read_intake(bytes).map_err(|refusal| ServiceError::Intake {
        reason_code: refusal.code(),
        reason: refusal.to_string(),
    })?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let row = existing(&mut tx, actor, txid).await?;
    tx.lock(&format!("attempt {txid}")).await?;
    refuse_closed(&row)?;
    let session = Session::open(service, &mut tx, &row).await?;
    let taken =
        session
            .collection
            .take(&intake)
            .map_err(|other| ServiceError::OtherTransaction {
                expected: other.expected,
                found: other.found,
            })?;
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
    let refused: Vec<RefusedSignature> = taken
        .refused
        .iter()
        .map(|bad| refused_view(&session.collection, bad))
        .collect();
    let receipts = store_receipts(&mut tx, &row, &session, &intake, now).await?;
    if !accepted.is_empty() {
        append_signed(&mut tx, &row, &accepted, actor, now).await?;
    }
    if taken.collection.is_complete() && row.state == AttemptState::Issued {
        jobs::enqueue(&mut tx, FINALIZE, &txid.to_string(), now).await?;
    }
    let attempt = view(service, &mut tx, &row).await?;
    tx.commit().await?;
    Ok(SubmittedSignatures {
        accepted,
        refused,
        receipts,
        attempt,
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
        | AttemptState::Dead { .. } => Err(ServiceError::AttemptClosed {
            txid: row.txid,
            state: row.state.name(),
        }),
    }
}

/// An attempt opened for signatures: its PSBT, and what was collected so far.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) issued: IssuedTransaction,
    pub(crate) collection: Collection,
    strict: StrictPsbt,
    policy: std::sync::Arc<Policy>,
}

impl Session {
    /// Opens an attempt from what is stored; everything is verified again.
    pub(crate) async fn open(
        service: &Service,
        tx: &mut Transaction,
        row: &AttemptRow,
    ) -> Result<Self, ServiceError> {
        let policy = service.policy(tx, row.policy).await?;
        let broken = |reason: String| ServiceError::Build { reason };
        let strict = read_strict(&row.psbt).map_err(|refusal| broken(refusal.to_string()))?;
        let mut spent = Vec::new();
        let previous = strict
            .transaction()
            .input
            .iter()
            .zip(strict.previous_outputs());
        for (input, prevout) in previous {
            let outpoint = input.previous_output;
            let coin = coins::coin(tx, outpoint)
                .await?
                .ok_or(ServiceError::UnknownCoin { outpoint })?;
            spent.push(SpentCoin {
                outpoint,
                prevout: prevout.clone(),
                derived: policy
                    .descriptor
                    .at(coin.script.keychain, coin.script.index),
            });
        }
        let issued = IssuedTransaction::new(strict.transaction().clone(), &spent)
            .map_err(|error| broken(error.to_string()))?;
        let stored = attempts::signatures(tx, row.txid).await?;
        let offered = issued.offer(stored.iter().map(|signature| OfferedSignature {
            input: usize::try_from(signature.input).unwrap_or(usize::MAX),
            slot: OfferedSlot::Place(signature.key),
            bytes: signature.signature.clone(),
        }));
        let begun = Collection::begin(issued.clone(), &policy.descriptor, &policy.signers);
        let collection = begun
            .take(&offered)
            .map_err(|other| ServiceError::OtherTransaction {
                expected: other.expected,
                found: other.found,
            })?
            .collection;
        Ok(Self {
            issued,
            collection,
            strict,
            policy,
        })
    }
}

async fn store_receipts(
    tx: &mut Transaction,
    row: &AttemptRow,
    session: &Session,
    intake: &Intake,
    now: UnixTime,
) -> Result<u32, ServiceError> {
    let mut stored = 0_u32;
    for receipt in &intake.receipts {
        let journal = receipt.body.journal;
        let genuine = session.policy.signer_of_journal(&journal).is_some()
            && receipt.body.txid == row.txid
            && receipt.body.manifest == session.strict.manifest_hash()
            && receipt.verify(row.vault, &journal).is_ok();
        if genuine {
            attempts::add_receipt(
                tx,
                row.txid,
                journal.id().to_bytes(),
                &receipt.encode(),
                now,
            )
            .await?;
            stored = stored.saturating_add(1);
        }
    }
    Ok(stored)
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
    events::append(
        tx,
        &NewEvent {
            object_kind: "session",
            object_id: &row.txid.to_string(),
            kind: "session.signatures-taken",
            vault: Some(row.vault),
            body,
            actor: &actor.name,
            reason: "",
            at: now,
        },
    )
    .await?;
    Ok(())
}

async fn existing(
    tx: &mut Transaction,
    actor: &Actor,
    txid: Txid,
) -> Result<AttemptRow, ServiceError> {
    attempts::lookup(tx, txid)
        .await?
        .filter(|row| actor.vault.is_none_or(|own| own == row.vault))
        .ok_or(ServiceError::UnknownAttempt { txid })
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

pub(super) async fn view(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<AttemptView, ServiceError> {
    let session = Session::open(service, tx, row).await?;
    let manifest = session.strict.manifest();
    let status = session.collection.status();
    let signed_by = session.collection.signed_by();
    let mut missing_signers: Vec<String> = status
        .iter()
        .flat_map(|input| input.missing.clone())
        .collect();
    missing_signers.sort();
    missing_signers.dedup();
    let inputs = session
        .issued
        .unsigned()
        .input
        .iter()
        .zip(session.issued.previous_outputs())
        .zip(status)
        .map(|((input, previous), status)| InputView {
            outpoint: input.previous_output.to_string(),
            amount_sat: previous.value.to_sat(),
            signed: status.signed,
            missing: status.missing,
            quorum: status.quorum,
        })
        .collect();
    let (height, block, dead_by) = match &row.state {
        AttemptState::Confirmed { height, block } | AttemptState::Settled { height, block } => {
            (Some(*height), Some(block.to_string()), None)
        }
        AttemptState::Dead { by, .. } => (None, None, Some(*by)),
        AttemptState::Draft
        | AttemptState::Dropped
        | AttemptState::Issued
        | AttemptState::Signed
        | AttemptState::Broadcasting
        | AttemptState::InMempool => (None, None, None),
    };
    let mempool_test = mempool_test::mempool_test_result(tx, row.txid)
        .await?
        .map(|test| test.reason);
    Ok(AttemptView {
        txid: row.txid,
        vault: row.vault,
        policy: row.policy,
        batch: row.batch,
        number: row.number,
        state: row.state.name().to_owned(),
        version: row.version,
        fee_sat: row.fee.to_sat(),
        weight_wu: row.weight.to_wu(),
        feerate_sat_vb: format_sat_per_vb(row.fee / row.weight),
        inputs,
        payments: payments(
            manifest,
            session.strict.transaction(),
            session.policy.network,
        ),
        changes: changes(manifest, session.strict.transaction()),
        complete: session.collection.is_complete(),
        signed_by,
        missing_signers,
        height,
        block,
        dead_by,
        mempool_test,
        created_at: row.created_at,
    })
}

fn payments(
    manifest: &Manifest,
    transaction: &bitcoin::Transaction,
    network: Network,
) -> Vec<PaymentView> {
    manifest
        .payments
        .iter()
        .filter_map(|(output, hash)| {
            let paid = output_of(transaction, *output)?;
            let intent = Intent::decode(manifest.intents.get(hash)?).ok()?;
            Some(PaymentView {
                output: *output,
                requester: intent.requester,
                id: intent.id,
                amount_sat: paid.value.to_sat(),
                address: Address::from_script(&paid.script_pubkey, network)
                    .ok()
                    .map(|address| address.to_string()),
            })
        })
        .collect()
}

fn changes(manifest: &Manifest, transaction: &bitcoin::Transaction) -> Vec<ChangeView> {
    manifest
        .changes
        .iter()
        .filter_map(|(output, (_, index))| {
            let change = output_of(transaction, *output)?;
            Some(ChangeView {
                output: *output,
                index: *index,
                amount_sat: change.value.to_sat(),
            })
        })
        .collect()
}

fn output_of(transaction: &bitcoin::Transaction, output: u32) -> Option<&bitcoin::TxOut> {
    usize::try_from(output)
        .ok()
        .and_then(|output| transaction.output.get(output))
}
