//! Attempts that signers are asked to void, and the promises that came for them.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::journal::Void;
use policies::{PublicKey, Signature, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Transaction, Value};

/// A wish that signers void an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WishRow {
    /// The attempt.
    pub txid: Txid,
    /// When it was wished.
    pub wished_at: UnixTime,
    /// By whom.
    pub wished_by: String,
}

/// A promise that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidRow {
    /// What a journal signed.
    pub void: Void,
    /// When it came in.
    pub received_at: UnixTime,
}

/// Wishes that an attempt be voided; says whether that is new.
///
/// # Errors
/// On a failed statement.
pub async fn wish(
    tx: &mut Transaction,
    vault: VaultId,
    row: &WishRow,
) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO void_wish (attempt, vault, wished_at, wished_by) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            &[
                row.txid.to_byte_array().into(),
                vault.to_bytes().into(),
                Value::from_u64(row.wished_at.as_secs())?,
                row.wished_by.clone().into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// The wish about an attempt.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn wish_of(tx: &mut Transaction, txid: Txid) -> Result<Option<WishRow>, DatabaseError> {
    tx.optional_row(
        "SELECT wished_at, wished_by FROM void_wish WHERE attempt = $1",
        &[txid.to_byte_array().into()],
    )
    .await?
    .map(|row| {
        Ok(WishRow {
            txid,
            wished_at: UnixTime::from_secs(row.u64("wished_at")?),
            wished_by: row.text("wished_by")?.to_owned(),
        })
    })
    .transpose()
}

/// The attempts of a vault that are wished to be voided and are issued still, oldest wish first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn wished(
    tx: &mut Transaction,
    vault: VaultId,
    limit: u32,
) -> Result<Vec<Txid>, DatabaseError> {
    tx.rows(
        "SELECT w.attempt FROM void_wish w JOIN attempt a ON a.txid = w.attempt
         WHERE w.vault = $1 AND a.state = 'issued' ORDER BY w.wished_at, w.attempt LIMIT $2",
        &[vault.to_bytes().into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| Ok(Txid::from_byte_array(row.array("attempt")?)))
    .collect()
}

/// Stores a promise; says whether it is new.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &VoidRow) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO void (txid, journal, expires, signature, received_at) VALUES ($1, $2, 0, $3, $4)
             ON CONFLICT DO NOTHING",
            &[
                row.void.txid.to_byte_array().into(),
                row.void.journal.record().into(),
                row.void.signature.encode().into(),
                Value::from_u64(row.received_at.as_secs())?,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// The promises for an attempt.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_attempt(tx: &mut Transaction, txid: Txid) -> Result<Vec<VoidRow>, DatabaseError> {
    tx.rows(
        "SELECT journal, signature, received_at FROM void WHERE txid = $1 ORDER BY journal",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| {
        let journal = PublicKey::from_record(row.bytes("journal")?)
            .map_err(|error| row.corrupt("journal", "a journal's key", &error.to_string()))?;
        let signature = Signature::decode(row.bytes("signature")?)
            .map_err(|error| row.corrupt("signature", "a signature", &error.to_string()))?;
        Ok(VoidRow {
            void: Void {
                journal,
                txid,
                signature,
            },
            received_at: UnixTime::from_secs(row.u64("received_at")?),
        })
    })
    .collect()
}
