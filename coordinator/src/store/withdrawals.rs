//! Withdrawals and the state of each.

mod by_state;

use bitcoin::Script;
use policies::{
    Intent, IntentHash, IntentKind, KeyId, RequestSignature, RequesterName, Signature, UnixTime,
    VaultId, WithdrawalId,
};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use crate::session::withdrawal::WithdrawalState;

pub use by_state::{
    approved, approved_once, count_approved, list, open, overdue, promised, requested,
};

/// The statement that reads withdrawals as [`read`] takes them, from its `WHERE` on.
macro_rules! select_withdrawals {
    ($($rest:literal),+) => {
        concat!(
            "SELECT vault, requester, id, intent_hash, intent, request_key, request_signature, state, detail,
                 version, submitted_at
             FROM withdrawal ",
            $($rest),+
        )
    };
}

pub(super) use select_withdrawals;

/// What identifies a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WithdrawalKey {
    /// The vault.
    pub vault: VaultId,
    /// The requester's name.
    pub requester: RequesterName,
    /// The requester's own id.
    pub id: WithdrawalId,
}

impl WithdrawalKey {
    fn values(&self) -> [Value; 3] {
        [
            self.vault.to_bytes().into(),
            self.requester.as_str().into(),
            self.id.as_str().into(),
        ]
    }
}

impl std::fmt::Display for WithdrawalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.vault, self.requester, self.id)
    }
}

/// A withdrawal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalRow {
    /// Its identity.
    pub key: WithdrawalKey,
    /// The intent's hash.
    pub hash: IntentHash,
    /// The intent's exact bytes.
    pub bytes: Vec<u8>,
    /// The intent.
    pub intent: Intent,
    /// The requester's signature; none where only a signer's journal knows the intent.
    pub request: Option<RequestSignature>,
    /// Where it stands.
    pub state: WithdrawalState,
    /// How many events it has had.
    pub version: u64,
    /// When it came in.
    pub submitted_at: UnixTime,
}

/// Stores a withdrawal.
///
/// # Errors
/// A unique violation if its id is taken.
pub async fn insert(tx: &mut Transaction, row: &WithdrawalRow) -> Result<(), DatabaseError> {
    let [vault, requester, id] = row.key.values();
    tx.execute_one(
        "INSERT INTO withdrawal (vault, requester, id, intent_hash, intent, request_key,
             request_signature, script_pubkey, amount, sweep, expires, state, detail, version, submitted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            vault,
            requester,
            id,
            row.hash.to_bytes().into(),
            row.bytes.clone().into(),
            request_key(row.request.as_ref()).into(),
            request_signature(row.request.as_ref()).into(),
            row.intent.script_pubkey.as_bytes().into(),
            Value::from_u64(row.intent.amount.to_sat())?,
            (row.intent.kind == IntentKind::Sweep).into(),
            Value::from_u64(row.intent.expires.as_secs())?,
            row.state.name().into(),
            detail(&row.state).into(),
            Value::from_u64(row.version)?,
            Value::from_u64(row.submitted_at.as_secs())?,
        ],
    )
    .await
}

/// Moves a withdrawal from the version that was read to its next state.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if somebody else moved it meanwhile.
pub async fn update_state(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    from_version: u64,
    state: &WithdrawalState,
) -> Result<(), DatabaseError> {
    let [vault, requester, id] = key.values();
    tx.execute_one(
        "UPDATE withdrawal SET state = $1, detail = $2, version = version + 1
         WHERE vault = $3 AND requester = $4 AND id = $5 AND version = $6",
        &[
            state.name().into(),
            detail(state).into(),
            vault,
            requester,
            id,
            Value::from_u64(from_version)?,
        ],
    )
    .await
}

/// Keeps the requester's signature of a withdrawal that had none.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if it has one.
pub async fn set_request(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    request: &RequestSignature,
) -> Result<(), DatabaseError> {
    let [vault, requester, id] = key.values();
    tx.execute_one(
        "UPDATE withdrawal SET request_key = $1, request_signature = $2
         WHERE vault = $3 AND requester = $4 AND id = $5 AND length(request_signature) = 0",
        &[
            request_key(Some(request)).into(),
            request_signature(Some(request)).into(),
            vault,
            requester,
            id,
        ],
    )
    .await
}

