//! `/vaults/{vault}/queue`, its question's answer, and how fast a withdrawal is to be paid.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::queue::{self, AllowFeerate, ChangeSpeed, QueueView};
use crate::store::withdrawals::WithdrawalKey;

/// Shows which withdrawals go, which wait and why, and at which feerate each would go.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/queue", tag = "withdrawals", params(("vault" = String, Path)),
    responses((status = 200, body = QueueView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<QueueView>, Problem> {
    Ok(Json(
        queue::show_queue(&service, &actor, named.vault()?).await?,
    ))
}

/// Answers the question of a held queue: one batch may go at up to this feerate; answers with the queue.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/queue/allowance", tag = "withdrawals", params(("vault" = String, Path)),
    request_body = AllowFeerate,
    responses((status = 200, body = QueueView), (status = "4XX", body = Problem)),
)]
pub(super) async fn allow(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(answer): JsonBody<AllowFeerate>,
) -> Result<Json<QueueView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        queue::allow_feerate(&service, &actor, vault, &answer).await?,
    ))
}

/// Changes how fast a withdrawal is to be paid, and until when; answers with the queue.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/withdrawals/{requester}/{id}/speed", tag = "withdrawals",
    params(("vault" = String, Path), ("requester" = String, Path), ("id" = String, Path)),
    request_body = ChangeSpeed,
    responses((status = 200, body = QueueView), (status = "4XX", body = Problem)),
)]
pub(super) async fn change(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(change): JsonBody<ChangeSpeed>,
) -> Result<Json<QueueView>, Problem> {
    let key = WithdrawalKey {
        vault: named.vault()?,
        requester: named.get("requester")?,
        id: named.get("id")?,
    };
    Ok(Json(
        queue::change_speed(&service, &actor, &key, change).await?,
    ))
}
