//! `/vaults/{vault}/self-spends` and `/vaults/{vault}/recoveries`: batches that pay no withdrawal.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::recoveries::{self, CreateRecovery};
use crate::service::self_spends::{self, CreateSelfSpend, OwnSpendView};

/// Joins coins or renews their age; with `dry_run` only says what it would be.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/self-spends", tag = "batches",
    params(("vault" = String, Path)), request_body = CreateSelfSpend,
    responses(
        (status = 200, description = "a preview", body = OwnSpendView), (status = 201, body = OwnSpendView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn create(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<CreateSelfSpend>,
) -> Result<(StatusCode, Json<OwnSpendView>), Problem> {
    let view = self_spends::create_self_spend(&service, &actor, named.vault()?, &new).await?;
    Ok((status(&view), Json(view)))
}

/// Recovers coins that are old enough to where the policy says; with `dry_run` only says what it would be,
/// and when coins will be old enough.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/recoveries", tag = "batches",
    params(("vault" = String, Path)), request_body = CreateRecovery,
    responses(
        (status = 200, description = "a preview", body = OwnSpendView), (status = 201, body = OwnSpendView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn recover(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<CreateRecovery>,
) -> Result<(StatusCode, Json<OwnSpendView>), Problem> {
    let view = recoveries::create_recovery(&service, &actor, named.vault()?, &new).await?;
    Ok((status(&view), Json(view)))
}

fn status(view: &OwnSpendView) -> StatusCode {
    if view.batch.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}
