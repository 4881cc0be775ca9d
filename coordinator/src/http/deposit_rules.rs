//! `/vaults/{vault}/deposit-rules`: what a vault says of deposits.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::deposit_rules::{self, DepositsView, SetDeposits};

/// Shows what a vault says of deposits.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/deposit-rules", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = DepositsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show_rules(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<DepositsView>, Problem> {
    Ok(Json(
        deposit_rules::show_deposits(&service, &actor, named.vault()?).await?,
    ))
}

/// Sets what a vault says of deposits, in place of what it said before.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/deposit-rules", tag = "vaults", params(("vault" = String, Path)),
    request_body = SetDeposits,
    responses((status = 200, body = DepositsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn set_rules(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<SetDeposits>,
) -> Result<Json<DepositsView>, Problem> {
    Ok(Json(
        deposit_rules::set_deposits(&service, &actor, named.vault()?, &new).await?,
    ))
}

/// Takes away what a vault says of deposits.
#[utoipa::path(
    delete, path = "/api/v1/vaults/{vault}/deposit-rules", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = DepositsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn clear_rules(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<DepositsView>, Problem> {
    Ok(Json(
        deposit_rules::clear_deposits(&service, &actor, named.vault()?).await?,
    ))
}
