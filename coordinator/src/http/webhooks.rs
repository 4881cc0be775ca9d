//! `/webhooks`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::notifying::webhook_view::{
    CreatedWebhook, DeliveryView, NewWebhook, WebhookView,
};
use crate::service::notifying::webhooks;

/// A webhook with its last deliveries, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookDetail {
    webhook: WebhookView,
    deliveries: Vec<DeliveryView>,
}

/// Adds a webhook. Its secret is shown this once.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook,
    responses((status = 201, body = CreatedWebhook), (status = "4XX", body = Problem)),
)]
pub(super) async fn add(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(new): JsonBody<NewWebhook>,
) -> Result<(StatusCode, Json<CreatedWebhook>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(webhooks::add_webhook(&service, &actor, &new).await?),
    ))
}

/// Lists webhooks, the oldest first, without secrets and without addresses but for their hosts.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = Vec<WebhookView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<Vec<WebhookView>>, Problem> {
    Ok(Json(webhooks::list_webhooks(&service, &actor).await?))
}

/// Shows a webhook with its last deliveries.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookDetail), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WebhookDetail>, Problem> {
    let (webhook, deliveries) = webhooks::show_webhook(&service, &actor, named.text("id")?).await?;
    Ok(Json(WebhookDetail {
        webhook,
        deliveries,
    }))
}

/// Removes a webhook.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)),
)]
pub(super) async fn remove(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(
        webhooks::remove_webhook(&service, &actor, named.text("id")?).await?,
    ))
}

/// Pauses a webhook: what happens meanwhile is sent once it goes on.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/pause", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)),
)]
pub(super) async fn pause(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(
        webhooks::pause_webhook(&service, &actor, named.text("id")?, true).await?,
    ))
}

/// Lets a webhook go on where it stopped.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}/pause", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = "4XX", body = Problem)),
)]
pub(super) async fn resume(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(
        webhooks::pause_webhook(&service, &actor, named.text("id")?, false).await?,
    ))
}

/// Sends a webhook a test now, and says what was answered.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = "4XX", body = Problem)),
)]
pub(super) async fn test(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<DeliveryView>, Problem> {
    Ok(Json(
        webhooks::try_webhook(&service, &actor, named.text("id")?).await?,
    ))
}
