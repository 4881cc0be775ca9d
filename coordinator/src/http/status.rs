//! `/status`.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use crate::service::Service;
use crate::service::status::{self, StatusView};

/// Shows the tip, the nodes, fee estimates and parked jobs.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = StatusView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<StatusView>, Problem> {
    Ok(Json(status::show_status(&service, &actor).await?))
}
