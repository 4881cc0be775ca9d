//! `/vaults/{vault}/addresses`.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, JsonBody, Named, Page};
use crate::service::Service;
use crate::service::addresses::{self, AddressView, NewAddress};

/// Issues the next deposit address. It is watched from now on, for ever.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/addresses", tag = "addresses",
    params(("vault" = String, Path)), request_body = NewAddress,
    responses((status = 200, body = AddressView), (status = "4XX", body = Problem)),
)]
pub(super) async fn issue(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<NewAddress>,
) -> Result<Json<AddressView>, Problem> {
    Ok(Json(
        addresses::issue_address(&service, &actor, named.vault()?, &new).await?,
    ))
}

/// Lists issued addresses.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/addresses", tag = "addresses", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<AddressView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<AddressView>>, Problem> {
    Ok(Json(
        addresses::list_addresses(&service, &actor, named.vault()?, page.limit).await?,
    ))
}

/// Lists the addresses that the newest descriptor does not give, the oldest first: to be reissued to whoever has them.
/// `after` is how many of them were seen already.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/addresses/superseded", tag = "addresses",
    params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<AddressView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn superseded(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<AddressView>>, Problem> {
    let (vault, after) = (named.vault()?, page.after.unwrap_or_default());
    Ok(Json(
        addresses::list_superseded(&service, &actor, vault, after, page.limit).await?,
    ))
}
