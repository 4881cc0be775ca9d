//! `/vaults/{vault}/coins/{outpoint}`: what operators say of a coin.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::books::CoinView;
use crate::service::coin_marks::{self, FreezeCoin, LabelCoin};

/// Freezes a coin: no new attempt is made of it. An attempt that holds it already goes on.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/coins/{outpoint}/freeze", tag = "books",
    params(("vault" = String, Path), ("outpoint" = String, Path)), request_body = FreezeCoin,
    responses((status = 200, body = CoinView), (status = "4XX", body = Problem)),
)]
pub(super) async fn freeze(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<FreezeCoin>,
) -> Result<Json<CoinView>, Problem> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    Ok(Json(
        coin_marks::freeze_coin(&service, &actor, vault, coin, &request).await?,
    ))
}

/// Lets a frozen coin be spent again.
#[utoipa::path(
    delete, path = "/api/v1/vaults/{vault}/coins/{outpoint}/freeze", tag = "books",
    params(("vault" = String, Path), ("outpoint" = String, Path)),
    responses((status = 200, body = CoinView), (status = "4XX", body = Problem)),
)]
pub(super) async fn thaw(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<CoinView>, Problem> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    Ok(Json(
        coin_marks::thaw_coin(&service, &actor, vault, coin).await?,
    ))
}

/// Says how a coin is called.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/coins/{outpoint}/label", tag = "books",
    params(("vault" = String, Path), ("outpoint" = String, Path)), request_body = LabelCoin,
    responses((status = 200, body = CoinView), (status = "4XX", body = Problem)),
)]
pub(super) async fn label(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<LabelCoin>,
) -> Result<Json<CoinView>, Problem> {
    let (vault, coin) = (named.vault()?, named.get("outpoint")?);
    Ok(Json(
        coin_marks::label_coin(&service, &actor, vault, coin, &request).await?,
    ))
}
