//! The event log: inserted unnumbered with its cause, then numbered without gaps and hash-chained by
//! one leased sequencer. Consumers read sequenced events only.

use policies::planted::steps::Step;
use policies::{UnixTime, VaultId, hash};
use serde_json::{Map, Value as Json, json};

use super::database::{DatabaseError, Row, Transaction, Value};
use super::lease::{self, Lease, LeaseError};
use crate::canonical::{NotAnInteger, canonical_json};

/// The hash before the first event.
pub const GENESIS: [u8; 32] = [0; 32];

/// The number and hash that the first event follows.
pub const BEGINNING: (u64, [u8; 32]) = (0, GENESIS);

/// Rows read at a time when the chain is verified.
const PAGE: u32 = 1000;

/// An event to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent<'a> {
    /// What kind of thing it happened to: `deposit`, `transaction`, `withdrawal`, …
    pub object_kind: &'a str,
    /// Which one.
    pub object_id: &'a str,
    /// What happened: `deposit.seen`, …
    pub kind: &'a str,
    /// The vault concerned, if one is.
    pub vault: Option<VaultId>,
    /// The facts; numbers are integers.
    pub body: Map<String, Json>,
    /// Who did it: `watchtower`, a requester, a token's name.
    pub actor: &'a str,
    /// Why, if somebody said so.
    pub reason: &'a str,
    /// When.
    pub at: UnixTime,
}

/// A sequenced event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Its number: 1, 2, 3, …
    pub number: u64,
    /// What kind of thing it happened to.
    pub object_kind: String,
    /// Which one.
    pub object_id: String,
    /// The how many-th event of that object this is.
    pub version: u64,
    /// What happened.
    pub kind: String,
    /// The vault concerned, if one is.
    pub vault: Option<VaultId>,
    /// The facts.
    pub body: Json,
    /// Who did it.
    pub actor: String,
    /// Why; empty if nobody said.
    pub reason: String,
    /// When.
    pub at: UnixTime,
    /// The chain's hash up to and including this event.
    #[serde(serialize_with = "as_hex")]
    pub hash: [u8; 32],
}

/// Why an event was not appended, sequenced or verified.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A body has a number that is not an integer.
    #[error("an event's body has a fraction: {0}")]
    Body(#[from] NotAnInteger),
    /// The stored chain does not follow from the stored events.
    #[error("the event chain is broken at number {number}: {broken}")]
    Broken {
        /// The first number that does not fit.
        number: u64,
        /// In which way.
        broken: Broken,
    },
    /// Another sequencer has taken over.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// In which way the chain does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A number is missing.
    #[error("a number is missing before it")]
    Gap,
    /// The hash is not that of the event and its predecessors.
    #[error("its hash is not that of the event and its predecessors")]
    Hash,
    /// The body is not the canonical text it was stored as.
    #[error("its body is not canonical")]
    Body,
}

/// Appends an event in the transaction that causes it and returns its per-object version.
///
/// # Errors
///
/// [`EventError::Body`] for a fraction in the body.
pub async fn append(tx: &mut Transaction, event: &NewEvent<'_>) -> Result<u64, EventError> {
    let body = canonical_json(&Json::Object(event.body.clone()))?;
    tx.lock(&format!("event {} {}", event.object_kind, event.object_id))
        .await?;
    let version = tx
        .one_row(
            "SELECT COALESCE(MAX(version), 0) + 1 AS version FROM event
             WHERE object_kind = $1 AND object_id = $2",
            &[event.object_kind.into(), event.object_id.into()],
        )
        .await?
        .u64("version")?;
    tx.execute_one(
        "INSERT INTO event
             (object_kind, object_id, version, kind, vault, body, actor, reason, happened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            event.object_kind.into(),
            event.object_id.into(),
            Value::from_u64(version)?,
            event.kind.into(),
            event.vault.map(VaultId::to_bytes).into(),
            body.into(),
            event.actor.into(),
            event.reason.into(),
            Value::from_u64(event.at.as_secs())?,
        ],
    )
    .await?;
    tx.execute_one(
        "INSERT INTO event_queue (object_kind, object_id, version) VALUES ($1, $2, $3)",
        &[
            event.object_kind.into(),
            event.object_id.into(),
            Value::from_u64(version)?,
        ],
    )
    .await?;
    Ok(version)
}

