//! Attempts as lists show them: one line each, without their PSBTs.
//!
//! Invariant: pages are cut by the place of their last line (time, then txid), never by counting, so that what
//! is issued meanwhile moves no line out of sight.

use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, Txid, Weight};
use policies::psbt::AttemptPurpose;
use policies::{PolicyId, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

use crate::session::BatchId;
use crate::session::attempt::AttemptState;

/// Which attempts or batches of a vault are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a, Id> {
    /// The vault.
    pub vault: VaultId,
    /// Of this state, or with an attempt of it; of any if empty.
    pub state: &'a str,
    /// For this purpose; for any if empty.
    pub purpose: &'a str,
    /// Made at this time or later.
    pub since: UnixTime,
    /// Made before this time.
    pub until: UnixTime,
    /// Only those behind this place.
    pub after: Option<(UnixTime, Id)>,
}

impl<Id> Wanted<'_, Id> {
    /// The values of a statement that reads a page of so many rows.
    pub(super) fn values(&self, bytes: impl Fn(&Id) -> Vec<u8>, limit: u32) -> [Value; 8] {
        // A page without a place begins at the very beginning.
        let (before, behind) = match &self.after {
            Some((at, id)) => (seconds(*at), bytes(id)),
            None => (Value::from(i64::MAX), Vec::new()),
        };
        [
            self.vault.to_bytes().into(),
            self.state.into(),
            self.purpose.into(),
            seconds(self.since),
            seconds(self.until),
            before,
            behind.into(),
            limit.into(),
        ]
    }
}

/// The statement that reads lines of attempts from somewhere.
macro_rules! lines_of {
    ($from:literal) => {
        concat!(
            "SELECT a.txid, a.batch, a.number, a.purpose, a.policy, a.fee, a.weight, a.state, a.detail, a.created_at,
             (SELECT COUNT(*) FROM attempt_input i WHERE i.attempt = a.txid) AS inputs,
             (SELECT CAST(COALESCE(SUM(i.amount), 0) AS BIGINT) FROM attempt_input i
              WHERE i.attempt = a.txid) AS spent,
             (SELECT COUNT(*) FROM attempt_payment p WHERE p.attempt = a.txid) AS payments,
             (SELECT CAST(COALESCE(SUM(w.amount), 0) AS BIGINT) FROM attempt_payment p
              JOIN withdrawal w ON w.vault = p.vault AND w.requester = p.requester AND w.id = p.withdrawal
              WHERE p.attempt = a.txid) AS asked,
             (SELECT COUNT(*) FROM attempt_payment p
              JOIN withdrawal w ON w.vault = p.vault AND w.requester = p.requester AND w.id = p.withdrawal
              WHERE p.attempt = a.txid AND w.sweep = 1) AS sweeps FROM ",
            $from
        )
    };
}

/// An attempt in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLineRow {
    /// Its transaction's id.
    pub txid: Txid,
    /// Its batch.
    pub batch: BatchId,
    /// Its number within the batch.
    pub number: u32,
    /// What it is for.
    pub purpose: AttemptPurpose,
    /// The policy version it was reviewed under.
    pub policy: PolicyId,
    /// The fee.
    pub fee: Amount,
    /// The weight with the heaviest witnesses.
    pub weight: Weight,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was built.
    pub created_at: UnixTime,
    /// How many coins it spends.
    pub inputs: u32,
    /// What they hold.
    pub spent: Amount,
    /// How many withdrawals it pays.
    pub payments: u32,
    /// What those asked for at most.
    pub asked: Amount,
    /// Whether it pays a sweep, which takes all but the fee.
    pub sweeps: bool,
}

/// The page of a vault's attempts behind a place, newest first.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    wanted: &Wanted<'_, Txid>,
    limit: u32,
) -> Result<Vec<AttemptLineRow>, DatabaseError> {
    tx.rows(
        lines_of!(
            "(SELECT txid, batch, number, purpose, policy, fee, weight, state, detail, created_at
               FROM attempt
               WHERE vault = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR purpose = $3)
                   AND created_at >= $4 AND created_at < $5
                   AND (created_at < $6 OR (created_at = $6 AND txid < $7))
               ORDER BY created_at DESC, txid DESC LIMIT $8) a
             ORDER BY a.created_at DESC, a.txid DESC"
        ),
        &wanted.values(|txid| txid.to_byte_array().to_vec(), limit),
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The attempts of a batch, in order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_batch(
    tx: &mut Transaction,
    batch: BatchId,
) -> Result<Vec<AttemptLineRow>, DatabaseError> {
    tx.rows(
        lines_of!("attempt a WHERE a.batch = $1 ORDER BY a.number"),
        &[batch.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Signers and for how many inputs of an attempt a signature of theirs counts.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn signed_inputs(
    tx: &mut Transaction,
    txid: Txid,
) -> Result<Vec<(String, u32)>, DatabaseError> {
    tx.rows(
        "SELECT signer, COUNT(DISTINCT input) AS inputs FROM attempt_signature
         WHERE txid = $1 GROUP BY signer ORDER BY signer",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("signer")?.to_owned(), row.u32("inputs")?)))
    .collect()
}

/// A time as the table has it: what is later than any is the latest there is.
fn seconds(at: UnixTime) -> Value {
    Value::from(i64::try_from(at.as_secs()).unwrap_or(i64::MAX))
}

fn read(row: &Row) -> Result<AttemptLineRow, DatabaseError> {
    let state: AttemptState = serde_json::from_str(row.text("detail")?)
        .map_err(|error| row.corrupt("detail", "a state", &error.to_string()))?;
    Ok(AttemptLineRow {
        txid: Txid::from_byte_array(row.array("txid")?),
        batch: BatchId::from_bytes(row.array("batch")?),
        number: row.u32("number")?,
        purpose: purpose(row)?,
        policy: PolicyId::from_bytes(row.array("policy")?),
        fee: row.amount("fee")?,
        weight: Weight::from_wu(row.u64("weight")?),
        state,
        created_at: UnixTime::from_secs(row.u64("created_at")?),
        inputs: row.u32("inputs")?,
        spent: row.amount("spent")?,
        payments: row.u32("payments")?,
        asked: row.amount("asked")?,
        sweeps: row.u32("sweeps")? > 0,
    })
}

/// What a row's attempt or batch is for.
pub(super) fn purpose(row: &Row) -> Result<AttemptPurpose, DatabaseError> {
    let purpose = row.text("purpose")?;
    AttemptPurpose::ALL
        .into_iter()
        .find(|known| known.name() == purpose)
        .ok_or_else(|| row.corrupt("purpose", "a purpose", purpose))
}
