//! Versions that are proposed to follow another, the signatures under them, and which were adopted.

use policies::hash::Purpose;
use policies::{Approval, KeyId, PolicyId, Signature, Subject, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A version that is proposed to follow another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// The version.
    pub id: PolicyId,
    /// Its vault.
    pub vault: VaultId,
    /// The version before.
    pub previous: PolicyId,
    /// Its number.
    pub version: u32,
    /// Its document, byte for byte.
    pub document: Vec<u8>,
    /// When it was handed in first.
    pub proposed_at: UnixTime,
    /// By whom.
    pub proposed_by: String,
    /// When enough persons had signed.
    pub approved_at: Option<UnixTime>,
    /// When it came in force here, and by whom.
    pub adopted: Option<(UnixTime, String)>,
}

/// A signature under a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalApprovalRow {
    /// The signature.
    pub approval: Approval,
    /// The approver's name in the version before.
    pub approver: String,
    /// When it came in.
    pub received_at: UnixTime,
}

/// Stores a proposal that nobody signed yet.
///
/// # Errors
/// A unique violation if it is stored already.
pub async fn insert(tx: &mut Transaction, row: &ProposalRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO proposal (id, vault, previous, version, document, proposed_at, proposed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.id.to_bytes().into(),
            row.vault.to_bytes().into(),
            row.previous.to_bytes().into(),
            row.version.into(),
            row.document.clone().into(),
            Value::from_u64(row.proposed_at.as_secs())?,
            row.proposed_by.clone().into(),
        ],
    )
    .await
}

/// Sets since when enough persons have signed.
///
/// # Errors
/// On a failed statement, or when it was set already.
pub async fn set_approved(
    tx: &mut Transaction,
    id: PolicyId,
    at: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE proposal SET approved_at = $2 WHERE id = $1 AND approved_at IS NULL",
        &[id.to_bytes().into(), Value::from_u64(at.as_secs())?],
    )
    .await
}

/// Sets since when it is in force.
///
/// # Errors
/// A unique violation if another successor of the version before is; an error if this one is already.
pub async fn set_adopted(
    tx: &mut Transaction,
    id: PolicyId,
    at: UnixTime,
    by: &str,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE proposal SET adopted_at = $2, adopted_by = $3 WHERE id = $1 AND adopted_at IS NULL",
        &[
            id.to_bytes().into(),
            Value::from_u64(at.as_secs())?,
            by.into(),
        ],
    )
    .await
}

/// One proposal, if it is known.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    id: PolicyId,
) -> Result<Option<ProposalRow>, DatabaseError> {
    tx.optional_row(
        "SELECT id, vault, previous, version, document, proposed_at, proposed_by, approved_at, adopted_at,
             adopted_by
         FROM proposal WHERE id = $1",
        &[id.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All proposals of a vault, in the order of their numbers and their coming in.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction, vault: VaultId) -> Result<Vec<ProposalRow>, DatabaseError> {
    tx.rows(
        "SELECT id, vault, previous, version, document, proposed_at, proposed_by, approved_at, adopted_at,
             adopted_by
         FROM proposal WHERE vault = $1 ORDER BY version, proposed_at, id",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The proposals to follow one version of a vault that are not in force.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn following(
    tx: &mut Transaction,
    vault: VaultId,
    previous: PolicyId,
) -> Result<Vec<ProposalRow>, DatabaseError> {
    tx.rows(
        "SELECT id, vault, previous, version, document, proposed_at, proposed_by, approved_at, adopted_at,
             adopted_by
         FROM proposal WHERE vault = $1 AND previous = $2 AND adopted_at IS NULL ORDER BY proposed_at, id",
        &[vault.to_bytes().into(), previous.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The proposals of all vaults that were approved and may still come in force.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn waiting(tx: &mut Transaction) -> Result<Vec<ProposalRow>, DatabaseError> {
    tx.rows(
        "SELECT p.id, p.vault, p.previous, p.version, p.document, p.proposed_at, p.proposed_by, p.approved_at,
             p.adopted_at, p.adopted_by
         FROM proposal p JOIN vault v ON v.id = p.vault AND v.policy = p.previous
         WHERE p.approved_at IS NOT NULL AND p.adopted_at IS NULL ORDER BY p.approved_at, p.id",
        &[],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Stores a signature that counts; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn add_approval(
    tx: &mut Transaction,
    proposal: PolicyId,
    row: &ProposalApprovalRow,
) -> Result<bool, DatabaseError> {
    let added = tx
        .execute(
            "INSERT INTO proposal_approval (proposal, approving_key, expires, approver, signature, received_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                proposal.to_bytes().into(),
                row.approval.key.to_bytes().into(),
                Value::from_u64(row.approval.expires.as_secs())?,
                row.approver.clone().into(),
                row.approval.signature.encode().into(),
                Value::from_u64(row.received_at.as_secs())?,
            ],
        )
        .await?;
    Ok(added > 0)
}

/// The signatures under a proposal; of each key the one that ends last stands last.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn approvals_of(
    tx: &mut Transaction,
    proposal: PolicyId,
) -> Result<Vec<ProposalApprovalRow>, DatabaseError> {
    tx.rows(
        "SELECT proposal, approving_key, expires, approver, signature, received_at
         FROM proposal_approval WHERE proposal = $1 ORDER BY expires, approving_key",
        &[proposal.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read_approval)
    .collect()
}

fn read(row: &Row) -> Result<ProposalRow, DatabaseError> {
    let adopted = match (
        row.optional_u64("adopted_at")?,
        row.optional_text("adopted_by")?,
    ) {
        (Some(at), Some(by)) => Some((UnixTime::from_secs(at), by.to_owned())),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err(row.corrupt("adopted_by", "when and by whom together", "one of them"));
        }
    };
    Ok(ProposalRow {
        id: PolicyId::from_bytes(row.array("id")?),
        vault: VaultId::from_bytes(row.array("vault")?),
        previous: PolicyId::from_bytes(row.array("previous")?),
        version: row.u32("version")?,
        document: row.bytes("document")?.to_vec(),
        proposed_at: UnixTime::from_secs(row.u64("proposed_at")?),
        proposed_by: row.text("proposed_by")?.to_owned(),
        approved_at: row.optional_u64("approved_at")?.map(UnixTime::from_secs),
        adopted,
    })
}

fn read_approval(row: &Row) -> Result<ProposalApprovalRow, DatabaseError> {
    let signature = Signature::decode(row.bytes("signature")?)
        .map_err(|error| row.corrupt("signature", "a signature", &error.to_string()))?;
    Ok(ProposalApprovalRow {
        approval: Approval {
            purpose: Purpose::Policy,
            subject: Subject::from_bytes(row.array("proposal")?),
            expires: UnixTime::from_secs(row.u64("expires")?),
            key: KeyId::from_bytes(row.array("approving_key")?),
            signature,
        },
        approver: row.text("approver")?.to_owned(),
        received_at: UnixTime::from_secs(row.u64("received_at")?),
    })
}
