//! Who handed in a signature that does not hold, for which input and why.
//!
//! Invariant: a bad signature is remembered with the token that brought it, whatever name it claims:
//! the key that it names says whose place it was, the token says who did it. What is kept is bounded,
//! so that nobody fills the log; refusing goes on beyond the bound.

use policies::UnixTime;
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;
use watchtower::store::events;

use super::attempts::RefusedSignature;
use super::record::{Cause, append_event};
use super::{Actor, BatchError, ServiceError};
use crate::store::attempts::AttemptRow;

/// The most hand-ins with bad signatures that are remembered for one attempt.
const MAX_HAND_INS: u32 = 100;
/// The most bad signatures of one hand-in that are remembered one by one.
const MAX_SIGNATURES: usize = 32;
/// What such an event is called.
const KIND: &str = "session.signatures-refused";
/// What it is about.
const OBJECT: &str = "session";

/// A signature that did not hold, and who handed it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Culprit {
    /// The name of the token that handed it in.
    pub handed_in_by: String,
    /// When (unix seconds).
    #[schema(value_type = u64)]
    pub at: UnixTime,
    /// The signature, and why it was refused.
    #[serde(flatten)]
    pub refused: RefusedSignature,
}

/// Remembers the bad signatures of one hand-in.
pub(super) async fn record(
    tx: &mut Transaction,
    row: &AttemptRow,
    refused: &[RefusedSignature],
    actor: &Actor,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let id = row.txid.to_string();
    if refused.is_empty() || events::count_of_object(tx, OBJECT, &id, KIND).await? >= MAX_HAND_INS {
        return Ok(());
    }
    let kept = refused.get(..MAX_SIGNATURES).unwrap_or(refused);
    let mut body = Map::new();
    body.insert("refused".to_owned(), json!(kept));
    body.insert("signatures".to_owned(), json!(refused.len()));
    body.insert("txid".to_owned(), json!(row.txid));
    append_event(
        tx,
        row.vault,
        (OBJECT, &id),
        KIND,
        body,
        Cause::by(&actor.name, now),
    )
    .await
}

/// The bad signatures that are remembered for an attempt, in the order in which they came.
pub(super) async fn list(
    tx: &mut Transaction,
    row: &AttemptRow,
) -> Result<Vec<Culprit>, ServiceError> {
    let id = row.txid.to_string();
    let mut culprits = Vec::new();
    for event in events::of_object(tx, OBJECT, &id, KIND, MAX_HAND_INS).await? {
        let refused = event.body.get("refused").cloned().unwrap_or_default();
        let refused: Vec<RefusedSignature> = serde_json::from_value(refused).map_err(|error| {
            ServiceError::Batch(BatchError::Build {
                reason: format!("an event of attempt {id} cannot be read: {error}"),
            })
        })?;
        culprits.extend(refused.into_iter().map(|refused| Culprit {
            handed_in_by: event.actor.clone(),
            at: event.at,
            refused,
        }));
    }
    Ok(culprits)
}
