//! PSBTs of attempts issued again, each with one more approval of maintenance in its manifest.
//!
//! Rows are only ever added: what signers were once given stays provable.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::{KeyId, UnixTime};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A PSBT as it was issued again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReissueRow {
    /// The attempt.
    pub txid: Txid,
    /// Its number, from 1.
    pub number: u32,
    /// The PSBT with its manifest.
    pub psbt: Vec<u8>,
    /// The hash of the manifest, as receipts name it.
    pub manifest: [u8; 32],
    /// Who approved.
    pub approver: String,
    /// With which key.
    pub approving_key: KeyId,
    /// When that approval ends.
    pub expires: UnixTime,
    /// When the first of the approvals carried ends.
    pub holds_until: UnixTime,
    /// When it was issued again.
    pub reissued_at: UnixTime,
}

/// Stores a PSBT that was issued again.
///
/// # Errors
/// A unique violation if the number, or the approval, is there already.
pub async fn insert(tx: &mut Transaction, row: &ReissueRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO attempt_reissue (txid, number, psbt, manifest, approver, approving_key, expires,
             holds_until, reissued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            row.txid.to_byte_array().into(),
            row.number.into(),
            row.psbt.clone().into(),
            row.manifest.into(),
            row.approver.clone().into(),
            row.approving_key.to_bytes().into(),
            Value::from_u64(row.expires.as_secs())?,
            Value::from_u64(row.holds_until.as_secs())?,
            Value::from_u64(row.reissued_at.as_secs())?,
        ],
    )
    .await
}

/// All of an attempt, in order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_attempt(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Vec<ReissueRow>, DatabaseError> {
    tx.rows(
        "SELECT txid, number, psbt, manifest, approver, approving_key, expires, holds_until, reissued_at
         FROM attempt_reissue WHERE txid = $1 ORDER BY number",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<ReissueRow, DatabaseError> {
    Ok(ReissueRow {
        txid: Txid::from_byte_array(row.array("txid")?),
        number: row.u32("number")?,
        psbt: row.bytes("psbt")?.to_vec(),
        manifest: row.array("manifest")?,
        approver: row.text("approver")?.to_owned(),
        approving_key: KeyId::from_bytes(row.array("approving_key")?),
        expires: UnixTime::from_secs(row.u64("expires")?),
        holds_until: UnixTime::from_secs(row.u64("holds_until")?),
        reissued_at: UnixTime::from_secs(row.u64("reissued_at")?),
    })
}
