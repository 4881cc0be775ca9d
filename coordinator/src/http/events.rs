//! `/events`: the sequenced log.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, Page};
use crate::service::Service;
use crate::service::events::{self, ChainHead, EventPage};

/// Lists events after a number, in order.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(Page),
    responses((status = 200, body = EventPage), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    Asked(page): Asked,
) -> Result<Json<EventPage>, Problem> {
    Ok(Json(
        events::list_events(&service, &actor, page.after.unwrap_or(0), page.limit).await?,
    ))
}

/// Computes the hash chain again over all events.
#[utoipa::path(
    get, path = "/api/v1/events/verification", tag = "events",
    responses((status = 200, body = ChainHead), (status = "4XX", body = Problem), (status = 500, body = Problem)),
)]
pub(super) async fn verify(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<ChainHead>, Problem> {
    Ok(Json(events::verify_events(&service, &actor).await?))
}
