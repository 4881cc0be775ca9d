//! `/vaults/{vault}/watched`: scripts of a vault that were given out elsewhere.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::watching::{self, NewWatched, WatchedView};

/// Watches scripts of the vault, all or none; what blocks had for them before is found by a scan.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/watched", tag = "addresses", params(("vault" = String, Path)),
    request_body = NewWatched,
    responses((status = 200, body = WatchedView), (status = "4XX", body = Problem)),
)]
pub(super) async fn watch(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<NewWatched>,
) -> Result<Json<WatchedView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        watching::watch_scripts(&service, &actor, vault, &request).await?,
    ))
}
