//! `/vaults/{vault}/journals`: the signers' journals.

use axum::Json;
use axum::extract::State;

use super::Problem;
use super::authentication::Caller;
use super::body::{JsonBody, Named};
use crate::service::Service;
use crate::service::journal_imports::{ImportJournal, ImportedJournal, import_journal};
use crate::service::journals::{self, JournalView, SubmitMove};

/// Lists each signer's journal with its last receipt, and what was refused since.
#[utoipa::path(
    get, path = "/api/v1/vaults/{vault}/journals", tag = "journals", params(("vault" = String, Path)),
    responses((status = 200, body = Vec<JournalView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn list(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
) -> Result<Json<Vec<JournalView>>, Problem> {
    Ok(Json(
        journals::list_journals(&service, &actor, named.vault()?).await?,
    ))
}

/// Hands in the certificate of a move: from then on the new journal's receipts count, and the old one's
/// do not.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/journals/moves", tag = "journals",
    params(("vault" = String, Path)), request_body = SubmitMove,
    responses((status = 200, body = Vec<JournalView>), (status = "4XX", body = Problem)),
)]
pub(super) async fn submit_move(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<SubmitMove>,
) -> Result<Json<Vec<JournalView>>, Problem> {
    Ok(Json(
        journals::submit_move(&service, &actor, named.vault()?, &request).await?,
    ))
}

/// Hands in a signer's exported journal: what it signed and nobody here remembers is an earlier attempt from
/// then on.
#[utoipa::path(
    post, path = "/api/v1/vaults/{vault}/journals/imports", tag = "journals",
    params(("vault" = String, Path)), request_body = ImportJournal,
    responses((status = 200, body = ImportedJournal), (status = "4XX", body = Problem)),
)]
pub(super) async fn import(
    State(service): State<Service>,
    Caller(actor): Caller,
    named: Named,
    JsonBody(request): JsonBody<ImportJournal>,
) -> Result<Json<ImportedJournal>, Problem> {
    Ok(Json(
        import_journal(&service, &actor, named.vault()?, &request).await?,
    ))
}
