//! What is known of the signers' journals: last accepted receipts, moves, and refusals.

use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use policies::ids::JournalHead;
use policies::journal::MoveCertificate;
use policies::{PublicKey, Receipt, UnixTime, VaultId};
use watchtower::store::database::{DatabaseError, Row, Transaction, Value};

/// A journal as its last accepted receipt showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// The journal's key.
    pub journal: PublicKey,
    /// The signer's name in the policy.
    pub signer: String,
    /// The receipt's counter.
    pub counter: u64,
    /// The receipt's head.
    pub head: JournalHead,
    /// The receipt.
    pub receipt: Receipt,
    /// When it came in.
    pub received_at: UnixTime,
}

/// A move that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveRow {
    /// The signer's name in the policy.
    pub signer: String,
    /// Which move of this signer's journal, from 1.
    pub number: u32,
    /// The old journal's certificate.
    pub certificate: MoveCertificate,
    /// When it came in.
    pub received_at: UnixTime,
}

/// A receipt that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// The journal that the receipt names.
    pub journal: PublicKey,
    /// The receipt.
    pub receipt: Vec<u8>,
    /// The attempt it was handed in for.
    pub txid: Txid,
    /// The signer whose journal it is or was; empty for a foreign one.
    pub signer: String,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in words.
    pub reason: String,
    /// What to do.
    pub hint: String,
    /// When.
    pub refused_at: UnixTime,
}

/// What is known of a journal.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn lookup(
    tx: &mut Transaction,
    vault: VaultId,
    journal: &PublicKey,
) -> Result<Option<JournalRow>, DatabaseError> {
    tx.optional_row(
        "SELECT journal, signer, counter, head, receipt, received_at FROM journal
         WHERE vault = $1 AND journal = $2",
        &[vault.to_bytes().into(), journal.to_string().into()],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// All journals of a vault that were heard of.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn list(tx: &mut Transaction, vault: VaultId) -> Result<Vec<JournalRow>, DatabaseError> {
    tx.rows(
        "SELECT journal, signer, counter, head, receipt, received_at FROM journal
         WHERE vault = $1 ORDER BY signer, received_at, journal",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Remembers the last accepted receipt of a journal.
///
/// # Errors
/// On a failed statement.
pub async fn store(
    tx: &mut Transaction,
    vault: VaultId,
    row: &JournalRow,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO journal (vault, journal, signer, counter, head, receipt, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (vault, journal) DO UPDATE SET counter = excluded.counter, head = excluded.head,
             receipt = excluded.receipt, received_at = excluded.received_at",
        &[
            vault.to_bytes().into(),
            row.journal.to_string().into(),
            row.signer.clone().into(),
            Value::from_u64(row.counter)?,
            row.head.to_bytes().into(),
            row.receipt.encode().into(),
            Value::from_u64(row.received_at.as_secs())?,
        ],
    )
    .await
}

/// The accepted moves of a vault, of each signer in order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn moves(tx: &mut Transaction, vault: VaultId) -> Result<Vec<MoveRow>, DatabaseError> {
    tx.rows(
        "SELECT signer, number, certificate, received_at FROM journal_move
         WHERE vault = $1 ORDER BY signer, number",
        &[vault.to_bytes().into()],
    )
    .await?
    .iter()
    .map(|row| {
        let certificate = MoveCertificate::decode(row.bytes("certificate")?)
            .map_err(|error| row.corrupt("certificate", "a move", &error.to_string()))?;
        Ok(MoveRow {
            signer: row.text("signer")?.to_owned(),
            number: row.u32("number")?,
            certificate,
            received_at: UnixTime::from_secs(row.u64("received_at")?),
        })
    })
    .collect()
}

/// Stores an accepted move.
///
/// # Errors
/// A unique violation if the journal moved already.
pub async fn insert_move(
    tx: &mut Transaction,
    vault: VaultId,
    row: &MoveRow,
) -> Result<(), DatabaseError> {
    let statement = &row.certificate.statement;
    tx.execute_one(
        "INSERT INTO journal_move (vault, moved_from, moved_to, signer, number, certificate, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            vault.to_bytes().into(),
            statement.from.to_string().into(),
            statement.to.to_string().into(),
            row.signer.clone().into(),
            row.number.into(),
            row.certificate.encode().into(),
            Value::from_u64(row.received_at.as_secs())?,
        ],
    )
    .await
}

/// Remembers that a receipt was refused; says whether that is new.
///
/// # Errors
/// On a failed statement.
pub async fn add_refusal(
    tx: &mut Transaction,
    vault: VaultId,
    row: &RefusalRow,
) -> Result<bool, DatabaseError> {
    let inserted = tx
        .execute(
            "INSERT INTO journal_refusal (vault, journal, receipt, txid, signer, code, reason, hint, refused_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            &[
                vault.to_bytes().into(),
                row.journal.to_string().into(),
                row.receipt.clone().into(),
                row.txid.to_byte_array().into(),
                row.signer.clone().into(),
                row.code.clone().into(),
                row.reason.clone().into(),
                row.hint.clone().into(),
                Value::from_u64(row.refused_at.as_secs())?,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Marks that a receipt of a signer was accepted after those that were refused.
///
/// # Errors
/// On a failed statement.
pub async fn resolve_refusals(
    tx: &mut Transaction,
    vault: VaultId,
    signer: &str,
    now: UnixTime,
) -> Result<u64, DatabaseError> {
    tx.execute(
        "UPDATE journal_refusal SET resolved_at = $1
         WHERE vault = $2 AND signer = $3 AND resolved_at IS NULL",
        &[
            Value::from_u64(now.as_secs())?,
            vault.to_bytes().into(),
            signer.into(),
        ],
    )
    .await
}

/// The last refusal of a signer's journal that was not resolved, if there was one.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn last_refusal(
    tx: &mut Transaction,
    vault: VaultId,
    signer: &str,
) -> Result<Option<RefusalRow>, DatabaseError> {
    tx.optional_row(
        "SELECT journal, receipt, txid, signer, code, reason, hint, refused_at FROM journal_refusal
         WHERE vault = $1 AND signer = $2 AND resolved_at IS NULL ORDER BY refused_at DESC, receipt LIMIT 1",
        &[vault.to_bytes().into(), signer.into()],
    )
    .await?
    .as_ref()
    .map(|row| {
        Ok(RefusalRow {
            journal: row.parse("journal", "a journal's key")?,
            receipt: row.bytes("receipt")?.to_vec(),
            txid: Txid::from_byte_array(row.array("txid")?),
            signer: row.text("signer")?.to_owned(),
            code: row.text("code")?.to_owned(),
            reason: row.text("reason")?.to_owned(),
            hint: row.text("hint")?.to_owned(),
            refused_at: UnixTime::from_secs(row.u64("refused_at")?),
        })
    })
    .transpose()
}

fn read(row: &Row) -> Result<JournalRow, DatabaseError> {
    let receipt = Receipt::decode(row.bytes("receipt")?)
        .map_err(|error| row.corrupt("receipt", "a receipt", &error.to_string()))?;
    Ok(JournalRow {
        journal: row.parse("journal", "a journal's key")?,
        signer: row.text("signer")?.to_owned(),
        counter: row.u64("counter")?,
        head: JournalHead::from_bytes(row.array("head")?),
        receipt,
        received_at: UnixTime::from_secs(row.u64("received_at")?),
    })
}
