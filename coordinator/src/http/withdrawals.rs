//! `/vaults/{vault}/withdrawals`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::batches::made;
use super::body::{Asked, JsonBody, Named, Page};
use crate::service::Service;
use crate::service::renewals::{self, Renew, RenewalView};
use crate::service::withdrawals::{self, SubmitWithdrawal, WithdrawalView};
use crate::store::withdrawals::WithdrawalKey;

/// Submits a signed intent. The same intent again answers with the withdrawal as it stands.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/withdrawals", tag = "withdrawals",
    params(("vault" = String, Path)), request_body = SubmitWithdrawal,
    responses(
        (status = 201, body = WithdrawalView), (status = 200, body = WithdrawalView),
        (status = "4XX", body = Problem),
    ),
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<SubmitWithdrawal>,
) -> Result<(StatusCode, Json<WithdrawalView>), Problem> {
    let (withdrawal, new) =
        withdrawals::submit_withdrawal(&service, &actor, named.vault()?, &request).await?;
    Ok((
        if new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        Json(withdrawal),
    ))
}

/// Lists withdrawals.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/withdrawals", tag = "withdrawals", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<WithdrawalView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<WithdrawalView>>, Problem> {
    let vault = named.vault()?;
    let found =
        withdrawals::list_withdrawals(&service, &actor, vault, page.state.as_deref(), page.limit)
            .await?;
    Ok(Json(found))
}

/// Shows one withdrawal.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/withdrawals/{requester}/{id}", tag = "withdrawals",
    params(("vault" = String, Path), ("requester" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = WithdrawalView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WithdrawalView>, Problem> {
    Ok(Json(
        withdrawals::show_withdrawal(&service, &actor, &key(&named)?).await?,
    ))
}

/// Shows the withdrawal of an intent, for a person's own tool that is asked by a hash alone.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/intents/{hash}", tag = "withdrawals",
    params(("vault" = String, Path), ("hash" = String, Path)),
    responses((status = 200, body = WithdrawalView), (status = "4XX", body = Problem)),
)]
pub(super) async fn of_intent(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WithdrawalView>, Problem> {
    let (vault, hash) = (named.vault()?, named.get("hash")?);
    Ok(Json(
        withdrawals::show_intent(&service, &actor, vault, hash).await?,
    ))
}

/// Cancels a withdrawal that no attempt pays yet.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/withdrawals/{requester}/{id}/cancel", tag = "withdrawals",
    params(("vault" = String, Path), ("requester" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = WithdrawalView), (status = "4XX", body = Problem)),
)]
pub(super) async fn cancel(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<WithdrawalView>, Problem> {
    Ok(Json(
        withdrawals::cancel_withdrawal(&service, &actor, &key(&named)?, "").await?,
    ))
}

/// Pays a failed withdrawal again, exclusive with all that ever paid it; with `preview` only says what it
/// would be.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/withdrawals/{requester}/{id}/payment", tag = "withdrawals",
    params(("vault" = String, Path), ("requester" = String, Path), ("id" = String, Path)), request_body = Renew,
    responses(
        (status = 200, description = "a preview", body = RenewalView), (status = 201, body = RenewalView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn pay_again(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<Renew>,
) -> Result<(StatusCode, Json<RenewalView>), Problem> {
    let view = renewals::pay_again(&service, &actor, &key(&named)?, &request).await?;
    Ok((made(&view), Json(view)))
}

fn key(named: &Named) -> Result<WithdrawalKey, Problem> {
    Ok(WithdrawalKey {
        vault: named.vault()?,
        requester: named.get("requester")?,
        id: named.get("id")?,
    })
}
