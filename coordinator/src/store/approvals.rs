//! Approvals and refusals that verified.

use policies::hash::Purpose;
use policies::intent::MerkleProof;
use policies::{Approval, IntentHash, KeyId, Signature, Subject, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// An approval of one intent, with the proof that ties it to the signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// The intent.
    pub intent: IntentHash,
    /// The approval.
    pub approval: Approval,
    /// That the intent stands under the approval's root.
    pub proof: MerkleProof,
    /// The approver's name.
    pub approver: String,
    /// When it came in.
    pub received_at: UnixTime,
}

/// Stores an approval; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &ApprovalRow) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO approval (intent_hash, approving_key, purpose, approver, root, expires,
                 signature, proof, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            &[
                row.intent.to_bytes().into(),
                row.approval.key.to_bytes().into(),
                i64::from(row.approval.purpose.to_byte()).into(),
                row.approver.clone().into(),
                row.approval.subject.to_bytes().into(),
                Value::from_u64(row.approval.expires.as_secs())?,
                row.approval.signature.encode().into(),
                row.proof.encode().into(),
                Value::from_u64(row.received_at.as_secs())?,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// All approvals and refusals of an intent, in the order they came.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_intent(
    tx: &mut Transaction,
    intent: IntentHash,
) -> Result<Vec<ApprovalRow>, DatabaseError> {
    tx.rows(
        "SELECT intent_hash, approving_key, purpose, approver, root, expires, signature, proof, received_at
         FROM approval WHERE intent_hash = $1 ORDER BY received_at, approving_key, expires",
        &[intent.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// All approvals and refusals of the withdrawals of a vault that came in since then, in the order they came.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_withdrawals_since(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
) -> Result<Vec<ApprovalRow>, DatabaseError> {
    tx.rows(
        "SELECT approval.intent_hash AS intent_hash, approving_key, purpose, approver, root,
             approval.expires AS expires, signature, proof, received_at
         FROM approval JOIN withdrawal ON withdrawal.intent_hash = approval.intent_hash
         WHERE withdrawal.vault = $1 AND withdrawal.submitted_at >= $2
         ORDER BY received_at, approving_key, approval.expires",
        &[vault.to_bytes().into(), Value::from_u64(since.as_secs())?],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<ApprovalRow, DatabaseError> {
    let purpose = row.u32("purpose")?;
    let purpose = u8::try_from(purpose)
        .ok()
        .and_then(Purpose::from_byte)
        .ok_or_else(|| row.corrupt("purpose", "a purpose", &purpose.to_string()))?;
    let signature = Signature::decode(row.bytes("signature")?)
        .map_err(|error| row.corrupt("signature", "a signature", &error.to_string()))?;
    let proof = MerkleProof::decode(row.bytes("proof")?)
        .map_err(|error| row.corrupt("proof", "a Merkle proof", &error.to_string()))?;
    Ok(ApprovalRow {
        intent: IntentHash::from_bytes(row.array("intent_hash")?),
        approval: Approval {
            purpose,
            subject: Subject::from_bytes(row.array("root")?),
            expires: UnixTime::from_secs(row.u64("expires")?),
            key: KeyId::from_bytes(row.array("approving_key")?),
            signature,
        },
        proof,
        approver: row.text("approver")?.to_owned(),
        received_at: UnixTime::from_secs(row.u64("received_at")?),
    })
}
