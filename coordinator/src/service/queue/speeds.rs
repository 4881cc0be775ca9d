//! How fast a withdrawal is to be paid: said with its submission, changed until it is in a batch.

use policies::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::telling::append;
use super::{QueueView, show_queue};
use crate::queue::Speed;
use crate::service::withdrawals::existing;
use crate::service::{Actor, QueueError, Right, Service, ServiceError, lock_vault};
use crate::session::withdrawal::WithdrawalState;
use crate::store::queue::{self as store, SpeedRow};
use crate::store::withdrawals::WithdrawalKey;

/// Says how fast a withdrawal is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSpeed {
    /// How fast.
    pub speed: Speed,
    /// The latest time at which it should be paid (unix seconds); none if it has none.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    pub latest: Option<UnixTime>,
}

/// Changes how fast a withdrawal is to be paid, which changes nothing that anybody signed.
///
/// # Errors
/// `WithdrawalError::UnknownWithdrawal`; [`QueueError::NotQueued`] once it is in a batch or over;
/// [`QueueError::LatestIsPast`].
pub async fn change_speed(
    service: &Service,
    actor: &Actor,
    key: &WithdrawalKey,
    change: ChangeSpeed,
) -> Result<QueueView, ServiceError> {
    actor.require(Right::Batch, key.vault)?;
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, key.vault).await?;
    let row = existing(&mut tx, key).await?;
    if !matches!(
        row.state,
        WithdrawalState::Requested | WithdrawalState::Approved { .. }
    ) {
        return Err(QueueError::NotQueued {
            requester: row.key.requester,
            id: row.key.id,
            state: row.state.name(),
        }
        .into());
    }
    say_speed(&mut tx, key, change, &actor.name, service.now()).await?;
    tx.commit().await?;
    show_queue(service, actor, key.vault).await
}

/// Stores how fast a withdrawal is to be paid, in the transaction that submits or changes it, with its event.
pub(in crate::service) async fn say_speed(
    tx: &mut Transaction,
    key: &WithdrawalKey,
    change: ChangeSpeed,
    by: &str,
    at: UnixTime,
) -> Result<(), ServiceError> {
    if let Some(latest) = change.latest.filter(|latest| *latest <= at) {
        return Err(QueueError::LatestIsPast { latest, now: at }.into());
    }
    let row = SpeedRow {
        key: key.clone(),
        speed: change.speed,
        latest: change.latest,
        told: None,
    };
    store::set_speed(tx, &row, by, at).await?;
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(key.id));
    body.insert("latest".to_owned(), json!(change.latest));
    body.insert("requester".to_owned(), json!(key.requester));
    body.insert("speed".to_owned(), json!(change.speed));
    append(tx, key.vault, "queue.speed-set", body, (by, ""), at).await
}
