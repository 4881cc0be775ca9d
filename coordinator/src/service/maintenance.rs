//! Approvals of maintenance: a spend to ourselves beyond the budget is issued again with each of them.
//!
//! The transaction stays the same, only its manifest grows; every signer verifies the approvals itself.

use bitcoin::{Psbt, Txid};
use policies::document::Policy;
use policies::hash::{Purpose, transaction_subject};
use policies::psbt::{AttemptPurpose, Manifest};
use policies::rules::persons_of;
use policies::{Approval, KeyId, Subject, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::attempt_view::{AttemptView, view};
use super::attempts::existing;
use super::own_building::review_own;
use super::record::{Cause, append_event};
use super::withdrawals::read_signature;
use super::{
    Actor, ApprovalError, AttemptError, BatchError, Right, Service, ServiceError, lock_vault,
};
use crate::session::attempt::AttemptState;
use crate::store::attempts::AttemptRow;
use crate::store::reissues::{self, ReissueRow};

/// Hands in an approver's signature over a spend to ourselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordMaintenance {
    /// `maintain`.
    pub purpose: String,
    /// The attempt's transaction.
    #[schema(value_type = String)]
    pub txid: Txid,
    /// When the signature ends (unix seconds).
    #[schema(value_type = u64)]
    pub expires: UnixTime,
    /// The id of the approver's key.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature record in hex.
    pub signature: String,
}

/// Records an approval of maintenance and issues the PSBT again with it; the same again answers the same.
///
/// # Errors
/// Whatever is wrong with attempt, key, time or signature.
pub async fn record_maintenance(
    service: &Service,
    actor: &Actor,
    txid: Txid,
    request: &RecordMaintenance,
) -> Result<AttemptView, ServiceError> {
    actor.require_somewhere(Right::Approve)?;
    let approval = read(txid, request)?;
    let now = service.now();
    let mut tx = service.database().begin_write().await?;
    let row = existing(&mut tx, actor, txid).await?;
    lock_vault(&mut tx, row.vault).await?;
    refuse_others(&row)?;
    if row.is_remembered() {
        return Err(AttemptError::PsbtLost { txid }.into());
    }
    let policy = service.policy(&mut tx, row.policy).await?;
    let approver = verify(&policy, &approval, now)?;
    let issued = reissues::of_attempt(&mut tx, txid).await?;
    let known = issued
        .iter()
        .any(|known| known.approving_key == approval.key && known.expires == approval.expires);
    if !known {
        if row.state != AttemptState::Issued {
            let state = row.state.name();
            return Err(ApprovalError::MaintenanceTooLate { txid, state }.into());
        }
        let reissue = reissue(&policy, &row, &issued, approval, approver, now)?;
        reissues::insert(&mut tx, &reissue).await?;
        append_approved(&mut tx, &row, &reissue, actor).await?;
    }
    let answer = view(service, &mut tx, &row).await?;
    tx.commit().await?;
    Ok(answer)
}

/// The PSBT that signers get: the newest whose approvals all hold.
pub(super) async fn newest_psbt(
    tx: &mut Transaction,
    row: AttemptRow,
    now: UnixTime,
) -> Result<Vec<u8>, ServiceError> {
    if row.is_remembered() {
        return Err(AttemptError::PsbtLost { txid: row.txid }.into());
    }
    let issued = reissues::of_attempt(tx, row.txid).await?;
    let newest = issued
        .into_iter()
        .rev()
        .find(|reissue| now < reissue.holds_until);
    Ok(newest.map_or(row.psbt, |reissue| reissue.psbt))
}

fn read(txid: Txid, request: &RecordMaintenance) -> Result<Approval, ServiceError> {
    if request.purpose != Purpose::Maintain.to_string() {
        return Err(ServiceError::Malformed {
            field: "purpose",
            expected: "maintain",
        });
    }
    if request.txid != txid {
        return Err(AttemptError::OtherTransaction {
            expected: txid,
            found: request.txid,
        }
        .into());
    }
    Ok(Approval {
        purpose: Purpose::Maintain,
        subject: Subject::from_bytes(transaction_subject(txid)),
        expires: request.expires,
        key: request.key,
        signature: read_signature(&request.signature)?,
    })
}