/// Numbers and chains up to `limit` queued events under a lease; returns how many.
///
/// # Errors
///
/// [`EventError::Lease`] if another sequencer has taken over: then nothing is numbered.
pub async fn sequence(tx: &mut Transaction, held: &Lease, limit: u32) -> Result<usize, EventError> {
    lease::assert_held(tx, held).await?;
    tx.lock("event_sequence").await?;
    let rows = tx
        .rows(
            "SELECT q.id, e.object_kind, e.object_id, e.version, e.kind, e.vault, e.body, e.actor,
                 e.reason, e.happened_at
             FROM event_queue q JOIN event e ON e.object_kind = q.object_kind
                 AND e.object_id = q.object_id AND e.version = q.version
             ORDER BY q.id LIMIT $1",
            &[limit.into()],
        )
        .await?;
    let (mut number, mut previous) = head(tx).await?;
    if !rows.is_empty() {
        tx.mark(Step::Number);
    }
    for row in &rows {
        number = number.saturating_add(1);
        previous = read(row, number, previous)?.hash;
        tx.execute_one(
            "INSERT INTO event_sequence (number, object_kind, object_id, version, hash, epoch)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                Value::from_u64(number)?,
                row.text("object_kind")?.into(),
                row.text("object_id")?.into(),
                row.int("version")?.into(),
                previous.into(),
                Value::from_u64(held.epoch)?,
            ],
        )
        .await?;
        tx.execute_one(
            "DELETE FROM event_queue WHERE id = $1",
            &[row.int("id")?.into()],
        )
        .await?;
    }
    Ok(rows.len())
}

/// Whether events wait to be numbered.
///
/// # Errors
///
/// On a failed statement.
pub async fn is_waiting(tx: &mut Transaction) -> Result<bool, DatabaseError> {
    Ok(tx
        .optional_row("SELECT id FROM event_queue LIMIT 1", &[])
        .await?
        .is_some())
}

/// The number and hash of the last sequenced event; 0 and [`GENESIS`] before the first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn head(tx: &mut Transaction) -> Result<(u64, [u8; 32]), DatabaseError> {
    tx.optional_row(
        "SELECT number, hash FROM event_sequence ORDER BY number DESC LIMIT 1",
        &[],
    )
    .await?
    .map_or(Ok((0, GENESIS)), |row| {
        Ok((row.u64("number")?, row.array("hash")?))
    })
}

/// Sequenced events after a number, in order.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn after(
    tx: &mut Transaction,
    number: u64,
    limit: u32,
) -> Result<Vec<Event>, EventError> {
    tx.rows(
        "SELECT s.number, s.hash, e.object_kind, e.object_id, e.version, e.kind, e.vault, e.body,
             e.actor, e.reason, e.happened_at
         FROM event_sequence s JOIN event e ON e.object_kind = s.object_kind
             AND e.object_id = s.object_id AND e.version = s.version
         WHERE s.number > $1 ORDER BY s.number LIMIT $2",
        &[Value::from_u64(number)?, limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let event = read(row, row.u64("number")?, GENESIS)?;
        Ok(Event {
            hash: row.array("hash")?,
            ..event
        })
    })
    .collect()
}

/// How many events of one kind an object has had, sequenced or not.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn count_of_object(
    tx: &mut Transaction,
    object_kind: &str,
    object_id: &str,
    kind: &str,
) -> Result<u32, DatabaseError> {
    tx.one_row(
        "SELECT COUNT(*) AS events FROM event
         WHERE object_kind = $1 AND object_id = $2 AND kind = $3",
        &[object_kind.into(), object_id.into(), kind.into()],
    )
    .await?
    .u32("events")
}

