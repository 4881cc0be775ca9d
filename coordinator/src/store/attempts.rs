//! Attempts and the state of each.

mod collected;

use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction as BitcoinTransaction, Txid, Weight};
use policies::psbt::AttemptPurpose;
use policies::{PolicyId, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use crate::session::BatchId;
use crate::session::attempt::AttemptState;

pub use collected::{SignatureRow, add_receipt, add_signature, receipts, signatures};

/// An attempt as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its unsigned transaction's id, which signing does not change.
    pub txid: Txid,
    /// Its batch.
    pub batch: BatchId,
    /// Its number within the batch, from 1.
    pub number: u32,
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// The vault that pays.
    pub vault: VaultId,
    /// The policy version it was reviewed under.
    pub policy: PolicyId,
    /// The PSBT with its manifest, as issued; empty where nobody kept it.
    pub psbt: Vec<u8>,
    /// The fee.
    pub fee: Amount,
    /// The weight that the feerate was computed for.
    pub weight: Weight,
    /// Where it stands.
    pub state: AttemptState,
    /// How many events it has had.
    pub version: u64,
    /// How often it was found in a block; names its ledger entries.
    pub confirmations: u32,
    /// The final transaction, once there is one.
    pub final_transaction: Option<BitcoinTransaction>,
    /// When it was built.
    pub created_at: UnixTime,
}

impl AttemptRow {
    /// Whether only journals or the chain know of it: nobody kept its PSBT.
    pub const fn is_remembered(&self) -> bool {
        self.psbt.is_empty()
    }
}

/// Stores an attempt.
///
/// # Errors
/// A unique violation if the transaction was built before.
pub async fn insert(tx: &mut Transaction, row: &AttemptRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO attempt (txid, batch, number, purpose, vault, policy, psbt, fee, weight, state, detail,
             version, confirmations, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        &[
            row.txid.to_byte_array().into(),
            row.batch.to_bytes().into(),
            row.number.into(),
            row.purpose.name().into(),
            row.vault.to_bytes().into(),
            row.policy.to_bytes().into(),
            row.psbt.clone().into(),
            Value::from_u64(row.fee.to_sat())?,
            Value::from_u64(row.weight.to_wu())?,
            row.state.name().into(),
            detail(&row.state).into(),
            Value::from_u64(row.version)?,
            row.confirmations.into(),
            Value::from_u64(row.created_at.as_secs())?,
        ],
    )
    .await
}

/// Moves an attempt from the version that was read to its next state.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if somebody else moved it meanwhile.
pub async fn update_state(
    tx: &mut Transaction,
    txid: Txid,
    from_version: u64,
    state: &AttemptState,
    confirmations: u32,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE attempt SET state = $1, detail = $2, version = version + 1, confirmations = $3
         WHERE txid = $4 AND version = $5",
        &[
            state.name().into(),
            detail(state).into(),
            confirmations.into(),
            txid.to_byte_array().into(),
            Value::from_u64(from_version)?,
        ],
    )
    .await
}

/// Stores the final transaction.
///
/// # Errors
/// [`DatabaseError::RowsAffected`] if there is one already.
pub async fn set_final(
    tx: &mut Transaction,
    transaction: &BitcoinTransaction,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "UPDATE attempt SET final_transaction = $1 WHERE txid = $2 AND final_transaction IS NULL",
        &[
            encode::serialize(transaction).into(),
            transaction.compute_txid().to_byte_array().into(),
        ],
    )
    .await
}

