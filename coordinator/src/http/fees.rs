//! `/vaults/{vault}/fees`: what operators said of a vault's fees; `/attempts/{txid}/ladder`: an attempt's rungs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::consolidation::{self, ConsolidationView};
use crate::service::fee_policies::{self, FeesView, SetFees};
use crate::service::ladders::{self, LadderView, MakeLadder};

/// Shows the fee policy of a vault, and what the node says of fees, with its age.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/fees", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = FeesView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show_fees(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<FeesView>, Problem> {
    Ok(Json(
        fee_policies::show_fees(&service, &actor, named.vault()?).await?,
    ))
}

/// Sets the fee policy of a vault, in place of the one before.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/fees", tag = "vaults", params(("vault" = String, Path)),
    request_body = SetFees,
    responses((status = 200, body = FeesView), (status = "4XX", body = Problem)),
)]
pub(super) async fn set_fees(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<SetFees>,
) -> Result<Json<FeesView>, Problem> {
    Ok(Json(
        fee_policies::set_fees(&service, &actor, named.vault()?, &new).await?,
    ))
}

/// Takes the fee policy of a vault away.
#[utoipa::path(
    delete, path = "/api/v1/vaults/{vault}/fees", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = FeesView), (status = "4XX", body = Problem)),
)]
pub(super) async fn clear_fees(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<FeesView>, Problem> {
    Ok(Json(
        fee_policies::clear_fees(&service, &actor, named.vault()?).await?,
    ))
}

/// Says which coins are worth joining now, what that costs, and what it saves; does nothing.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/consolidation", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = ConsolidationView), (status = "4XX", body = Problem)),
)]
pub(super) async fn consolidation(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<ConsolidationView>, Problem> {
    Ok(Json(
        consolidation::plan_consolidation(&service, &actor, named.vault()?).await?,
    ))
}

/// Shows the ladder that an attempt is a rung of.
#[utoipa::path(
    get, path = "/api/v1/attempts/{txid}/ladder", tag = "attempts", params(("txid" = String, Path)),
    responses((status = 200, body = LadderView), (status = "4XX", body = Problem)),
)]
pub(super) async fn ladder(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<LadderView>, Problem> {
    Ok(Json(
        ladders::show_ladder(&service, &actor, named.txid()?).await?,
    ))
}

/// Issues the rungs of a ladder above an attempt; with `preview` only says what they would be.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/ladder", tag = "attempts", params(("txid" = String, Path)),
    request_body = MakeLadder,
    responses(
        (status = 200, description = "a preview", body = LadderView), (status = 201, body = LadderView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn make_ladder(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<MakeLadder>,
) -> Result<(StatusCode, Json<LadderView>), Problem> {
    let view = ladders::make_ladder(&service, &actor, named.txid()?, &request).await?;
    let status = if view.preview {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(view)))
}

/// Releases a rung that is held: the one named, or the next one of the ladder where that is released.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/release", tag = "attempts", params(("txid" = String, Path)),
    responses((status = 200, body = LadderView), (status = "4XX", body = Problem)),
)]
pub(super) async fn release(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<LadderView>, Problem> {
    Ok(Json(
        ladders::release_rung(&service, &actor, named.txid()?).await?,
    ))
}
