//! An attempt as the service shows it.

use bitcoin::{Address, Network, TxOut, Txid};
use policies::document::format_sat_per_vb;
use policies::psbt::Manifest;
use policies::{Intent, PolicyId, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::answer::SendAnswer;
use watchtower::store::database::Transaction;
use watchtower::store::mempool_test;
use watchtower::store::outgoing::{self, Broadcast};

use super::culprits::{self, Culprit};
use super::opened::Session;
use super::remembering::record_of;
use super::{Service, ServiceError};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::AttemptRow;
use crate::store::{inputs, memories, reissues, rungs};

/// An input of an attempt and who has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InputView {
    /// The coin: txid, colon, output.
    pub outpoint: String,
    /// Its amount.
    pub amount_sat: u64,
    /// Signers whose signature is there.
    pub signed: Vec<String>,
    /// Signers of the paths that it is made for whose signature is not there.
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

/// An approval of maintenance that an attempt's PSBT carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MaintenanceView {
    /// The approver's name.
    pub approver: String,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
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
    /// What it is for: `pay`, `consolidate`, `refresh` or `recover`.
    pub purpose: String,
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
    /// Whether its PSBT is here; else only journals or the chain know of it, and it takes no signatures.
    pub psbt: bool,
    /// The approvals of maintenance that came for it.
    pub maintenance: Vec<MaintenanceView>,
    /// Signers who have signed every input.
    pub signed_by: Vec<String>,
    /// Signers of the paths that it is made for who have not signed every input.
    pub missing_signers: Vec<String>,
    /// Whether every input has a quorum.
    pub complete: bool,
    /// Signatures that did not hold, with who handed them in.
    pub refused: Vec<Culprit>,
    /// The height of the block that confirms it.
    pub height: Option<u32>,
    /// The block that confirms it.
    pub block: Option<String>,
    /// The settled transaction that made it dead.
    #[schema(value_type = Option<String>)]
    pub dead_by: Option<Txid>,
    /// The cancellation under way that is to take its place; until that is dead, nobody is asked to sign it and
    /// it is not broadcast.
    #[schema(value_type = Option<String>)]
    pub cancelled_by: Option<Txid>,
    /// Whether it is a rung of a ladder that is held: whatever is signed of it, it is not broadcast until it is released.
    pub held: bool,
    /// What the node's mempool said when asked: empty if it would take it.
    pub mempool_test: Option<String>,
    /// What the node answered when it was sent last; null before that. Only the chain decides what became of it.
    pub sent: Option<SentView>,
    /// When it was built (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
}

/// What the node answered to a transaction of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SentView {
    /// What the answer means, by its stable name; null for one of before that was kept.
    pub class: Option<String>,
    /// What it means, in words.
    pub meaning: String,
    /// What is done about it, or to be done.
    pub todo: String,
    /// The node's own words.
    pub words: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it answered (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
}

impl SentView {
    /// What is told of an answer.
    pub(super) fn of(sent: Broadcast) -> Self {
        let words = |of: fn(SendAnswer) -> &'static str| {
            sent.class
                .map_or_else(String::new, |class| of(class).to_owned())
        };
        Self {
            class: sent.class.map(|class| class.name().to_owned()),
            meaning: words(SendAnswer::meaning),
            todo: words(SendAnswer::todo),
            attempts: sent.attempts,
            at: sent.at,
            words: sent.reason,
        }
    }
}

