//! `/tokens`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::tokens::{self, CreatedToken, NewToken, TokenView};

/// Makes a token. Its secret is shown this once; only its hash is kept.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = CreatedToken), (status = "4XX", body = Problem)),
)]
pub(super) async fn create(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(new): JsonBody<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(tokens::create_token(&service, &actor, &new).await?),
    ))
}

/// Lists tokens, without their secrets.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens",
    responses((status = 200, body = Vec<TokenView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<Vec<TokenView>>, Problem> {
    Ok(Json(tokens::list_tokens(&service, &actor).await?))
}

/// Revokes a token at once.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 200, body = TokenView), (status = "4XX", body = Problem)),
)]
pub(super) async fn revoke(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<TokenView>, Problem> {
    Ok(Json(
        tokens::revoke_token(&service, &actor, named.text("id")?).await?,
    ))
}
