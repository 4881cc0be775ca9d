//! A withdrawal as the service shows it.

use bitcoin::hex::DisplayHex;
use bitcoin::{Address, Txid};
use policies::document::Policy;
use policies::rules::{Decision, approving_persons, decide, misses};
use policies::{IntentHash, IntentKind, KeyId, RequesterName, UnixTime, VaultId, WithdrawalId};
use serde::Serialize;
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::ServiceError;
use super::misses::MissView;
use super::standing::Known;
use super::withdrawals::approving_keys;
use crate::session::BatchId;
use crate::session::withdrawal::WithdrawalState;
use crate::store::approvals::{self, ApprovalRow};
use crate::store::withdrawals::WithdrawalRow;

/// An approval or refusal that counts or counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApprovalView {
    /// `approve` or `reject`.
    pub purpose: String,
    /// The approver's name in the policy.
    pub approver: String,
    /// The key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub received_at: UnixTime,
}

/// What the policy demands for a withdrawal, and who has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NeedsView {
    /// The rule that decides.
    pub rule: String,
    /// The group whose persons count; any approver if none.
    pub group: Option<String>,
    /// Persons demanded; 0 is automatic.
    pub count: u32,
    /// Persons whose approvals count now.
    pub approved_by: Vec<String>,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WithdrawalView {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: VaultId,
    /// The requester's name.
    #[schema(value_type = String)]
    pub requester: RequesterName,
    /// The requester's id.
    #[schema(value_type = String)]
    pub id: WithdrawalId,
    /// The intent's hash.
    #[schema(value_type = String)]
    pub intent_hash: IntentHash,
    /// The intent's canonical text, as it was signed.
    pub intent: String,
    /// The key that signed the request; none where only a signer's journal knows it.
    #[schema(value_type = Option<String>)]
    pub request_key: Option<KeyId>,
    /// The request's signature record in hex; empty where only a signer's journal knows it.
    pub request_signature: String,
    /// The kind of the intent.
    #[schema(value_type = String)]
    pub kind: IntentKind,
    /// The amount.
    pub amount_sat: u64,
    /// The script to pay, in hex.
    pub script_pubkey: String,
    /// The script as an address of the vault's network.
    pub address: Option<String>,
    /// The requester's own words.
    pub reference: String,
    /// When the intent was made (unix seconds).
    #[schema(value_type = u64)]
    pub created: UnixTime,
    /// When it ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// When it came in (unix seconds).
    #[schema(value_type = u64)]
    pub submitted_at: UnixTime,
    /// The name of its state.
    pub state: String,
    /// How many events it has had.
    pub version: u64,
    /// What the policy demands; none if the policy denies it by now.
    pub needs: Option<NeedsView>,
    /// Why the rules before the one that decides do not; all of them where none does.
    pub misses: Vec<MissView>,
    /// Approvals and refusals.
    pub approvals: Vec<ApprovalView>,
    /// Its batch.
    #[schema(value_type = Option<String>)]
    pub batch: Option<BatchId>,
    /// The transaction that pays it.
    #[schema(value_type = Option<String>)]
    pub txid: Option<Txid>,
    /// The height of the block that confirms it.
    pub height: Option<u32>,
    /// The settled transaction that made it fail.
    #[schema(value_type = Option<String>)]
    pub failed_by: Option<Txid>,
}

pub(super) async fn view(
    tx: &mut Transaction,
    policy: &Policy,
    row: &WithdrawalRow,
    now: UnixTime,
) -> Result<WithdrawalView, ServiceError> {
    let known = Known::load(tx, row.key.vault, policy, &[&row.intent], now, now).await?;
    view_by(tx, policy, row, now, &known).await
}

/// The same by what is known already, for many at once.
pub(super) async fn view_by(
    tx: &mut Transaction,
    policy: &Policy,
    row: &WithdrawalRow,
    now: UnixTime,
    known: &Known,
) -> Result<WithdrawalView, ServiceError> {
    let approvals = approvals::of_intent(tx, row.hash).await?;
    let missed = misses(policy, &row.intent, &known.standing());
    let needs = match decide(policy, &row.intent, &known.standing()) {
        Decision::Denied(_) => None,
        Decision::Needs(requirement) => {
            let keys = approving_keys(&approvals, now);
            let approved_by = approving_persons(policy, &requirement, &row.intent, &keys);
            Some(NeedsView {
                rule: requirement.rule,
                group: requirement.group,
                count: requirement.count,
                approved_by,
            })
        }
    };
    let (height, failed_by) = match &row.state {
        WithdrawalState::Confirmed { height, .. } | WithdrawalState::Settled { height, .. } => {
            (Some(*height), None)
        }
        WithdrawalState::Failed { by, .. } => (None, Some(*by)),
        WithdrawalState::Requested
        | WithdrawalState::Approved { .. }
        | WithdrawalState::Rejected { .. }
        | WithdrawalState::Expired
        | WithdrawalState::Cancelled
        | WithdrawalState::Batched { .. }
        | WithdrawalState::Signing { .. }
        | WithdrawalState::Broadcast { .. } => (None, None),
    };
    Ok(WithdrawalView {
        vault: row.key.vault,
        requester: row.key.requester.clone(),
        id: row.key.id.clone(),
        intent_hash: row.hash,
        intent: String::from_utf8_lossy(&row.bytes).into_owned(),
        request_key: row.request.as_ref().map(|request| request.key),
        request_signature: (row.request.as_ref()).map_or_else(String::new, |request| {
            request.signature.encode().to_lower_hex_string()
        }),
        kind: row.intent.kind,
        amount_sat: row.intent.amount.to_sat(),
        script_pubkey: row.intent.script_pubkey.to_hex_string(),
        address: Address::from_script(&row.intent.script_pubkey, policy.network)
            .ok()
            .map(|address| address.to_string()),
        reference: row.intent.reference.clone(),
        created: row.intent.created,
        expires: row.intent.expires,
        submitted_at: row.submitted_at,
        state: row.state.name().to_owned(),
        version: row.version,
        needs,
        misses: missed.iter().map(MissView::of).collect(),
        approvals: approvals.iter().map(approval_view).collect(),
        batch: row.state.batch(),
        txid: row.state.attempt(),
        height,
        failed_by,
    })
}

fn approval_view(row: &ApprovalRow) -> ApprovalView {
    ApprovalView {
        purpose: row.approval.purpose.to_string(),
        approver: row.approver.clone(),
        key: row.approval.key,
        expires: row.approval.expires,
        received_at: row.received_at,
    }
}
