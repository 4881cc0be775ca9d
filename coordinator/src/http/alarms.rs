//! `/alarms`: what is wrong, and what was.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, JsonBody, Named, Page};
use crate::service::Service;
use crate::service::alarms::{self, AlarmView, EndAlarm};

/// Lists the open alarms, the grave first; with `state=all` the latest before the number `after`, also those that
/// are over.
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "status", params(Page),
    responses((status = 200, body = Vec<AlarmView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    Asked(page): Asked,
) -> Result<Json<Vec<AlarmView>>, Problem> {
    let over = match page.state.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => return Err(Problem::malformed("state", "it is neither open nor all")),
    };
    Ok(Json(
        alarms::list_alarms(&service, &actor, over, page.after).await?,
    ))
}

/// Ends an alarm by the word of who looked into it.
#[utoipa::path(
    post, path = "/api/v1/alarms/{alarm}/end", tag = "status",
    params(("alarm" = String, Path)), request_body = EndAlarm,
    responses((status = 200, body = AlarmView), (status = "4XX", body = Problem)),
)]
pub(super) async fn end(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<EndAlarm>,
) -> Result<Json<AlarmView>, Problem> {
    let id = named.get("alarm")?;
    Ok(Json(
        alarms::end_alarm(&service, &actor, id, &request).await?,
    ))
}
