//! `/people/{name}/notifications`: what a person is told by mail, for operators.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::notifying::settings::{self, Settings, SettingsView};

/// Shows what a person is told, and how mail stands.
#[utoipa::path(
    get, path = "/api/v1/people/{name}/notifications", tag = "people", params(("name" = String, Path)),
    responses((status = 200, body = SettingsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<SettingsView>, Problem> {
    Ok(Json(
        settings::show_settings_of(&service, &actor, named.text("name")?).await?,
    ))
}

/// Says what a person is told from now on. The event log tells who said so.
#[utoipa::path(
    put, path = "/api/v1/people/{name}/notifications", tag = "people",
    params(("name" = String, Path)), request_body = Settings,
    responses((status = 200, body = SettingsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn set(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(wish): JsonBody<Settings>,
) -> Result<Json<SettingsView>, Problem> {
    Ok(Json(
        settings::set_settings_of(&service, &actor, named.text("name")?, &wish).await?,
    ))
}
