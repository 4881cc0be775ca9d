//! `/vaults/{vault}/lists` and `/vaults/{vault}/statements`: open lists of destinations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Problem;
use super::authentication::Caller;
use super::body::{Asked, JsonBody, Named, Page};
use crate::service::Service;
use crate::service::lists::{
    self, ApproveStatement, ListEntriesView, ListView, StatementView, SubmitStatement,
};

/// Lists the policy's lists of destinations.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/lists", tag = "lists", params(("vault" = String, Path)),
    responses((status = 200, body = Vec<ListView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Vec<ListView>>, Problem> {
    Ok(Json(
        lists::list_lists(&service, &actor, named.vault()?).await?,
    ))
}

/// Shows one list with its entries and how each stands.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/lists/{name}", tag = "lists",
    params(("vault" = String, Path), ("name" = String, Path), Page),
    responses((status = 200, body = ListEntriesView), (status = "4XX", body = Problem)),
)]
pub(super) async fn show(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<ListEntriesView>, Problem> {
    let (vault, name) = (named.vault()?, named.text("name")?);
    Ok(Json(
        lists::show_list(&service, &actor, vault, name, page.limit).await?,
    ))
}

/// Lists the statements that enough persons signed, for signers to take down: stops first, then newest first.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/statements", tag = "lists",
    params(("vault" = String, Path), Page),
    responses((status = 200, body = Vec<StatementView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn statements(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    Asked(page): Asked,
) -> Result<Json<Vec<StatementView>>, Problem> {
    Ok(Json(
        lists::list_statements(&service, &actor, named.vault()?, page.limit).await?,
    ))
}

/// Hands in what is to be said: of an open list, a stop, its release, a go, or the
/// acknowledgement of a version. It counts once enough have
/// signed it.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/statements", tag = "lists",
    params(("vault" = String, Path)), request_body = SubmitStatement,
    responses(
        (status = 201, body = StatementView), (status = 200, body = StatementView),
        (status = "4XX", body = Problem),
    ),
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<SubmitStatement>,
) -> Result<(StatusCode, Json<StatementView>), Problem> {
    let (statement, new) =
        lists::submit_statement(&service, &actor, named.vault()?, &request).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(statement)))
}

/// Shows one statement with its signatures, also one that too few signed yet.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/statements/{subject}", tag = "lists",
    params(("vault" = String, Path), ("subject" = String, Path)),
    responses((status = 200, body = StatementView), (status = "4XX", body = Problem)),
)]
pub(super) async fn statement(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<StatementView>, Problem> {
    let (vault, subject) = (named.vault()?, named.get("subject")?);
    Ok(Json(
        lists::show_statement(&service, &actor, vault, subject).await?,
    ))
}

/// Hands in a signature under a statement, made with the person's own tool; under a stop, also a journal's,
/// and under an acknowledgement a journal's alone.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/statements/{subject}/approvals", tag = "lists",
    params(("vault" = String, Path), ("subject" = String, Path)), request_body = ApproveStatement,
    responses((status = 200, body = StatementView), (status = "4XX", body = Problem)),
)]
pub(super) async fn approve(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<ApproveStatement>,
) -> Result<Json<StatementView>, Problem> {
    let (vault, subject) = (named.vault()?, named.get("subject")?);
    Ok(Json(
        lists::approve_statement(&service, &actor, vault, subject, &request).await?,
    ))
}
