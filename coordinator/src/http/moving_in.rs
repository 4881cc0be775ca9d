//! `/vaults/{vault}/moving-in`: a wallet that had a life elsewhere.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::moving_in::{self, MoveIn, MovingView};

/// Moves the wallet of the vault's descriptor in: its history is opening balance, and nothing of it is spent before
/// books and node agree. Asked again, it adds labels, and reads blocks again after a scan that failed.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/moving-in", tag = "vaults", params(("vault" = String, Path)),
    request_body = MoveIn,
    responses((status = 200, body = MovingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn begin(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<MoveIn>,
) -> Result<Json<MovingView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        moving_in::move_in(&service, &actor, vault, &request).await?,
    ))
}

/// Shows how far the wallet has moved in.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/moving-in", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = MovingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<MovingView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        moving_in::show_moving_in(&service, &actor, vault).await?,
    ))
}
