//! An attempt as the service shows it.

use bitcoin::{Address, Network, Txid};
use policies::document::format_sat_per_vb;
use policies::psbt::Manifest;
use policies::{Intent, PolicyId, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::mempool_test;

use super::culprits::{self, Culprit};
use super::opened::Session;
use super::{Service, ServiceError};
use crate::session::BatchId;
use crate::session::attempt::AttemptState;
use crate::store::attempts::AttemptRow;
use crate::store::reissues;

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
    /// What the node's mempool said when asked: empty if it would take it.
    pub mempool_test: Option<String>,
    /// When it was built (unix seconds).
    #[schema(value_type = u64)]
    pub created_at: UnixTime,
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
        txid: row.txid,
        vault: row.vault,
        policy: row.policy,
        batch: row.batch,
        number: row.number,
        purpose: manifest.purpose.name().to_owned(),
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
        maintenance,
        complete: session.collection.is_complete(),
        signed_by,
        missing_signers,
        refused,
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
