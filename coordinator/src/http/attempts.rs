//! `/vaults/{vault}/attempts` and `/attempts/{txid}`: transactions out for signing.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use policies::psbt::Encoding;

use super::Problem;
use super::authentication::Caller;
use super::batches::made;
use super::body::{Asked, AskedVersion, JsonBody, Named, Page, RawBody, Version};
use crate::service::Service;
use crate::service::attempts::{self, AttemptView, SubmittedSignatures};
use crate::service::maintenance::{self, RecordMaintenance};
use crate::service::renewals::{self, Renew, RenewalView};

/// Lists attempts, with the signers whose signatures are missing.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/attempts", tag = "attempts", params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<AttemptView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<AttemptView>>, Problem> {
    let vault = named.vault()?;
    Ok(Json(
        attempts::list_attempts(&service, &actor, vault, page.state.as_deref(), page.limit).await?,
    ))
}

/// Shows one attempt.
#[utoipa::path(
    get, path = "/api/v1/attempts/{txid}", tag = "attempts", params(("txid" = String, Path)),
    responses((status = 200, body = AttemptView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<AttemptView>, Problem> {
    Ok(Json(
        attempts::show_attempt(&service, &actor, named.txid()?).await?,
    ))
}

/// Gives the PSBT with its manifest, in version 0 or 2: binary, or base64 where `text/plain` is accepted.
#[utoipa::path(
    get, path = "/api/v1/attempts/{txid}/psbt", tag = "attempts", params(("txid" = String, Path), Version),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", body = Problem),
    ),
)]
pub(super) async fn psbt(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    AskedVersion(version): AskedVersion,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), Problem> {
    let psbt = attempts::attempt_psbt(&service, &actor, named.txid()?, version).await?;
    let text = headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    if text {
        return Ok((
            [(CONTENT_TYPE, "text/plain")],
            Encoding::Base64.encode(&psbt),
        ));
    }
    Ok(([(CONTENT_TYPE, "application/octet-stream")], psbt))
}

/// Hands in what a signer returned, in any encoding. Each signature is verified alone; a bad one is
/// named, stored with who handed it in, and hurts no other.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/signatures", tag = "attempts", params(("txid" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = SubmittedSignatures), (status = "4XX", body = Problem)),
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    RawBody(body): RawBody,
) -> Result<Json<SubmittedSignatures>, Problem> {
    Ok(Json(
        attempts::submit_signatures(&service, &actor, named.txid()?, &body).await?,
    ))
}

/// Issues an attempt that pays the same at another feerate and takes this one's place; with `preview` only
/// says what it would be.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/replacement", tag = "attempts", params(("txid" = String, Path)),
    request_body = Renew,
    responses(
        (status = 200, description = "a preview", body = RenewalView), (status = 201, body = RenewalView),
        (status = "4XX", body = Problem), (status = 503, body = Problem),
    ),
)]
pub(super) async fn replace(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<Renew>,
) -> Result<(StatusCode, Json<RenewalView>), Problem> {
    let view = renewals::replace_attempt(&service, &actor, named.txid()?, &request).await?;
    Ok((made(&view), Json(view)))
}

/// Hands in an approval of maintenance for a spend to ourselves beyond the budget, signed with the
/// approver's own tool. The PSBT is issued again with it.
#[utoipa::path(
    post, path = "/api/v1/attempts/{txid}/approvals", tag = "attempts", params(("txid" = String, Path)),
    request_body = RecordMaintenance,
    responses((status = 200, body = AttemptView), (status = "4XX", body = Problem)),
)]
pub(super) async fn approve(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<RecordMaintenance>,
) -> Result<Json<AttemptView>, Problem> {
    Ok(Json(
        maintenance::record_maintenance(&service, &actor, named.txid()?, &request).await?,
    ))
}