/// One attempt.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(tx: &mut Transaction, txid: Txid) -> Result<Option<AttemptRow>, DatabaseError> {
    tx.optional_row(
        "SELECT txid, batch, number, purpose, vault, policy, psbt, fee, weight, state, detail, version,
             confirmations, final_transaction, created_at
         FROM attempt WHERE txid = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The attempts that rows name in their column `txid`, in the same order.
pub(super) async fn of_rows(
    tx: &mut Transaction,
    found: &[Row],
) -> Result<Vec<AttemptRow>, DatabaseError> {
    let mut attempts = Vec::new();
    for row in found {
        let txid = Txid::from_byte_array(row.array("txid")?);
        attempts.extend(lookup(tx, txid).await?);
    }
    Ok(attempts)
}

/// The attempts of a batch, in order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_batch(
    tx: &mut Transaction,
    batch: BatchId,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, batch, number, purpose, vault, policy, psbt, fee, weight, state, detail, version,
             confirmations, final_transaction, created_at
         FROM attempt WHERE batch = $1 ORDER BY number",
        &[batch.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The attempts of a vault, newest first; those of one state, if one is named.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(
    tx: &mut Transaction,
    vault: VaultId,
    state: Option<&str>,
    limit: u32,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, batch, number, purpose, vault, policy, psbt, fee, weight, state, detail, version,
             confirmations, final_transaction, created_at
         FROM attempt WHERE vault = $1 AND ($2 = '' OR state = $2)
         ORDER BY created_at DESC, txid LIMIT $3",
        &[
            vault.to_bytes().into(),
            state.unwrap_or_default().into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The attempts of a vault that may still enter a block, the oldest first, at most so many.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn unsettled(
    tx: &mut Transaction,
    vault: VaultId,
    most: u32,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, batch, number, purpose, vault, policy, psbt, fee, weight, state, detail, version,
             confirmations, final_transaction, created_at
         FROM attempt WHERE vault = $1 AND state IN ('issued', 'signed', 'broadcasting', 'in_mempool')
         ORDER BY created_at, txid LIMIT $2",
        &[vault.to_bytes().into(), most.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The attempts of a vault that were issued until a moment, were handed over, and are in no block, the oldest first:
/// each with when it was issued; at most so many.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn in_no_block(
    tx: &mut Transaction,
    vault: VaultId,
    until: UnixTime,
) -> Result<Vec<(Txid, UnixTime)>, DatabaseError> {
    tx.rows(
        "SELECT txid, created_at FROM attempt
         WHERE vault = $1 AND state IN ('broadcasting', 'in_mempool') AND created_at <= $2
         ORDER BY created_at, txid",
        &[vault.to_bytes().into(), Value::from_u64(until.as_secs())?],
    )
    .await?
    .iter()
    .map(|row| {
        let txid = Txid::from_byte_array(row.array("txid")?);
        Ok((txid, UnixTime::from_secs(row.u64("created_at")?)))
    })
    .collect()
}

/// The batches of a vault of which an attempt that pays was broadcast and is in no block, the oldest first. This is asked
/// every few seconds: no transaction is read.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn batches_out(
    tx: &mut Transaction,
    vault: VaultId,
) -> Result<Vec<BatchId>, DatabaseError> {
    tx.rows(
        "SELECT batch, MIN(created_at) AS since FROM attempt
         WHERE vault = $1 AND state IN ('broadcasting', 'in_mempool') AND purpose IN ('pay', 'bump')
         GROUP BY batch ORDER BY since, batch",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| Ok(BatchId::from_bytes(row.array("batch")?)))
    .collect()
}

/// What fees are counted by: a transaction, when it was issued, its fee and what it spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpentFee {
    /// The attempt.
    pub txid: Txid,
    /// When it was issued.
    pub at: UnixTime,
    /// Its fee.
    pub fee: Amount,
    /// What it spends.
    pub inputs: Vec<OutPoint>,
}

/// The fees of all that was issued after a moment, oldest first. What was issued may be signed at any time,
/// so that none is ever taken off.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn fees_since(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
) -> Result<Vec<SpentFee>, DatabaseError> {
    let rows = tx
        .rows(
            "SELECT a.txid, a.created_at, a.fee, i.txid AS coin, i.vout
             FROM attempt a JOIN attempt_input i ON i.attempt = a.txid
             WHERE a.vault = $1 AND a.created_at > $2 AND a.state NOT IN ('draft', 'dropped')
             ORDER BY a.created_at, a.number, a.txid, i.txid, i.vout",
            &[vault.to_bytes().into(), Value::from_u64(since.as_secs())?],
        )
        .await?;
    let mut spent: Vec<SpentFee> = Vec::new();
    for row in &rows {
        let txid = Txid::from_byte_array(row.array("txid")?);
        let coin = OutPoint::new(Txid::from_byte_array(row.array("coin")?), row.u32("vout")?);
        match spent.last_mut().filter(|last| last.txid == txid) {
            Some(last) => last.inputs.push(coin),
            None => spent.push(SpentFee {
                txid,
                at: UnixTime::from_secs(row.u64("created_at")?),
                fee: row.amount("fee")?,
                inputs: vec![coin],
            }),
        }
    }
    Ok(spent)
}

/// What was paid for a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidFeerate {
    /// The attempt.
    pub txid: Txid,
    /// When it was issued.
    pub at: UnixTime,
    /// Its feerate.
    pub feerate: FeeRate,
}

/// The feerates of the last attempts that were issued after a moment, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn feerates_since(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
    limit: u32,
) -> Result<Vec<PaidFeerate>, DatabaseError> {
    let mut paid = tx
        .rows(
            "SELECT txid, created_at, fee, weight FROM attempt
             WHERE vault = $1 AND created_at > $2 AND state NOT IN ('draft', 'dropped')
             ORDER BY created_at DESC, txid LIMIT $3",
            &[
                vault.to_bytes().into(),
                Value::from_u64(since.as_secs())?,
                limit.into(),
            ],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(PaidFeerate {
                txid: Txid::from_byte_array(row.array("txid")?),
                at: UnixTime::from_secs(row.u64("created_at")?),
                feerate: row.amount("fee")? / Weight::from_wu(row.u64("weight")?),
            })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    paid.reverse();
    Ok(paid)
}

/// The fees and the number of the spends to ourselves that were issued after a moment. What was issued
/// may be signed at any time, so that none is ever taken off.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn self_spends_since(
    tx: &mut Transaction,
    vault: VaultId,
    since: UnixTime,
) -> Result<(Amount, u32), DatabaseError> {
    let row = tx
        .one_row(
            "SELECT CAST(COALESCE(SUM(a.fee), 0) AS BIGINT) AS fees, COUNT(*) AS attempts
             FROM attempt a
             WHERE a.vault = $1 AND a.created_at > $2 AND a.state NOT IN ('draft', 'dropped')
                 AND a.purpose IN ('consolidate', 'refresh', 'cancel', 'drain')",
            &[vault.to_bytes().into(), Value::from_u64(since.as_secs())?],
        )
        .await?;
    Ok((Amount::from_sat(row.u64("fees")?), row.u32("attempts")?))
}

fn detail(state: &AttemptState) -> String {
    serde_json::to_string(state).expect("a state of texts and integers serializes")
}

fn read(row: &Row) -> Result<AttemptRow, DatabaseError> {
    let state: AttemptState = serde_json::from_str(row.text("detail")?)
        .map_err(|error| row.corrupt("detail", "a state", &error.to_string()))?;
    if state.name() != row.text("state")? {
        return Err(row.corrupt("state", "the state of the detail", row.text("state")?));
    }
    let final_transaction = row
        .optional_bytes("final_transaction")?
        .map(|bytes| {
            encode::deserialize(bytes).map_err(|error| {
                row.corrupt("final_transaction", "a transaction", &error.to_string())
            })
        })
        .transpose()?;
    Ok(AttemptRow {
        txid: Txid::from_byte_array(row.array("txid")?),
        batch: BatchId::from_bytes(row.array("batch")?),
        number: row.u32("number")?,
        purpose: read_purpose(row)?,
        vault: VaultId::from_bytes(row.array("vault")?),
        policy: PolicyId::from_bytes(row.array("policy")?),
        psbt: row.bytes("psbt")?.to_vec(),
        fee: row.amount("fee")?,
        weight: Weight::from_wu(row.u64("weight")?),
        state,
        version: row.u64("version")?,
        confirmations: row.u32("confirmations")?,
        final_transaction,
        created_at: UnixTime::from_secs(row.u64("created_at")?),
    })
}

/// What an attempt is for, of a row that has it.
pub(super) fn read_purpose(row: &Row) -> Result<AttemptPurpose, DatabaseError> {
    let purpose = row.text("purpose")?;
    AttemptPurpose::ALL
        .into_iter()
        .find(|known| known.name() == purpose)
        .ok_or_else(|| row.corrupt("purpose", "a purpose", purpose))
}