fn refuse_others(row: &AttemptRow) -> Result<(), ServiceError> {
    match row.purpose {
        AttemptPurpose::Consolidate
        | AttemptPurpose::Refresh
        | AttemptPurpose::Cancel
        | AttemptPurpose::Drain => Ok(()),
        AttemptPurpose::Pay | AttemptPurpose::Bump | AttemptPurpose::Recover => {
            Err(ServiceError::Approval(ApprovalError::NotMaintenance {
                txid: row.txid,
                purpose: row.purpose.name(),
            }))
        }
    }
}

/// Verifies an approval; gives the approver's name.
fn verify(policy: &Policy, approval: &Approval, now: UnixTime) -> Result<String, ServiceError> {
    let (approver, public) = policy
        .approver_of_key(approval.key)
        .ok_or(ApprovalError::UnknownApprovalKey { key: approval.key })?;
    approval
        .verify(public, policy.vault)
        .map_err(ApprovalError::ApprovalSignature)?;
    if approval.has_expired(now) {
        return Err(ApprovalError::ApprovalExpired {
            expires: approval.expires,
            now,
        }
        .into());
    }
    let counts = policy.maintenance.as_ref().is_some_and(|quorum| {
        !persons_of(policy, quorum.group.as_deref(), &[approval.key]).is_empty()
    });
    if !counts {
        return Err(ApprovalError::NotAMaintainer {
            approver: approver.name.clone(),
        }
        .into());
    }
    Ok(approver.name.clone())
}

/// The newest PSBT with one more approval; those that ran out are left behind.
fn reissue(
    policy: &Policy,
    row: &AttemptRow,
    issued: &[ReissueRow],
    approval: Approval,
    approver: String,
    now: UnixTime,
) -> Result<ReissueRow, ServiceError> {
    let broken = |reason: String| ServiceError::Batch(BatchError::Build { reason });
    let bytes = issued.last().map_or(&row.psbt, |newest| &newest.psbt);
    let mut psbt = Psbt::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    let mut manifest = Manifest::read(&psbt).map_err(|error| broken(error.to_string()))?;
    manifest
        .approvals
        .retain(|_, carried| !carried.has_expired(now));
    let (approving_key, expires) = (approval.key, approval.expires);
    manifest.add_approval(approval);
    let holds_until = manifest
        .approvals
        .values()
        .map(|carried| carried.expires)
        .min()
        .unwrap_or(expires);
    manifest.write_into(&mut psbt);
    let bytes = psbt.serialize();
    review_own(policy, &bytes, &[], now)?;
    let last = issued.last().map_or(0, |newest| newest.number);
    Ok(ReissueRow {
        txid: row.txid,
        number: last.saturating_add(1),
        manifest: Manifest::hash(&psbt),
        psbt: bytes,
        approver,
        approving_key,
        expires,
        holds_until,
        reissued_at: now,
    })
}

async fn append_approved(
    tx: &mut Transaction,
    row: &AttemptRow,
    reissue: &ReissueRow,
    actor: &Actor,
) -> Result<(), ServiceError> {
    let mut body = Map::new();
    body.insert("approver".to_owned(), json!(reissue.approver));
    body.insert("expires".to_owned(), json!(reissue.expires));
    body.insert("key".to_owned(), json!(reissue.approving_key));
    body.insert("number".to_owned(), json!(reissue.number));
    body.insert("txid".to_owned(), json!(row.txid));
    append_event(
        tx,
        row.vault,
        ("session", &row.txid.to_string()),
        "session.maintenance-approved",
        body,
        Cause::by(&actor.name, reissue.reissued_at),
    )
    .await
}
