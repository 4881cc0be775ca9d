//! What signers handed in for attempts: signatures that verified, and receipts of their journals.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::UnixTime;
use policies::psbt::SignatureKey;
use watchtower::store::database::{DatabaseError, Transaction, Value};

/// A signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// The input it is for.
    pub input: u32,
    /// The place in the witness.
    pub key: SignatureKey,
    /// The signer's name in the policy.
    pub signer: String,
    /// The signature with its sighash byte.
    pub signature: Vec<u8>,
    /// When it came in.
    pub received_at: UnixTime,
}

/// Stores a signature; says whether it is new. A key has one signature an input: the first stays.
///
/// # Errors
/// On a failed statement.
pub async fn add_signature(
    tx: &mut Transaction,
    txid: Txid,
    row: &SignatureRow,
) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO attempt_signature (txid, input, signature_key, signer, signature, received_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                txid.to_byte_array().into(),
                row.input.into(),
                row.key.to_string().into(),
                row.signer.clone().into(),
                row.signature.clone().into(),
                Value::from_u64(row.received_at.as_secs())?,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// The signatures of an attempt.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn signatures(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Vec<SignatureRow>, DatabaseError> {
    tx.rows(
        "SELECT input, signature_key, signer, signature, received_at FROM attempt_signature
         WHERE txid = $1 ORDER BY input, signature_key",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(SignatureRow {
            input: row.u32("input")?,
            key: row.parse("signature_key", "a place in a witness")?,
            signer: row.text("signer")?.to_owned(),
            signature: row.bytes("signature")?.to_vec(),
            received_at: UnixTime::from_secs(row.u64("received_at")?),
        })
    })
    .collect()
}

/// Stores a receipt; the same one again does nothing.
///
/// # Errors
/// On a failed statement.
pub async fn add_receipt(
    tx: &mut Transaction,
    txid: Txid,
    journal: [u8; 32],
    receipt: &[u8],
    now: UnixTime,
) -> Result<(), DatabaseError> {
    tx.execute(
        "INSERT INTO attempt_receipt (txid, journal, receipt, received_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        &[
            txid.to_byte_array().into(),
            journal.into(),
            receipt.into(),
            Value::from_u64(now.as_secs())?,
        ],
    )
    .await
    .map(drop)
}

/// The receipts of an attempt: journal key and record.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn receipts(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Vec<([u8; 32], Vec<u8>)>, DatabaseError> {
    tx.rows(
        "SELECT journal, receipt FROM attempt_receipt WHERE txid = $1 ORDER BY journal, received_at",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.array("journal")?, row.bytes("receipt")?.to_vec())))
    .collect()
}