/// One withdrawal.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    key: &WithdrawalKey,
) -> Result<Option<WithdrawalRow>, DatabaseError> {
    tx.optional_row(
        select_withdrawals!("WHERE vault = $1 AND requester = $2 AND id = $3"),
        &key.values(),
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// A withdrawal that one output could satisfy together with this intent, and that was paid or still may
/// be: the same script and amount, or the same script where one of them sweeps. Signers count both as one
/// line and pay it once (M2).
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn equal_payment(
    tx: &mut Transaction,
    vault: VaultId,
    intent: &Intent,
) -> Result<Option<WithdrawalKey>, DatabaseError> {
    tx.optional_row(
        select_withdrawals!(
            "WHERE vault = $1 AND script_pubkey = $2 AND (amount = $3 OR sweep = 1 OR $4 = 1)
                 AND state NOT IN ('rejected', 'expired', 'cancelled')
             ORDER BY submitted_at LIMIT 1"
        ),
        &[
            vault.to_bytes().into(),
            intent.script_pubkey.to_bytes().into(),
            Value::from_u64(intent.amount.to_sat())?,
            (intent.kind == IntentKind::Sweep).into(),
        ],
    )
    .await?
    .as_ref()
    .map(|row| read(row).map(|withdrawal| withdrawal.key))
    .transpose()
}

/// The withdrawals whose requests are not at hand, and that may still be paid, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn without_request(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!("WHERE vault = $1 AND length(request_signature) = 0 AND state NOT IN ('settled', 'cancelled', 'expired', 'rejected')
         ORDER BY submitted_at, requester, id"),
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The withdrawals that an output would pay and that were never in a batch, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn open_paid_by(
    tx: &mut Transaction,
    vault: VaultId,
    output: &bitcoin::TxOut,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!("WHERE vault = $1 AND script_pubkey = $2 AND (amount = $3 OR (sweep = 1 AND amount > $3))
             AND state IN ('requested', 'approved', 'expired', 'cancelled', 'rejected')
         ORDER BY submitted_at, requester, id"),
        &[
            vault.to_bytes().into(),
            output.script_pubkey.as_bytes().into(),
            Value::from_u64(output.value.to_sat())?,
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The withdrawals to a script that were ever in a batch, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn ever_batched_to(
    tx: &mut Transaction,
    vault: VaultId,
    script: &Script,
    limit: u32,
) -> Result<Vec<WithdrawalRow>, DatabaseError> {
    tx.rows(
        select_withdrawals!(
            "WHERE vault = $1 AND script_pubkey = $2
                 AND state IN ('batched', 'signing', 'broadcast', 'confirmed', 'settled', 'failed')
             ORDER BY submitted_at DESC, requester, id LIMIT $3"
        ),
        &[
            vault.to_bytes().into(),
            script.to_bytes().into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The withdrawal of an intent.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_intent(
    tx: &mut Transaction,
    hash: IntentHash,
) -> Result<Option<WithdrawalRow>, DatabaseError> {
    tx.optional_row(
        select_withdrawals!("WHERE intent_hash = $1"),
        &[hash.to_bytes().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

fn request_key(request: Option<&RequestSignature>) -> Vec<u8> {
    request.map_or_else(Vec::new, |request| request.key.to_bytes().to_vec())
}

fn request_signature(request: Option<&RequestSignature>) -> Vec<u8> {
    request.map_or_else(Vec::new, |request| request.signature.encode())
}

fn detail(state: &WithdrawalState) -> String {
    serde_json::to_string(state).expect("a state of texts and integers serializes")
}

pub(super) fn read(row: &Row) -> Result<WithdrawalRow, DatabaseError> {
    let bytes = row.bytes("intent")?.to_vec();
    let intent = Intent::decode(&bytes)
        .map_err(|error| row.corrupt("intent", "an intent", &error.to_string()))?;
    let state: WithdrawalState = serde_json::from_str(row.text("detail")?)
        .map_err(|error| row.corrupt("detail", "a state", &error.to_string()))?;
    if state.name() != row.text("state")? {
        return Err(row.corrupt("state", "the state of the detail", row.text("state")?));
    }
    let request = match row.bytes("request_signature")? {
        [] => None,
        signature => Some(RequestSignature {
            key: KeyId::from_bytes(row.array("request_key")?),
            signature: Signature::decode(signature).map_err(|error| {
                row.corrupt("request_signature", "a signature", &error.to_string())
            })?,
        }),
    };
    Ok(WithdrawalRow {
        key: WithdrawalKey {
            vault: VaultId::from_bytes(row.array("vault")?),
            requester: row.parse("requester", "a requester's name")?,
            id: row.parse("id", "a withdrawal's id")?,
        },
        hash: IntentHash::from_bytes(row.array("intent_hash")?),
        bytes,
        intent,
        request,
        state,
        version: row.u64("version")?,
        submitted_at: UnixTime::from_secs(row.u64("submitted_at")?),
    })
}
