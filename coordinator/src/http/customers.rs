//! `/vaults/{vault}/customers`: whether references are accounts, and which of them are below 0.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::customers::{self, CustomersView, ReleaseCustomer, SetCustomers};

/// Shows whether external references are accounts of customers, and which of them are below 0.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/customers", tag = "books", params(("vault" = String, Path)),
    responses((status = 200, body = CustomersView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<CustomersView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        customers::show_customers(&service, &actor, vault).await?,
    ))
}

/// Says whether external references are accounts of customers.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/customers", tag = "books", params(("vault" = String, Path)),
    request_body = SetCustomers,
    responses((status = 200, body = CustomersView), (status = "4XX", body = Problem)),
)]
pub(super) async fn set_customers(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<SetCustomers>,
) -> Result<Json<CustomersView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        customers::set_customers(&service, &actor, vault, &new).await?,
    ))
}

/// Lets the withdrawals of a reference go although it is below 0, until it is even again.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/customers/release", tag = "books", params(("vault" = String, Path)),
    request_body = ReleaseCustomer,
    responses((status = 200, body = CustomersView), (status = "4XX", body = Problem)),
)]
pub(super) async fn release(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(asked): JsonBody<ReleaseCustomer>,
) -> Result<Json<CustomersView>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        customers::release_customer(&service, &actor, vault, &asked).await?,
    ))
}
