//! `/scans`: blocks that are read again.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::scans::{self, NewScan, ScanView};

/// Asks the watchtower to read blocks again.
#[utoipa::path(
    post, path = "/api/v1/scans", tag = "status", request_body = NewScan,
    responses((status = 200, body = ScanView), (status = "4XX", body = Problem)),
)]
pub(super) async fn request(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(request): JsonBody<NewScan>,
) -> Result<Json<ScanView>, Problem> {
    Ok(Json(scans::request_scan(&service, &actor, &request).await?))
}

/// Lists what was asked to be read again, the newest first.
#[utoipa::path(
    get, path = "/api/v1/scans", tag = "status",
    responses((status = 200, body = Vec<ScanView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<Vec<ScanView>>, Problem> {
    Ok(Json(scans::list_scans(&service, &actor).await?))
}

/// Shows how far blocks are read again.
#[utoipa::path(
    get, path = "/api/v1/scans/{scan}", tag = "status", params(("scan" = u64, Path)),
    responses((status = 200, body = ScanView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<ScanView>, Problem> {
    let scan = named.get("scan")?;
    Ok(Json(scans::show_scan(&service, &actor, scan).await?))
}
