//! `/balancing`, a vault's marks, and drafts of transfers between vaults.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::balancing::{self, BalancingView, SetMarks};
use crate::service::transfers::{self, DraftTransfer, TransferDraft};

/// Says where each vault stands between its marks, and which transfers are worth asking for.
#[utoipa::path(
    get, path = "/api/v1/balancing", tag = "vaults",
    responses((status = 200, body = BalancingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<BalancingView>, Problem> {
    Ok(Json(balancing::show_balancing(&service, &actor).await?))
}

/// Sets the marks between which a vault's balance should stay, in place of those before.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/marks", tag = "vaults", params(("vault" = String, Path)),
    request_body = SetMarks,
    responses((status = 200, body = BalancingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn set_marks(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<SetMarks>,
) -> Result<Json<BalancingView>, Problem> {
    let view = balancing::set_marks(&service, &actor, named.vault()?, &new).await?;
    Ok(Json(view))
}

/// Takes a vault's marks away.
#[utoipa::path(
    delete, path = "/api/v1/vaults/{vault}/marks", tag = "vaults", params(("vault" = String, Path)),
    responses((status = 200, body = BalancingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn clear_marks(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<BalancingView>, Problem> {
    let view = balancing::clear_marks(&service, &actor, named.vault()?).await?;
    Ok(Json(view))
}

/// Drafts a transfer to a fresh address of another vault, for a requester to sign.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/transfers", tag = "vaults", params(("vault" = String, Path)),
    request_body = DraftTransfer,
    responses((status = 200, body = TransferDraft), (status = "4XX", body = Problem)),
)]
pub(super) async fn draft(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(new): JsonBody<DraftTransfer>,
) -> Result<Json<TransferDraft>, Problem> {
    let draft = transfers::draft_transfer(&service, &actor, named.vault()?, &new).await?;
    Ok(Json(draft))
}
