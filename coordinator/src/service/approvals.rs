//! Approvals and refusals: one signature over a Merkle root of one or more intents.

use bitcoin::hex::FromHex;
use policies::hash::Purpose;
use policies::intent::MerkleProof;
use policies::planted::steps::Step;
use policies::rules::{Decision, decide};
use policies::{Approval, IntentHash, KeyId, MerkleRoot, UnixTime, VaultId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::record::{Cause, append_event, move_withdrawal};
use super::standing::Known;
use super::withdrawals::{self as service_withdrawals, WithdrawalView};
use super::{Actor, ApprovalError, Right, Service, ServiceError, WithdrawalError, lock_vault};
use crate::session::withdrawal::{WithdrawalEvent, WithdrawalState};
use crate::store::approvals::{self, ApprovalRow};
use crate::store::withdrawals::{self, WithdrawalRow};

/// The most leaves of a Merkle tree of approvals (F3).
const MAX_PROOFS: usize = 1024;

/// Hands in an approver's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordApprovals {
    /// `approve` or `reject`.
    pub purpose: String,
    /// The Merkle root that was signed.
    #[schema(value_type = String)]
    pub root: MerkleRoot,
    /// When the signature ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// The id of the approver's key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature record in hex.
    pub signature: String,
    /// The intents it is about, each with the proof that it stands under the root.
    pub intents: Vec<ProvenIntent>,
}

/// An intent under a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvenIntent {
    /// The intent's hash.
    #[schema(value_type = String)]
    pub intent: IntentHash,
    /// The Merkle proof in hex.
    pub proof: String,
}

/// Records an approval or refusal for all its intents or for none; the same again answers the same.
///
/// # Errors
/// Whatever is wrong with key, purpose, time, signature or a proof;
/// [`ApprovalError::ApprovalTooLate`] for a withdrawal that takes none any more.
pub async fn record_approvals(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &RecordApprovals,
) -> Result<Vec<WithdrawalView>, ServiceError> {
    actor.require(Right::Approve, vault)?;
    let now = service.now();
    let (approval, proofs) = read(request)?;
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let (approver, public) = policy
        .approver_of_key(approval.key)
        .ok_or(ApprovalError::UnknownApprovalKey { key: approval.key })?;
    approval
        .verify(public, vault)
        .map_err(ApprovalError::ApprovalSignature)?;
    if approval.has_expired(now) {
        return Err(ApprovalError::ApprovalExpired {
            expires: approval.expires,
            now,
        }
        .into());
    }
    let mut views = Vec::new();
    for (intent, proof) in proofs {
        proof
            .verify(intent.as_bytes(), approval.subject.to_root())
            .map_err(|reason| {
                ServiceError::Approval(ApprovalError::ApprovalProof { intent, reason })
            })?;
        let mut row = withdrawals::by_intent(&mut tx, intent)
            .await?
            .filter(|row| row.key.vault == vault)
            .ok_or(WithdrawalError::UnknownIntent { intent })?;
        let stored = ApprovalRow {
            intent,
            approval: approval.clone(),
            proof,
            approver: approver.name.clone(),
            received_at: now,
        };
        if approvals::insert(&mut tx, &stored).await? {
            append_recorded(&mut tx, &row, &stored, actor).await?;
            let cause = Cause {
                actor: &approver.name,
                reason: "",
                at: now,
            };
            take_effect(&mut tx, &policy, &mut row, &approval, cause).await?;
        }
        views.push(super::withdrawal_view::view(&mut tx, &policy, &row, now).await?);
    }
    tx.mark(Step::Approve);
    tx.commit().await?;
    Ok(views)
}

async fn take_effect(
    tx: &mut Transaction,
    policy: &policies::document::Policy,
    row: &mut WithdrawalRow,
    approval: &Approval,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let open = matches!(
        row.state,
        WithdrawalState::Requested | WithdrawalState::Approved { .. }
    );
    if !open || row.intent.expires <= cause.at {
        return Err(ApprovalError::ApprovalTooLate {
            requester: row.key.requester.clone(),
            id: row.key.id.clone(),
            state: if open { "expired" } else { row.state.name() },
        }
        .into());
    }
    if approval.purpose == Purpose::Reject {
        let event = WithdrawalEvent::Rejected { key: approval.key };
        return move_withdrawal(tx, row, &event, cause).await;
    }
    let known = Known::load(
        tx,
        row.key.vault,
        policy,
        &[&row.intent],
        cause.at,
        cause.at,
    )
    .await?;
    match decide(policy, &row.intent, &known.standing()) {
        // Windows and lists change with time: it stands for when a rule allows the payment again.
        Decision::Denied(_) => Ok(()),
        Decision::Needs(requirement) => {
            service_withdrawals::approve_if_satisfied(tx, policy, row, &requirement, cause).await
        }
    }
}

fn read(
    request: &RecordApprovals,
) -> Result<(Approval, Vec<(IntentHash, MerkleProof)>), ServiceError> {
    let purpose = match request.purpose.as_str() {
        "approve" => Purpose::Approve,
        "reject" => Purpose::Reject,
        other => {
            return Err(ApprovalError::ApprovalPurpose {
                purpose: other.chars().take(40).collect(),
            }
            .into());
        }
    };
    if request.intents.is_empty() || request.intents.len() > MAX_PROOFS {
        return Err(ServiceError::Malformed {
            field: "intents",
            expected: "a list of 1 to 1024",
        });
    }
    let mut proofs = Vec::new();
    for ProvenIntent { intent, proof } in &request.intents {
        let bytes = Vec::<u8>::from_hex(proof).map_err(|_| ServiceError::Malformed {
            field: "proof",
            expected: "a Merkle proof in hex",
        })?;
        let proof = MerkleProof::decode(&bytes).map_err(|reason| {
            ServiceError::Approval(ApprovalError::ApprovalProof {
                intent: *intent,
                reason,
            })
        })?;
        proofs.push((*intent, proof));
    }
    let approval = Approval {
        purpose,
        subject: request.root.into(),
        expires: request.expires,
        key: request.key,
        signature: service_withdrawals::read_signature(&request.signature)?,
    };
    Ok((approval, proofs))
}

async fn append_recorded(
    tx: &mut Transaction,
    row: &WithdrawalRow,
    stored: &ApprovalRow,
    actor: &Actor,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("approver".to_owned(), json!(stored.approver));
    body.insert("expires".to_owned(), json!(stored.approval.expires));
    body.insert("id".to_owned(), json!(row.key.id));
    body.insert("key".to_owned(), json!(stored.approval.key));
    body.insert(
        "purpose".to_owned(),
        json!(stored.approval.purpose.to_string()),
    );
    body.insert("requester".to_owned(), json!(row.key.requester));
    body.insert("root".to_owned(), json!(stored.approval.subject));
    append_event(
        tx,
        row.key.vault,
        (
            "approval",
            &format!("{}/{}", stored.intent, stored.approval.key),
        ),
        "approval.recorded",
        body,
        Cause::by(&actor.name, stored.received_at),
    )
    .await
}
