//! `/vaults/{vault}/successions`, `/vaults/{vault}/versions` and the signers' marks: policies that change.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::adopting::{self, Adopt, AdoptionView};
use crate::service::signers::{self, MarkSigner, StandingView};
use crate::service::versions::{self, ProposalView, SubmitSuccession, VersionsView};

/// Hands in a next version of the policy, or more signatures under it.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/successions", tag = "versions", params(("vault" = String, Path)),
    request_body = SubmitSuccession,
    responses(
        (status = 201, body = ProposalView), (status = 200, body = ProposalView),
        (status = "4XX", body = Problem),
    ),
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<SubmitSuccession>,
) -> Result<(StatusCode, Json<ProposalView>), Problem> {
    let (proposal, new) =
        versions::submit_succession(&service, &actor, named.vault()?, &request).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(proposal)))
}

/// Lists succession files, for signers to take in: the texts of those in force, then of those proposed.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/successions", tag = "versions", params(("vault" = String, Path)),
    responses((status = 200, body = Vec<String>), (status = "4XX", body = Problem)),
)]
pub(super) async fn files(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(
        versions::list_successions(&service, &actor, named.vault()?).await?,
    ))
}

/// Lists the versions of a vault's policy, and those proposed, with what is missing.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/versions", tag = "versions", params(("vault" = String, Path)),
    responses((status = 200, body = VersionsView), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<VersionsView>, Problem> {
    Ok(Json(
        versions::list_versions(&service, &actor, named.vault()?).await?,
    ))
}

/// Puts a version in force whose quorum is there and whose delay is over, or says what that would mean.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/versions/{policy}/adoption", tag = "versions",
    params(("vault" = String, Path), ("policy" = String, Path)), request_body = Adopt,
    responses((status = 200, body = AdoptionView), (status = "4XX", body = Problem)),
)]
pub(super) async fn adopt(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<Adopt>,
) -> Result<Json<AdoptionView>, Problem> {
    let (vault, policy) = (named.vault()?, named.get("policy")?);
    Ok(Json(
        adopting::adopt_version(&service, &actor, vault, policy, &request).await?,
    ))
}

/// Says who can still sign, how many more signers may go, and what to do first.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/standing", tag = "versions", params(("vault" = String, Path)),
    responses((status = 200, body = StandingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn standing(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<StandingView>, Problem> {
    Ok(Json(
        signers::show_standing(&service, &actor, named.vault()?).await?,
    ))
}

/// Marks a signer as lost, stolen, away, leaving or present, and says what that means.
#[utoipa::path(
    put, path = "/api/v1/vaults/{vault}/signers/{name}/mark", tag = "versions",
    params(("vault" = String, Path), ("name" = String, Path)), request_body = MarkSigner,
    responses((status = 200, body = StandingView), (status = "4XX", body = Problem)),
)]
pub(super) async fn mark(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<MarkSigner>,
) -> Result<Json<StandingView>, Problem> {
    let (vault, name) = (named.vault()?, named.text("name")?);
    Ok(Json(
        signers::mark_signer(&service, &actor, vault, name, &request).await?,
    ))
}
