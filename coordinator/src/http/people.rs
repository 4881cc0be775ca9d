//! `/people`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::people::invitations::{self, CreatedInvitation, InvitationView, NewInvitation};
use crate::service::people::roles::{self, RoleChangeView};
use crate::service::people::view::{self, PeopleView};

/// Lists persons with roles, keys and absences, and what waits about them.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "people",
    responses((status = 200, body = PeopleView), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
) -> Result<Json<PeopleView>, Problem> {
    Ok(Json(view::list_people(&service, &actor).await?))
}

/// Invites a person. The link is shown this once; only its hash is kept. An operator's waits for a second operator.
#[utoipa::path(
    post, path = "/api/v1/people/invitations", tag = "people", request_body = NewInvitation,
    responses((status = 201, body = CreatedInvitation), (status = "4XX", body = Problem)),
)]
pub(super) async fn invite(
    State(service): State<Service>,
    Caller(actor): Caller,
    JsonBody(new): JsonBody<NewInvitation>,
) -> Result<(StatusCode, Json<CreatedInvitation>), Problem> {
    Ok((
        StatusCode::CREATED,
        Json(invitations::invite(&service, &actor, &new).await?),
    ))
}

/// Revokes a person at once; an operator with the word of a second one, where there is one.
#[utoipa::path(
    delete, path = "/api/v1/people/{name}", tag = "people", params(("name" = String, Path)),
    responses((status = 200, body = RoleChangeView), (status = "4XX", body = Problem)),
)]
pub(super) async fn revoke(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<RoleChangeView>, Problem> {
    Ok(Json(
        roles::revoke_person(&service, &actor, named.text("name")?).await?,
    ))
}

/// Takes back the open invitation of a name: its link opens nothing any more.
#[utoipa::path(
    delete, path = "/api/v1/people/{name}/invitation", tag = "people", params(("name" = String, Path)),
    responses((status = 200, body = InvitationView), (status = "4XX", body = Problem)),
)]
pub(super) async fn take_back(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<InvitationView>, Problem> {
    Ok(Json(
        invitations::revoke_invitation_of(&service, &actor, named.text("name")?).await?,
    ))
}
