//! The answer to a held queue's question: one batch may go above the fee cap, never above the policy's.

use bitcoin::FeeRate;
use policies::VaultId;
use policies::document::parse_sat_per_vb;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use watchtower::store::database::Transaction;

use super::telling::{append, over};
use super::{Look, Obstacles, QueueView, show_queue};
use crate::queue::answered;
use crate::service::{Actor, QueueError, Right, Service, ServiceError, lock_vault};
use crate::store::queue as store;

/// Lets one batch go above the fee cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowFeerate {
    /// The number of the question that this answers, as the queue shows it.
    pub question: u64,
    /// The highest feerate in sat/vB that one batch may pay, an exact decimal such as `"25"`.
    pub feerate_sat_vb: String,
}

/// Answers the question of a held queue: the next batch that needs it may go at up to this feerate. A later answer
/// to the same question takes the place of an earlier one.
///
/// # Errors
/// [`QueueError`] where nothing is held, another question is open, the feerate is above the policy's cap, or lets
/// nothing go.
pub async fn allow_feerate(
    service: &Service,
    actor: &Actor,
    vault: VaultId,
    request: &AllowFeerate,
) -> Result<QueueView, ServiceError> {
    actor.require(Right::Batch, vault)?;
    let feerate = feerate_of(&request.feerate_sat_vb)?;
    let mut tx = service.database().begin_write().await?;
    lock_vault(&mut tx, vault).await?;
    let (_, policy) = service.vault(&mut tx, vault).await?;
    let look = Look::at(service, &mut tx, vault, &policy).await?;
    let decision = look.decide(&Obstacles::new());
    let terms = (decision.least, look.most);
    let question = answered(look.question.as_ref(), request.question, feerate, terms)
        .map_err(QueueError::Answer)?;
    store::allow(&mut tx, vault, &question, &actor.name, look.now).await?;
    let mut body = Map::new();
    body.insert(
        "feerate_sat_kwu".to_owned(),
        json!(feerate.to_sat_per_kwu()),
    );
    body.insert("question".to_owned(), json!(question.number));
    let by = (actor.name.as_str(), "");
    append(&mut tx, vault, "queue.allowed", body, by, look.now).await?;
    tx.commit().await?;
    show_queue(service, actor, vault).await
}

fn feerate_of(text: &str) -> Result<FeeRate, ServiceError> {
    parse_sat_per_vb(text).map_err(|_| ServiceError::Malformed {
        field: "feerate_sat_vb",
        expected: "a feerate in sat/vB such as \"2.5\", exact in sat per 1000 weight units",
    })
}

/// Spends the answer, in the transaction that makes the batch which needs it: it serves one.
///
/// # Errors
/// Where the question is not as it was looked at: then the batch must not be made either.
pub(crate) async fn use_allowance(
    tx: &mut Transaction,
    look: &Look,
    vault: VaultId,
) -> Result<(), ServiceError> {
    over(tx, look, vault, "the batch that was allowed is made").await
}
