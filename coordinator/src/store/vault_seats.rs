//! The seats of ceremonies: who sits on each, with which key, and what the person has confirmed.
//!
//! Invariant: of a secret only its hash is stored; two seats of a ceremony never have one key or one journal.

use policies::{PolicyId, UnixTime};
use watchtower::store::database::{DatabaseError, Row, Transaction};

use super::vault_ceremonies::{optional, time};

/// A seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    /// Its ceremony.
    pub ceremony: String,
    /// The signer's name in the policy.
    pub name: String,
    /// Its place among the seats, from 1.
    pub number: u32,
    /// Who sits on it.
    pub person: String,
    /// Whether its key stays as it is.
    pub keeps: bool,
    /// The hash of the secret of an open invitation, and when that stops counting.
    pub link: Option<([u8; 32], UnixTime)>,
    /// The hash of the secret of the sitting, when it stops counting, and when it began.
    pub sitting: Option<(SittingHash, UnixTime, UnixTime)>,
    /// The key that was handed in.
    pub filled: Option<FilledRow>,
    /// Which document was compared, with which other seat, and when.
    pub compared: Option<(PolicyId, String, UnixTime)>,
    /// With which document the person is ready, and since when.
    pub ready: Option<(PolicyId, UnixTime)>,
}

/// The SHA-256 of a sitting's secret.
pub type SittingHash = [u8; 32];

/// The key of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledRow {
    /// The record as `[[signers]]` has it.
    pub record: String,
    /// The account's public key.
    pub xpub: [u8; 33],
    /// The journal key.
    pub journal: String,
    /// When it came in.
    pub at: UnixTime,
    /// Who handed it in.
    pub by: String,
}

macro_rules! seats {
    ($rest:literal) => {
        concat!(
            "SELECT ceremony, name, number, person, keeps, link, link_until, sitting, sitting_until, sat_at, record,
                 xpub, journal, filled_at, filled_by, compared, compared_with, compared_at, ready, ready_at
             FROM vault_seat ",
            $rest
        )
    };
}

/// Stores a seat that is empty.
///
/// # Errors
/// A unique violation if its name is taken.
pub async fn insert(tx: &mut Transaction, row: &SeatRow) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO vault_seat (ceremony, name, number, person, keeps) VALUES ($1, $2, $3, $4, $5)",
        &[
            row.ceremony.clone().into(),
            row.name.clone().into(),
            row.number.into(),
            row.person.clone().into(),
            row.keeps.into(),
        ],
    )
    .await
}

/// The seats of a ceremony, in their order.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn of_ceremony(
    tx: &mut Transaction,
    ceremony: &str,
) -> Result<Vec<SeatRow>, DatabaseError> {
    tx.rows(
        seats!("WHERE ceremony = $1 ORDER BY number"),
        &[ceremony.into()],
    )
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The seat that an invitation's hash opens.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_link(
    tx: &mut Transaction,
    link: [u8; 32],
) -> Result<Option<SeatRow>, DatabaseError> {
    tx.optional_row(seats!("WHERE link = $1"), &[link.into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The seat of a sitting's hash.
///
/// # Errors
/// On a failed statement or a corrupt row.
pub async fn by_sitting(
    tx: &mut Transaction,
    sitting: SittingHash,
) -> Result<Option<SeatRow>, DatabaseError> {
    tx.optional_row(seats!("WHERE sitting = $1"), &[sitting.into()])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Writes a seat as it is now, all but its name, place, person and whether it keeps its key.
///
/// # Errors
/// A unique violation if another seat has its key or its journal.
pub async fn update(tx: &mut Transaction, row: &SeatRow) -> Result<(), DatabaseError> {
    let filled = row.filled.as_ref();
    tx.execute_one(
        "UPDATE vault_seat SET link = $3, link_until = $4, sitting = $5, sitting_until = $6, sat_at = $7, record = $8,
             xpub = $9, journal = $10, filled_at = $11, filled_by = $12, compared = $13, compared_with = $14,
             compared_at = $15, ready = $16, ready_at = $17
         WHERE ceremony = $1 AND name = $2",
        &[
            row.ceremony.clone().into(),
            row.name.clone().into(),
            row.link.map(|(hash, _)| hash).into(),
            optional(row.link.map(|(_, until)| until))?,
            row.sitting.map(|(hash, _, _)| hash).into(),
            optional(row.sitting.map(|(_, until, _)| until))?,
            optional(row.sitting.map(|(_, _, since)| since))?,
            filled.map(|filled| filled.record.clone()).into(),
            filled.map(|filled| filled.xpub).into(),
            filled.map(|filled| filled.journal.clone()).into(),
            optional(filled.map(|filled| filled.at))?,
            filled.map(|filled| filled.by.clone()).into(),
            row.compared.as_ref().map(|one| one.0.to_bytes()).into(),
            row.compared.as_ref().map(|one| one.1.clone()).into(),
            optional(row.compared.as_ref().map(|one| one.2))?,
            row.ready.map(|(policy, _)| policy.to_bytes()).into(),
            optional(row.ready.map(|(_, at)| at))?,
        ],
    )
    .await
}

fn read(row: &Row) -> Result<SeatRow, DatabaseError> {
    let link = match row.optional_array("link")? {
        None => None,
        Some(hash) => Some((hash, time(row, "link_until")?)),
    };
    let sitting = match row.optional_array("sitting")? {
        None => None,
        Some(hash) => Some((hash, time(row, "sitting_until")?, time(row, "sat_at")?)),
    };
    let filled = match row.optional_text("record")? {
        None => None,
        Some(record) => Some(FilledRow {
            record: record.to_owned(),
            xpub: row.array("xpub")?,
            journal: row.text("journal")?.to_owned(),
            at: time(row, "filled_at")?,
            by: row.text("filled_by")?.to_owned(),
        }),
    };
    let compared = match row.optional_array("compared")? {
        None => None,
        Some(policy) => Some((
            PolicyId::from_bytes(policy),
            row.text("compared_with")?.to_owned(),
            time(row, "compared_at")?,
        )),
    };
    let ready = match row.optional_array("ready")? {
        None => None,
        Some(policy) => Some((PolicyId::from_bytes(policy), time(row, "ready_at")?)),
    };
    Ok(SeatRow {
        ceremony: row.text("ceremony")?.to_owned(),
        name: row.text("name")?.to_owned(),
        number: row.u32("number")?,
        person: row.text("person")?.to_owned(),
        keeps: row.bool("keeps")?,
        link,
        sitting,
        filled,
        compared,
        ready,
    })
}
