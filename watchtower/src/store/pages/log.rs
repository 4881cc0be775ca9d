//! Sequenced events, the last first.

use policies::VaultId;

use super::Span;
use crate::store::database::{Row, Transaction, Value};
use crate::store::events::{Event, EventError, GENESIS, read};

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// The vault concerned.
    pub vault: Option<VaultId>,
    /// How their kind begins, such as `deposit.`.
    pub kind: String,
    /// A part of the name of what they are about.
    pub object: String,
    /// Who did it.
    pub actor: String,
    /// When they happened.
    pub happened: Span,
}

/// The next events before a number; the last ones if none is given.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn page(
    tx: &mut Transaction,
    filter: &EventFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Event>, EventError> {
    let [since, until] = filter.happened.values()?;
    let before = before.unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs());
    let vault = filter.vault.map(|vault| vault.to_bytes().to_vec());
    tx.rows(
        "SELECT s.number, s.hash, e.object_kind, e.object_id, e.version, e.kind, e.vault, e.body,
             e.actor, e.reason, e.happened_at
         FROM event_sequence s JOIN event e ON e.object_kind = s.object_kind
             AND e.object_id = s.object_id AND e.version = s.version
         WHERE s.number < $1
             AND (length($2) = 0 OR e.vault = $2)
             AND ($3 = '' OR LOWER(e.kind) LIKE $3 ESCAPE '!')
             AND ($4 = '' OR LOWER(e.object_id) LIKE $4 ESCAPE '!')
             AND ($5 = '' OR LOWER(e.actor) LIKE $5 ESCAPE '!')
             AND e.happened_at BETWEEN $6 AND $7
         ORDER BY s.number DESC LIMIT $8",
        &[
            Value::from_u64(before)?,
            Value::Bytes(vault.unwrap_or_default()),
            Value::beginning(&filter.kind),
            Value::containing(&filter.object),
            Value::containing(&filter.actor),
            since,
            until,
            limit.into(),
        ],
    )
    .await?
    .iter()
    .map(event)
    .collect()
}

/// All sequenced events about a thing, in order; at most `limit`.
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
        "SELECT s.number, s.hash, e.object_kind, e.object_id, e.version, e.kind, e.vault, e.body,
             e.actor, e.reason, e.happened_at
         FROM event e JOIN event_sequence s ON s.object_kind = e.object_kind
             AND s.object_id = e.object_id AND s.version = e.version
         WHERE e.object_kind = $1 AND e.object_id = $2 ORDER BY e.version LIMIT $3",
        &[object_kind.into(), object_id.into(), limit.into()],
    )
    .await?
    .iter()
    .map(event)
    .collect()
}

fn event(row: &Row) -> Result<Event, EventError> {
    let event = read(row, row.u64("number")?, GENESIS)?;
    Ok(Event {
        hash: row.array("hash")?,
        ..event
    })
}
