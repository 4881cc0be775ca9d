//! `/vaults/{vault}/voids`, `/batches/{id}/voids` and `/attempts/{txid}/voids`: promises never to sign.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, JsonBody, Named, Page, RawBody};
use crate::service::Service;
use crate::service::voids::{self, VoidsView, WishVoids};

/// Lists the attempts that signers are asked to void, with who did not yet.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/voids", tag = "attempts", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<VoidsView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<VoidsView>>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        voids::wished_voids(&service, &actor, vault, page.limit).await?,
    ))
}

/// Shows who voided an attempt, and who did not.
#[utoipa::path(
    get, path = "/api/v1/attempts/{txid}/voids", tag = "attempts", params(("txid" = String, Path)),
    responses((status = 200, body = VoidsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<VoidsView>, Problem> {
    Ok(Json(
        voids::show_voids(&service, &actor, named.txid()?).await?,
    ))
}

/// Hands in a signer's void. Once nobody can sign without those who voided it, the attempt is dropped: its
/// coins are free, and what it pays is approved as before.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/voids", tag = "attempts", params(("txid" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = VoidsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    RawBody(body): RawBody,
) -> Result<Json<VoidsView>, Problem> {
    Ok(Json(
        voids::submit_void(&service, &actor, named.txid()?, &body).await?,
    ))
}

/// Asks the signers to void what a batch issued, where nothing of it was signed; with `preview` only says
/// what would be asked.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/voids", tag = "batches", params(("id" = String, Path)),
    request_body = WishVoids,
    responses((status = 200, body = Vec<VoidsView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn wish(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<WishVoids>,
) -> Result<Json<Vec<VoidsView>>, Problem> {
    Ok(Json(
        voids::wish_voids(&service, &actor, named.get("id")?, &request).await?,
    ))
}
