//! Moves withdrawals and attempts: state, version and event in one step.

use bitcoin::Txid;
use policies::{Subject, UnixTime, VaultId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use watchtower::store::database::Transaction;
use watchtower::store::events::{self, NewEvent};

use super::ServiceError;
use crate::session::attempt::AttemptEvent;
use crate::session::withdrawal::WithdrawalEvent;
use crate::store::attempts::{self, AttemptRow};
use crate::store::withdrawals::{self, WithdrawalRow};

/// Who does something, why and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) actor: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) at: UnixTime,
}

impl<'a> Cause<'a> {
    /// What somebody does without saying why.
    pub(crate) const fn by(actor: &'a str, at: UnixTime) -> Self {
        Self {
            actor,
            reason: "",
            at,
        }
    }
}

/// The object kind of withdrawals in the event log.
pub(crate) const WITHDRAWAL: &str = "withdrawal";
/// The object kind of attempts in the event log.
pub(crate) const ATTEMPT: &str = "attempt";

/// Moves a withdrawal by an event, in the row, in the table and in the log.
pub(crate) async fn move_withdrawal(
    tx: &mut Transaction,
    row: &mut WithdrawalRow,
    event: &WithdrawalEvent,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let next = row.state.clone().apply(event)?;
    withdrawals::update_state(tx, &row.key, row.version, &next).await?;
    row.state = next;
    row.version = row.version.saturating_add(1);
    let mut body = body_of(event);
    body.insert("requester".to_owned(), json!(row.key.requester));
    body.insert("id".to_owned(), json!(row.key.id));
    body.insert("intent".to_owned(), json!(row.hash));
    let object = row.key.to_string();
    let appended = events::append(
        tx,
        &NewEvent {
            object_kind: WITHDRAWAL,
            object_id: &object,
            kind: event.kind(),
            vault: Some(row.key.vault),
            body,
            actor: cause.actor,
            reason: cause.reason,
            at: cause.at,
        },
    )
    .await?;
    same_version(object, row.version, appended)
}

/// Moves an attempt by an event, in the row, in the table and in the log.
pub(crate) async fn move_attempt(
    tx: &mut Transaction,
    row: &mut AttemptRow,
    event: &AttemptEvent,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let next = row.state.clone().apply(event)?;
    let again = u32::from(matches!(event, AttemptEvent::Confirmed { .. }));
    let confirmations = row.confirmations.saturating_add(again);
    attempts::update_state(tx, row.txid, row.version, &next, confirmations).await?;
    row.state = next;
    row.version = row.version.saturating_add(1);
    row.confirmations = confirmations;
    append_attempt_event(tx, row, event.kind(), body_of(event), cause).await
}

/// Logs an event of an attempt whose row has the version that the event gives it.
pub(crate) async fn append_attempt_event(
    tx: &mut Transaction,
    row: &AttemptRow,
    kind: &str,
    mut body: Map<String, Value>,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    body.insert("batch".to_owned(), json!(row.batch));
    body.insert("txid".to_owned(), json!(row.txid));
    let object = attempt_object(row.txid);
    let appended = events::append(
        tx,
        &NewEvent {
            object_kind: ATTEMPT,
            object_id: &object,
            kind,
            vault: Some(row.vault),
            body,
            actor: cause.actor,
            reason: cause.reason,
            at: cause.at,
        },
    )
    .await?;
    same_version(object, row.version, appended)
}

fn attempt_object(txid: Txid) -> String {
    txid.to_string()
}

fn same_version(object: String, version: u64, events: u64) -> Result<(), ServiceError> {
    if version == events {
        Ok(())
    } else {
        Err(ServiceError::VersionsDiffer {
            object,
            version,
            events,
        })
    }
}

/// The body of an event, of what serializes as an object.
pub(super) fn body_of(event: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(event).expect("an event of texts and integers serializes") {
        Value::Object(body) => body,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Tells of something in a vault whose state is no part of the log: of which kind it is, and which one.
pub(crate) async fn append_event(
    tx: &mut Transaction,
    vault: VaultId,
    (object_kind, object_id): (&str, &str),
    kind: &str,
    body: Map<String, Value>,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    events::append(
        tx,
        &NewEvent {
            object_kind,
            object_id,
            kind,
            vault: Some(vault),
            body,
            actor: cause.actor,
            reason: cause.reason,
            at: cause.at,
        },
    )
    .await?;
    Ok(())
}

/// Tells of a vault as a whole.
pub(crate) async fn append_vault_event(
    tx: &mut Transaction,
    vault: VaultId,
    kind: &str,
    body: Map<String, Value>,
    cause: Cause<'_>,
) -> Result<(), ServiceError> {
    let id = vault.to_string();
    append_event(tx, vault, ("vault", &id), kind, body, cause).await
}

/// Tells of a statement: an entry of an open list, a stop, its release or a go.
pub(crate) async fn append_statement_event(
    tx: &mut Transaction,
    (vault, subject): (VaultId, Subject),
    kind: &str,
    body: Map<String, Value>,
    actor: &str,
    at: UnixTime,
) -> Result<(), ServiceError> {
    let id = subject.to_string();
    let (object, cause) = (("statement", id.as_str()), Cause::by(actor, at));
    append_event(tx, vault, object, kind, body, cause).await
}
