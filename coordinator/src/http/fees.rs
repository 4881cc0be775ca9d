//! `/vaults/{vault}/fees`: what operators said of a vault's fees.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::fee_policies::{self, FeesView, SetFees};

/// Shows the fee policy of a vault, and what the node says of fees, with its age.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/fees", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = FeesView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
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
pub(super) async fn set(
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
pub(super) async fn clear(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<FeesView>, Problem> {
    Ok(Json(
        fee_policies::clear_fees(&service, &actor, named.vault()?).await?,
    ))
}
