//! `/vaults/{vault}/batches` and `/batches/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, JsonBody, Named, Page};
use crate::service::Service;
use crate::service::batches::{self, BatchView, CreateBatch};
use crate::service::renewals::{self, PlanBatch, Renew, RenewalView};

/// Pays approved withdrawals together: reserves coins, builds the PSBT, sends it out for signing.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/batches", tag = "batches",
    params(("vault" = String, Path)), request_body = CreateBatch,
    responses((status = 201, body = BatchView), (status = "4XX", body = Problem), (status = 503, body = Problem)),
)]
pub(super) async fn create(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<CreateBatch>,
) -> Result<(StatusCode, Json<BatchView>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(batches::create_batch(&service, &actor, named.vault()?, &new).await?),
    ))
}

/// Lists batches.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/batches", tag = "batches", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<BatchView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<BatchView>>, Problem> {
    Ok(Json(
        batches::list_batches(&service, &actor, named.vault()?, page.limit).await?,
    ))
}

/// Shows one batch with its attempts.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}", tag = "batches", params(("id" = String, Path)),
    responses((status = 200, body = BatchView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<BatchView>, Problem> {
    Ok(Json(
        batches::show_batch(&service, &actor, named.get("id")?).await?,
    ))
}

/// Plans a batch anew: adds and leaves out withdrawals, merges batches into it, splits some off; with
/// `preview` only says what it would be.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/plan", tag = "batches", params(("id" = String, Path)),
    request_body = PlanBatch,
    responses(
        (status = 200, description = "a preview", body = RenewalView), (status = 201, body = RenewalView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn plan(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<PlanBatch>,
) -> Result<(StatusCode, Json<RenewalView>), Problem> {
    let view = renewals::plan_batch(&service, &actor, named.get("id")?, &request).await?;
    Ok((made(&view), Json(view)))
}

/// Cancels a batch on the chain: issues a spend to ourselves that takes the place of all its attempts; with
/// `preview` only says what it would be.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/cancellation", tag = "batches", params(("id" = String, Path)),
    request_body = Renew,
    responses(
        (status = 200, description = "a preview", body = RenewalView), (status = 201, body = RenewalView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn cancel(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<Renew>,
) -> Result<(StatusCode, Json<RenewalView>), Problem> {
    let view = renewals::cancel_batch(&service, &actor, named.get("id")?, &request).await?;
    Ok((made(&view), Json(view)))
}

/// A preview made nothing.
pub(super) fn made(view: &RenewalView) -> StatusCode {
    if view.batches.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}
