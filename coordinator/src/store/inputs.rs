//! The coins that each attempt spends.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, Txid};
use policies::UnixTime;
use policies::psbt::AttemptPurpose;
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use super::attempts::{self, AttemptRow};
use crate::session::BatchId;

/// Stores what an attempt spends.
///
/// # Errors
/// On a failed statement.
pub async fn insert(
    tx: &mut Transaction,
    attempt: Txid,
    coin: OutPoint,
    amount: Amount,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO attempt_input (attempt, txid, vout, amount) VALUES ($1, $2, $3, $4)",
        &[
            attempt.to_byte_array().into(),
            coin.txid.to_byte_array().into(),
            coin.vout.into(),
            Value::from_u64(amount.to_sat())?,
        ],
    )
    .await
}

/// The coins that an attempt spends, with their amounts.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_attempt(
    tx: &mut Transaction,
    attempt: Txid,
) -> Result<Vec<(OutPoint, Amount)>, DatabaseError> {
    tx.rows(
        "SELECT txid, vout, amount FROM attempt_input WHERE attempt = $1 ORDER BY txid, vout",
        &[attempt.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| Ok((outpoint(row)?, row.amount("amount")?)))
    .collect()
}

/// The attempts that spend a coin, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn spenders_of(
    tx: &mut Transaction,
    coin: OutPoint,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    let found = tx
        .rows(
            "SELECT a.txid FROM attempt_input i JOIN attempt a ON a.txid = i.attempt
             WHERE i.txid = $1 AND i.vout = $2 ORDER BY a.created_at, a.number, a.txid",
            &[coin.txid.to_byte_array().into(), coin.vout.into()],
        )
        .await?;
    attempts::of_rows(tx, &found).await
}

/// An attempt that spends a coin of another, and may be paid or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// Its unsigned transaction's id.
    pub txid: Txid,
    /// Its batch.
    pub batch: BatchId,
    /// Its number within the batch.
    pub number: u32,
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// The fee.
    pub fee: Amount,
    /// Whether it was handed over to be broadcast.
    pub is_out: bool,
    /// When it was built.
    pub created_at: UnixTime,
}

/// The other attempts that spend a coin of an attempt and are neither drafts nor dropped nor dead, oldest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn live_rivals_of(
    tx: &mut Transaction,
    attempt: Txid,
) -> Result<Vec<Rival>, DatabaseError> {
    tx.rows(
        "SELECT DISTINCT c.txid, c.batch, c.number, c.purpose, c.fee, c.state, c.created_at
         FROM attempt_input i JOIN attempt_input j ON j.txid = i.txid AND j.vout = i.vout
         JOIN attempt c ON c.txid = j.attempt
         WHERE i.attempt = $1 AND c.txid <> $1 AND c.state NOT IN ('draft', 'dropped', 'dead')
         ORDER BY c.created_at, c.number, c.txid",
        &[attempt.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Rival {
            txid: Txid::from_byte_array(row.array("txid")?),
            batch: BatchId::from_bytes(row.array("batch")?),
            number: row.u32("number")?,
            purpose: attempts::read_purpose(row)?,
            fee: row.amount("fee")?,
            is_out: !matches!(row.text("state")?, "issued" | "signed"),
            created_at: UnixTime::from_secs(row.u64("created_at")?),
        })
    })
    .collect()
}

/// The attempts that spend an output of a transaction.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn children_of(
    tx: &mut Transaction,
    parent: Txid,
) -> Result<Vec<AttemptRow>, DatabaseError> {
    let found = tx
        .rows(
            "SELECT DISTINCT attempt AS txid FROM attempt_input WHERE txid = $1 ORDER BY attempt",
            &[parent.to_byte_array().into()],
        )
        .await?;
    attempts::of_rows(tx, &found).await
}

/// The live cancellation that was issued after an attempt and takes its place, if there is one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn cancelled_by(
    tx: &mut Transaction,
    attempt: Txid,
) -> Result<Option<Txid>, DatabaseError> {
    let found = tx
        .optional_row(
            "SELECT c.txid FROM attempt a JOIN attempt_input i ON i.attempt = a.txid
             JOIN attempt_input j ON j.txid = i.txid AND j.vout = i.vout
             JOIN attempt c ON c.txid = j.attempt
             WHERE a.txid = $1 AND a.purpose <> 'cancel' AND c.purpose = 'cancel'
             AND c.state IN ('draft', 'issued', 'signed', 'broadcasting', 'in_mempool', 'confirmed')
             AND (c.created_at > a.created_at OR (c.created_at = a.created_at AND c.number > a.number))
             ORDER BY c.txid LIMIT 1",
            &[attempt.to_byte_array().into()],
        )
        .await?;
    found
        .map(|row| Ok(Txid::from_byte_array(row.array("txid")?)))
        .transpose()
}

fn outpoint(row: &Row) -> Result<OutPoint, DatabaseError> {
    Ok(OutPoint {
        txid: Txid::from_byte_array(row.array("txid")?),
        vout: row.u32("vout")?,
    })
}
