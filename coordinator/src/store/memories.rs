//! What journals and the chain say of attempts whose PSBTs nobody kept.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::journal::{Entry, SignedTransaction};
use policies::{PublicKey, UnixTime};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// The name of [`Source::Chain`].
const CHAIN: &str = "chain";

/// Who says what an attempt spends and pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A journal, by its key.
    Journal(PublicKey),
    /// The chain.
    Chain,
}

impl Source {
    fn name(self) -> String {
        match self {
            Self::Journal(key) => key.to_string(),
            Self::Chain => CHAIN.to_owned(),
        }
    }
}

/// What one source says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRow {
    /// Who says it.
    pub source: Source,
    /// The signer whose journal it is; else empty.
    pub signer: String,
    /// What the attempt spends and pays.
    pub record: SignedTransaction,
    /// When it was taken in.
    pub taken_at: UnixTime,
}

/// Stores what a source says of an attempt; says whether it is new. What it said first stays.
///
/// # Errors
/// On a failed statement.
pub async fn insert(tx: &mut Transaction, row: &MemoryRow) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO attempt_memory (txid, source, signer, entry, taken_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            &[
                row.record.txid.to_byte_array().into(),
                row.source.name().into(),
                row.signer.clone().into(),
                Entry::Signed(row.record.clone()).encode().into(),
                Value::from_u64(row.taken_at.as_secs())?,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// What is said of an attempt, by each source.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_attempt(tx: &mut Transaction, txid: Txid) -> Result<Vec<MemoryRow>, DatabaseError> {
    tx.rows(
        "SELECT source, signer, entry, taken_at FROM attempt_memory WHERE txid = $1 ORDER BY source",
        &[txid.to_byte_array().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &Row) -> Result<MemoryRow, DatabaseError> {
    let corrupt = |found: &str| row.corrupt("entry", "an entry of a signed transaction", found);
    let entry = Entry::decode(row.bytes("entry")?).map_err(|error| corrupt(&error.to_string()))?;
    let Entry::Signed(record) = entry else {
        return Err(corrupt("another entry"));
    };
    Ok(MemoryRow {
        source: match row.text("source")? {
            CHAIN => Source::Chain,
            _ => Source::Journal(row.parse("source", "a journal's key")?),
        },
        signer: row.text("signer")?.to_owned(),
        record,
        taken_at: UnixTime::from_secs(row.u64("taken_at")?),
    })
}