pub(super) async fn view(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<AttemptView, ServiceError> {
    if row.is_remembered() {
        return remembered(service, tx, row).await;
    }
    let session = Session::open(service, tx, row).await?;
    opened(tx, row, &session).await
}

/// An attempt whose session is open already.
pub(super) async fn opened(
    tx: &mut Transaction,
    row: &AttemptRow,
    session: &Session,
) -> Result<AttemptView, ServiceError> {
    let manifest = session.strict.manifest();
    let status = session.collection.status();
    let signed_by = session.collection.signed_by();
    let mut missing_signers: Vec<String> = status
        .iter()
        .flat_map(|input| input.missing.clone())
        .collect();
    missing_signers.sort();
    missing_signers.dedup();
    let cancelled_by = inputs::cancelled_by(tx, row.txid).await?;
    if cancelled_by.is_some() {
        // Nobody is asked to sign what is about to be cancelled.
        missing_signers.clear();
    }
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
    let mempool_test = mempool_test::mempool_test_result(tx, row.txid)
        .await?
        .map(|test| test.reason);
    let sent = sent(tx, row.txid).await?;
    let maintenance = reissues::of_attempt(tx, row.txid)
        .await?
        .into_iter()
        .map(|reissue| MaintenanceView {
            approver: reissue.approver,
            expires: reissue.expires,
        })
        .collect();
    let refused = culprits::list(tx, row).await?;
    Ok(AttemptView {
        purpose: manifest.purpose.name().to_owned(),
        inputs,
        payments: payments(
            manifest,
            session.strict.transaction(),
            session.policy.network,
        ),
        changes: changes(manifest, session.strict.transaction()),
        psbt: true,
        maintenance,
        complete: session.collection.is_complete(),
        signed_by,
        missing_signers,
        refused,
        cancelled_by,
        held: rungs::is_held(tx, row.txid).await?,
        mempool_test,
        sent,
        ..of_row(row)
    })
}

/// What the row of an attempt says by itself: nothing of coins, payments and signatures.
fn of_row(row: &AttemptRow) -> AttemptView {
    let (height, block, dead_by) = place(&row.state);
    AttemptView {
        txid: row.txid,
        vault: row.vault,
        policy: row.policy,
        batch: row.batch,
        number: row.number,
        purpose: row.purpose.name().to_owned(),
        state: row.state.name().to_owned(),
        version: row.version,
        fee_sat: row.fee.to_sat(),
        weight_wu: row.weight.to_wu(),
        feerate_sat_vb: format_sat_per_vb(row.fee / row.weight),
        inputs: Vec::new(),
        payments: Vec::new(),
        changes: Vec::new(),
        psbt: false,
        maintenance: Vec::new(),
        signed_by: Vec::new(),
        missing_signers: Vec::new(),
        complete: false,
        refused: Vec::new(),
        height,
        block,
        dead_by,
        cancelled_by: None,
        held: false,
        mempool_test: None,
        sent: None,
        created_at: row.created_at,
    }
}

async fn sent(tx: &mut Transaction, txid: Txid) -> Result<Option<SentView>, ServiceError> {
    let handed = outgoing::outgoing(tx, txid).await?;
    Ok(handed.and_then(|handed| handed.broadcast).map(SentView::of))
}

/// The height and the block that confirm it, or what made it dead.
fn place(state: &AttemptState) -> (Option<u32>, Option<String>, Option<Txid>) {
    match state {
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
    }
}

/// An attempt that only journals or the chain know: what they say of it.
async fn remembered(
    service: &Service,
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<AttemptView, ServiceError> {
    let policy = service.policy(tx, row.policy).await?;
    let said = memories::of_attempt(tx, row.txid).await?;
    let mut signed_by: Vec<String> = said
        .iter()
        .map(|one| one.signer.clone())
        .filter(|signer| !signer.is_empty())
        .collect();
    signed_by.sort_unstable();
    signed_by.dedup();
    let record = record_of(tx, row).await?;
    let complete = row.final_transaction.is_some();
    let known = inputs::of_attempt(tx, row.txid).await?;
    let inputs = record.inputs.iter().map(|outpoint| InputView {
        outpoint: outpoint.to_string(),
        amount_sat: known
            .iter()
            .find(|(known, _)| known == outpoint)
            .map_or(0, |(_, amount)| amount.to_sat()),
        signed: signed_by.clone(),
        missing: Vec::new(),
        quorum: complete,
    });
    let outputs: Vec<TxOut> = (row.final_transaction.iter())
        .flat_map(|transaction| transaction.output.clone())
        .collect();
    let paid = record.intents.iter().map(|intent| {
        let place = outputs
            .iter()
            .position(|output| output.script_pubkey == intent.script_pubkey);
        let shown = place.and_then(|place| outputs.get(place));
        PaymentView {
            output: u32::try_from(place.unwrap_or_default()).unwrap_or_default(),
            requester: intent.requester.clone(),
            id: intent.id.clone(),
            amount_sat: shown.map_or(intent.amount, |output| output.value).to_sat(),
            address: Address::from_script(&intent.script_pubkey, policy.network)
                .ok()
                .map(|address| address.to_string()),
        }
    });
    // Nobody is asked to sign what nobody has.
    Ok(AttemptView {
        inputs: inputs.collect(),
        payments: paid.collect(),
        signed_by,
        complete,
        cancelled_by: inputs::cancelled_by(tx, row.txid).await?,
        ..of_row(row)
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
