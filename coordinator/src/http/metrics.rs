//! `/metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Problem;
use super::authentication::Caller;
use crate::service::{Service, metrics};

/// Shows figures in the text format of Prometheus: open alarms by kind, the chain, the nodes, the event log.
#[utoipa::path(
    get, path = "/api/v1/metrics", tag = "status",
    responses((status = 200, content_type = "text/plain", body = String), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<impl IntoResponse, Problem> {
    let text = metrics::show_metrics(&service, &actor).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