/// The first events of one kind that an object has had, sequenced or not, in order. Their
/// numbers and hashes are not those of the chain.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn of_object(
    tx: &mut Transaction,
    object_kind: &str,
    object_id: &str,
    kind: &str,
    limit: u32,
) -> Result<Vec<Event>, EventError> {
    tx.rows(
        "SELECT object_kind, object_id, version, kind, vault, body, actor, reason, happened_at
         FROM event WHERE object_kind = $1 AND object_id = $2 AND kind = $3
         ORDER BY version LIMIT $4",
        &[
            object_kind.into(),
            object_id.into(),
            kind.into(),
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(|row| read(row, 0, GENESIS))
    .collect()
}

/// The last event of one kind that an object has had, sequenced or not. Its number and hash are not those of the chain.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn last_of_object(
    tx: &mut Transaction,
    object_kind: &str,
    object_id: &str,
    kind: &str,
) -> Result<Option<Event>, EventError> {
    tx.optional_row(
        "SELECT object_kind, object_id, version, kind, vault, body, actor, reason, happened_at
         FROM event WHERE object_kind = $1 AND object_id = $2 AND kind = $3
         ORDER BY version DESC LIMIT 1",
        &[object_kind.into(), object_id.into(), kind.into()],
    )
    .await?
    .as_ref()
    .map(|row| read(row, 0, GENESIS))
    .transpose()
}

/// The first events of every kind that an object has had, sequenced or not, in order. Their numbers and hashes are
/// not those of the chain.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn history(
    tx: &mut Transaction,
    object_kind: &str,
    object_id: &str,
    limit: u32,
) -> Result<Vec<Event>, EventError> {
    tx.rows(
        "SELECT object_kind, object_id, version, kind, vault, body, actor, reason, happened_at
         FROM event WHERE object_kind = $1 AND object_id = $2
         ORDER BY version LIMIT $3",
        &[object_kind.into(), object_id.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| read(row, 0, GENESIS))
    .collect()
}

/// Recomputes the whole chain from the stored events; returns the number and hash of its head.
///
/// # Errors
///
/// [`EventError::Broken`] at the first event that does not fit.
pub async fn verify_chain(tx: &mut Transaction) -> Result<(u64, [u8; 32]), EventError> {
    let mut head = BEGINNING;
    while let Some(next) = verify_page(tx, head).await? {
        head = next;
    }
    Ok(head)
}

/// Recomputes a part of the chain that follows a number and its hash; returns those of the part's last event, or
/// nothing at the end of the chain.
///
/// # Errors
///
/// As [`verify_chain`].
pub async fn verify_page(
    tx: &mut Transaction,
    (mut number, mut previous): (u64, [u8; 32]),
) -> Result<Option<(u64, [u8; 32])>, EventError> {
    let page = after(tx, number, PAGE).await?;
    if page.is_empty() {
        return Ok(None);
    }
    for event in page {
        let expected = number.saturating_add(1);
        if event.number != expected {
            return Err(EventError::Broken {
                number: expected,
                broken: Broken::Gap,
            });
        }
        let hash = chain_hash(previous, &event)?;
        if hash != event.hash {
            return Err(EventError::Broken {
                number: event.number,
                broken: Broken::Hash,
            });
        }
        (number, previous) = (expected, hash);
    }
    Ok(Some((number, previous)))
}

/// `TH("event", previous ‖ number u64 ‖ SHA-256(canonical JSON of the event))`.
fn chain_hash(previous: [u8; 32], event: &Event) -> Result<[u8; 32], NotAnInteger> {
    use bitcoin::hashes::{Hash as _, sha256};
    let text = canonical_json(&json!({
        "actor": event.actor,
        "at": event.at.as_secs(),
        "body": event.body,
        "kind": event.kind,
        "object_id": event.object_id,
        "object_kind": event.object_kind,
        "reason": event.reason,
        "vault": event.vault.map_or_else(String::new, |vault| vault.to_string()),
        "version": event.version,
    }))?;
    let digest = sha256::Hash::hash(text.as_bytes()).to_byte_array();
    Ok(hash::tagged(
        "event",
        &[&previous, &event.number.to_le_bytes(), &digest],
    ))
}

/// Reads an event and chains it to the hash before.
pub(super) fn read(row: &Row, number: u64, previous: [u8; 32]) -> Result<Event, EventError> {
    let text = row.text("body")?;
    let body: Json = serde_json::from_str(text).map_err(|_| EventError::Broken {
        number,
        broken: Broken::Body,
    })?;
    if canonical_json(&body)? != text {
        return Err(EventError::Broken {
            number,
            broken: Broken::Body,
        });
    }
    let mut event = Event {
        number,
        object_kind: row.text("object_kind")?.to_owned(),
        object_id: row.text("object_id")?.to_owned(),
        version: row.u64("version")?,
        kind: row.text("kind")?.to_owned(),
        vault: row.optional_array("vault")?.map(VaultId::from_bytes),
        body,
        actor: row.text("actor")?.to_owned(),
        reason: row.text("reason")?.to_owned(),
        at: UnixTime::from_secs(row.u64("happened_at")?),
        hash: GENESIS,
    };
    event.hash = chain_hash(previous, &event)?;
    Ok(event)
}

fn as_hex<S: serde::Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    use bitcoin::hex::DisplayHex as _;
    serializer.collect_str(&hash.as_hex())
}
